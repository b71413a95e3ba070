import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from conftest import SCRIPTS
from dna_lm.base_models import token_reader, unknown_tokens
from dna_lm.base_models.encoding import Encoder
from dna_lm.base_models.opening import BUILT_IN_FOLDER, opened_base_model
from dna_lm.base_models.unknown_tokens import UnknownTokens, count_unknown_tokens, unknown_share
from refusals import refusal

SOURCE = "the base model 'x'"
MIXED = ["ACGTACGTTTGA", "ACNNNNRYGT", "NNN", "A", "ACGTNACGT" * 5]


@pytest.fixture
def folder(tiny_random, tmp_path):
    return shutil.copytree(tiny_random, tmp_path / "tiny")


def share(folder, sequences=MIXED):
    return unknown_share(folder, sequences, SOURCE)


def encoders_share(folder, sequences=MIXED):
    with opened_base_model(str(folder)) as base:
        return Encoder(base, 512).encode(sequences).reading.unknown_share


def replace_model(folder, model, unknown: bool):
    """Give the tokenizer another model; it then has no special tokens around a sequence."""
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    if not unknown:
        settings.pop("unk_token", None)
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


def test_by_hand(tiny_random):
    # One token a letter; special tokens do not count.
    assert share(tiny_random, ["ACGN", "AC", "NR"]) == 3 / 8
    assert share(tiny_random, ["ACGT"]) == 0
    assert share(tiny_random, []) == 0


@pytest.mark.parametrize("model", [BUILT_IN_FOLDER, "tiny-random"])
@pytest.mark.parametrize("sequences", [MIXED, ["ACGT"], ["NNNN"], ["acgt" * 4, "ACGT"]])
def test_it_is_that_of_the_encoder(test_data, model, sequences):
    folder = test_data / model
    assert share(folder, sequences) == encoders_share(folder, sequences)


def test_it_is_that_of_the_encoder_for_byte_pairs_with_and_without_unknown_token(folder):
    vocabulary = {"[UNK]": 0, "[PAD]": 1, "A": 2, "C": 3, "G": 4, "T": 5, "N": 6}
    replace_model(folder, models.BPE(vocabulary, [], unk_token="[UNK]"), unknown=True)
    assert share(folder) == encoders_share(folder) == 2 / 71
    replace_model(folder, models.BPE(vocabulary, []), unknown=False)
    assert share(folder) == encoders_share(folder) == 2 / 71
    del vocabulary["N"]
    replace_model(folder, models.BPE(vocabulary, []), unknown=False)
    assert share(folder) == encoders_share(folder) == 14 / 71


def test_it_is_that_of_the_encoder_for_words_and_unigrams(folder):
    vocabulary = {"[UNK]": 0, "[PAD]": 1, "A": 2, "C": 3, "G": 4, "T": 5}
    replace_model(folder, models.WordLevel(vocabulary, unk_token="[UNK]"), unknown=True)
    assert share(folder) == encoders_share(folder) == 14 / 71
    replace_model(folder, models.Unigram([(name, -1.0) for name in vocabulary], unk_id=0), unknown=True)
    assert share(folder) == encoders_share(folder) == 14 / 71


def test_limits_that_the_tokenizer_file_sets_are_not_kept(folder):
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(4)
    tokenizer.enable_padding(length=50)
    tokenizer.save(str(folder / "tokenizer.json"))
    assert share(folder, ["ACGTNNNN"]) == 0.5


def test_many_sequences_are_read_in_batches(monkeypatch):
    sequences = ["ACGN", "AC", "NR"]
    whole = share(BUILT_IN_FOLDER, sequences)
    monkeypatch.setattr(token_reader, "BATCH", 2)
    assert share(BUILT_IN_FOLDER, sequences) == whole == 3 / 6


# --- of a base model -------------------------------------------------------------------------------------------------


def test_of_a_dataset(test_data):
    for model in ("tiny-random", "tiny-random.zip"):
        counted = count_unknown_tokens(str(test_data / model), "lab/tiny", ["ACGN", "AC", "NR"], seed=1)
        assert counted == UnknownTokens("the base model 'lab/tiny'", 3 / 8, 3, 3)
    assert counted.summary() == "Of the tokens of the 3 sequences, 37.50% are unknown to the base model 'lab/tiny'"
    assert counted.warnings("the dataset") == [
        "the dataset: 37.5% of the tokens are unknown to the base model (N and other ambiguous nucleotides); the "
        "model cannot read them, so remove such sequences"
    ]


@pytest.mark.parametrize(("share", "warned"), [(0.0, False), (0.01, False), (0.0101, True)])
def test_it_is_warned_of_above_one_in_a_hundred(share, warned):
    assert bool(UnknownTokens(SOURCE, share, 3, 3).warnings("the dataset")) is warned


def test_nothing_is_reported_of_tokens_that_are_all_known():
    assert UnknownTokens(SOURCE, 0.0, 3, 3).summary() == ""
    assert "less than 0.01% are unknown" in UnknownTokens(SOURCE, 0.00001, 3, 3).summary()


def test_of_many_sequences_some_are_drawn(monkeypatch, tiny_random):
    monkeypatch.setattr(unknown_tokens, "MOST_SEQUENCES", 40)
    sequences = np.array(["ACGT", "NNNN"])[np.random.default_rng(1).integers(0, 2, 1000)].tolist()
    counted = count_unknown_tokens(str(tiny_random), None, sequences, seed=1)
    assert (counted.counted, counted.given) == (40, 1000)
    assert 0.2 < counted.share < 0.8
    assert counted.summary().startswith("Of the tokens of 40 of the 1,000 sequences, ")
    assert counted == count_unknown_tokens(str(tiny_random), None, sequences, seed=1)


def test_a_model_without_the_file_cannot_be_counted_with(folder):
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.txt").write_text("[UNK]\nA\n")
    counted = count_unknown_tokens(str(folder), None, ["ACGT"], seed=1)
    assert counted.share is None
    assert counted.warnings("the dataset") == []
    assert counted.summary() == (
        "The share of tokens that the base model 'tiny' does not know could not be counted, since it has no "
        "tokenizer.json"
    )


def test_a_tokenizer_without_a_base_is_refused(folder):
    content = json.loads((folder / "tokenizer.json").read_text())
    content["model"]["vocab"]["L"] = content["model"]["vocab"].pop("G")
    (folder / "tokenizer.json").write_text(json.dumps(content))
    assert refusal(count_unknown_tokens, str(folder), None, ["ACGT"], seed=1) == (
        "the base model 'tiny': its tokenizer does not know the letter G; choose a model made for DNA"
    )


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe"])
def test_a_tokenizer_that_is_no_json_is_refused(folder, content):
    (folder / "tokenizer.json").write_bytes(content)
    message = refusal(count_unknown_tokens, str(folder), None, ["ACGT"], seed=1)
    assert message.startswith("the base model 'tiny': tokenizer.json is not JSON (")
    assert message.endswith("); save the model again")


def test_a_tokenizer_without_its_parts_is_refused(folder):
    (folder / "tokenizer.json").write_text('{"version": "1.0"}')
    message = refusal(count_unknown_tokens, str(folder), None, ["ACGT"], seed=1)
    assert message.startswith("the base model 'tiny': its tokenizer cannot be loaded (")
    assert message.endswith("); choose another base model")
    assert "\n" not in message


def test_neither_torch_nor_weights_are_touched(tiny_random):
    program = (
        "import sys; from dna_lm.base_models.unknown_tokens import count_unknown_tokens as count; "
        f"count({str(tiny_random)!r}, None, ['ACGT'], 1); "
        "sys.exit(', '.join({'torch', 'transformers', 'safetensors'} & set(sys.modules)) or 0)"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=SCRIPTS).returncode == 0
