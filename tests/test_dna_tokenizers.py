"""Tokenizers of classes that transformers lacks, against the same rules written letter by letter."""

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer, EsmTokenizer

import tiny_models
from dna_lm.base_models.encoding import Encoder
from dna_lm.base_models.opening import opened_base_model, tokenizer_sha256
from dna_lm.base_models.unknown_tokens import count_unknown_tokens
from dna_lm.data.sequences import reverse_complement
from dna_lm.exchange.exporting import _write_tokenizer
from dna_lm.tokenizers.building import built, wrapped
from dna_lm.tokenizers.description import Description, kmers_of
from dna_lm.tokenizers.registry import described
from refusals import refusal

ATCG = "ATCG"
GENERATOR_FOLDER = Path(__file__).parent / "architectures" / "generator"
HYENA = {
    "tokenizer_class": "HyenaDNATokenizer",
    "auto_map": {"AutoTokenizer": ["tokenization_hyena.HyenaDNATokenizer", None]},
    "model_max_length": 130,
    "padding_side": "left",
}
CADUCEUS = {
    "tokenizer_class": "CaduceusTokenizer",
    "auto_map": {"AutoTokenizer": ["tokenization_caduceus.CaduceusTokenizer", None]},
}
ESM = {"tokenizer_class": "EsmTokenizer", "eos_token": None, "model_max_length": 64}
GENERATOR = {
    "tokenizer_class": "DNAKmerTokenizer",
    "auto_map": {"AutoTokenizer": ["tokenizer.DNAKmerTokenizer", None]},
    "k": 3,
    "add_bos_token": True,
    "add_eos_token": False,
    "model_max_length": 1000000000000000019884624838656,
}
ESM_SPECIAL = ["<unk>", "<pad>", "<mask>", "<cls>", "<eos>", "<bos>"]
GENERATOR_SPECIAL = (
    *("<oov>", "<s>", "</s>", "<pad>", "<mask>", "<bog>", "<eog>", "<bok>", "<eok>", "<+>", "<->", "<cds>", "<pseudo>"),
    *("<tRNA>", "<rRNA>", "<ncRNA>", "<miscRNA>", "<mam>", "<vrt>", "<inv>", "<pln>", "<fng>", "<prt>", "<arc>"),
    *("<bct>", "<mit>", "<plt>", "<plm>", "<vir>", "<sp0>", "<sp1>", "<sp2>"),
)


def esm_vocabulary(k: int) -> list[str]:
    return [*ESM_SPECIAL, *kmers_of(ATCG, k), *"ATCGN"]


def generator_vocabulary(k: int) -> list[str]:
    return [*GENERATOR_SPECIAL, *kmers_of(ATCG, k)]


# --- the rules, letter by letter -------------------------------------------------------------------------------------


def by_letters(text: str, upper: bool) -> list[int]:
    special = {"[CLS]": 0, "[SEP]": 1, "[BOS]": 2, "[MASK]": 3, "[PAD]": 4, "[UNK]": 6}
    ids, place = [], 0
    while place < len(text):
        token = next((one for one in special if text.startswith(one, place)), None)
        if token:
            ids.append(special[token])
        else:
            letter = text[place].upper() if upper else text[place]
            ids.append("ACGTN".index(letter) + 7 if letter in "ACGTN" else 6)
        place += len(token or " ")
    return [*ids, 1]


def by_esm(text: str, k: int) -> list[int]:
    vocabulary = esm_vocabulary(k)
    numbers, ids, place, in_unknown = {token: number for number, token in enumerate(vocabulary)}, [], 0, False
    while place < len(text):
        lengths = (length for length in (6, 5, 4, 3, 2, 1) if text[place : place + length] in numbers)
        token = next((one for one in ESM_SPECIAL if text.startswith(one, place)), None)
        token = token or text[place : place + next(lengths, 0)]
        if token:
            ids.append(numbers[token])
        elif not text[place].isspace() and not in_unknown:
            ids.append(0)
        in_unknown = not token and not text[place].isspace()
        place += len(token) or 1
    return [3, *ids]


def by_generator(text: str, k: int) -> list[int]:
    vocabulary = generator_vocabulary(k)
    ids, place = [], 0
    while place < len(text):
        token = next((one for one in GENERATOR_SPECIAL if text.startswith(one, place)), None)
        if not token:
            end = place
            while end < len(text) and end < place + k and "A" <= text[end] <= "Z":
                end += 1
            token = text[place : max(end, place + 1)]
        ids.append(vocabulary.index(token) if token in vocabulary else 0)
        place += len(token)
    return [1, *ids]


def texts(special) -> st.SearchStrategy[str]:
    pieces = st.one_of(
        st.text("ACGT", max_size=20), st.text("ACGTNRYacgtn \n\t<>[]x", max_size=8), st.sampled_from(special)
    )
    return st.lists(pieces, max_size=8).map("".join)


def in_folder(folder: Path, settings: dict, vocabulary: Sequence[str] | None = None) -> Description | None:
    folder.mkdir(exist_ok=True)
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    if vocabulary:
        (folder / "vocab.txt").write_text("\n".join(vocabulary))
    return described(folder, settings, "the base model 'x'")


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory):
    place = tmp_path_factory.mktemp("tokenizers")
    return {
        "hyena": built(in_folder(place / "hyena", HYENA)),
        "caduceus": built(in_folder(place / "caduceus", CADUCEUS)),
        "esm": built(in_folder(place / "esm", ESM, esm_vocabulary(3))),
        "generator": built(in_folder(place / "generator", GENERATOR)),
        "transformers": EsmTokenizer(str(place / "esm" / "vocab.txt"), eos_token=None),
    }


@given(text=texts(["[CLS]", "[SEP]", "[PAD]", "[UNK]", "[RESERVED]", "[MASK]"]))
def test_letters(tokenizers, text):
    assert tokenizers["hyena"].encode(text).ids == by_letters(text, upper=False)
    assert tokenizers["caduceus"].encode(text).ids == by_letters(text, upper=True)


@given(text=texts(ESM_SPECIAL))
def test_kmers_of_nucleotide_transformer(tokenizers, text):
    found = tokenizers["esm"].encode(text).ids
    assert found == by_esm(text, 3)
    assert found == tokenizers["transformers"](text)["input_ids"]


@given(text=texts(GENERATOR_SPECIAL))
def test_kmers_of_generator(tokenizers, text):
    assert tokenizers["generator"].encode(text).ids == by_generator(text, 3)


def test_the_vocabularies_are_the_published_ones(tmp_path):
    """The digests are those of the files that the authors published."""
    text = "\n".join(esm_vocabulary(6))
    assert sha256(text) == "c00e0ad166d6ab3f7540ebc92270392e581bb3106763412f29034b49323e1052"
    pairs = [f"{token} {number}" for number, token in enumerate(generator_vocabulary(6))]
    assert sha256("\n".join(pairs) + "\n") == "068e0d76ca42ac672ade448afb2462ce4bd800a1fc1ad863d0b65992d90cf881"
    one = in_folder(tmp_path / "pairs", GENERATOR | {"k": 6}, pairs)
    assert one.tokens == tuple(generator_vocabulary(6))
    assert one == in_folder(tmp_path / "tokens", GENERATOR | {"k": 6}, generator_vocabulary(6))
    assert in_folder(tmp_path / "esm", ESM, esm_vocabulary(6)).k == 6


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_cases_of_six_letters(tmp_path):
    """What a transcription of the authors' class gives; see tests/architectures."""
    recorded = json.loads((GENERATOR_FOLDER / "inputs.json").read_text())
    for settings, key in (({}, "ids_bos_only"), ({"add_eos_token": True}, "ids_bos_eos")):
        tokenizer = wrapped(in_folder(tmp_path / key, GENERATOR | {"k": 6} | settings))
        for case in recorded["tokenizer_cases_6mer"]:
            assert tokenizer(case["text"])["input_ids"] == case[key]
            assert tokenizer(case["text"], add_special_tokens=False)["input_ids"] == case["ids_without_special"]


# --- a model with such a tokenizer -----------------------------------------------------------------------------------

SIZES = {"hyena": 16, "caduceus": 16, "esm": 75, "generator": 96}
KINDS = {"hyena": HYENA, "caduceus": CADUCEUS, "esm": ESM, "generator": GENERATOR}


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def model(folder: Path, kind: str, **settings) -> Path:
    tiny_models.write_model(folder, "llama", SIZES[kind], max_position_embeddings=200)
    in_folder(folder, KINDS[kind] | settings, esm_vocabulary(3) if kind == "esm" else None)
    return folder


def encoder(folder: Path, max_length: int = 100, kmer: int | None = None) -> Encoder:
    with opened_base_model(str(folder)) as base:
        return Encoder(base, max_length, kmer)


def test_it_is_saved_as_transformers_own(kind, tmp_path):
    folder = model(tmp_path / "model", kind)
    (tmp_path / "saved").mkdir()
    with opened_base_model(str(folder)) as base:
        one = Encoder(base, 100, None)
        _write_tokenizer(base, one, tmp_path / "saved")
    assert (tmp_path / "saved" / "tokenizer.json").exists()
    again = AutoTokenizer.from_pretrained(tmp_path / "saved", trust_remote_code=False)
    for text in ("ACGTACGTTA", "ACGNNACGTR", "acgtN", "A"):
        assert again(text)["input_ids"] == one.tokenizer(text)["input_ids"]
    assert again.pad_token == one.tokenizer.pad_token
    for name in ("config.json", "model.safetensors"):
        shutil.copyfile(folder / name, tmp_path / "saved" / name)
    sequences = ["ACGTACGTTA", "ACGNNACGTR", "A", "ACGTTGCA" * 20]
    assert encoder(tmp_path / "saved", 20).encode_both(sequences) == encoder(folder, 20).encode_both(sequences)


def test_unknown_tokens_are_counted_without_the_weights(kind, tmp_path):
    folder = model(tmp_path / "model", kind)
    sequences = ["ACGTACGTTA", "ACGRYNACGT", "ACGTTGCA"]
    counted = count_unknown_tokens(str(folder), None, sequences, 0)
    assert counted.share == pytest.approx(encoder(folder).encode(sequences).reading.unknown_share)
    assert counted.share > 0


def test_what_it_is_known_by(kind, tmp_path):
    folder = model(tmp_path / "model", kind)
    before = tokenizer_sha256(str(folder))
    with opened_base_model(str(folder)) as base:
        assert base.tokenizer_sha256 == before
    settings = KINDS[kind] | {"model_max_length": 50, "clean_up_tokenization_spaces": False}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    assert tokenizer_sha256(str(folder)) == before
    others = {tokenizer_sha256(str(model(tmp_path / other, other))) for other in KINDS}
    assert len(others) == len(KINDS)
    eos = {"add_eos_token": True}
    assert tokenizer_sha256(str(model(tmp_path / "eos", "generator", **eos))) not in others


def test_kmers_side_by_side_are_told_from_overlapping_ones(tmp_path):
    for kind in ("esm", "generator"):
        folder = model(tmp_path / kind, kind)
        assert (encoder(folder).kmer, encoder(folder).word, encoder(folder, kmer=-1).kmer) == (-1, 3, -1)
        for k in (1, 3, 6):
            assert refusal(encoder, folder, kmer=k) == (
                f"the base model {kind!r}: its tokenizer divides sequences into k-mers of 3 nucleotides itself, side "
                f"by side, and reads no overlapping ones of {k}; set the k-mer length to -1"
            )
    assert encoder(model(tmp_path / "hyena", "hyena")).word == 1


def test_generator_reads_whole_kmers_of_both_strands(tmp_path):
    one = encoder(model(tmp_path / "model", "generator"))
    numbers = {token: number for number, token in enumerate(generator_vocabulary(3))}
    encoded, reverse = one.encode_both(["ACGTACG", "ACGTAC", "C"])
    words = [["AAA", "CGT", "ACG"], ["ACG", "TAC"], ["AAC"]]
    others = [["AAC", "GTA", "CGT"], ["GTA", "CGT"], ["AAG"]]
    assert encoded.tokens == [[1, *map(numbers.get, row)] for row in words]
    assert reverse == [[1, *map(numbers.get, row)] for row in others]
    assert encoded.reading.unknown_share == 0
    assert one.encode(["ACGNACG"]).reading.unknown_share == 1 / 3


@given(
    kind=st.sampled_from(["esm", "generator"]),
    sequences=st.lists(st.text("ACGT", max_size=60) | st.text("ACGTNR", max_size=60), min_size=1, max_size=5),
    max_length=st.integers(3, 12),
)
def test_both_strands_are_read_of_the_same_piece(encoders, kind, sequences, max_length):
    one = encoders[kind]
    one.max_length = max_length
    room = max_length - 1
    alone = one.encode(sequences)
    encoded, reverse = one.encode_both(sequences)
    by_rule = by_esm if kind == "esm" else by_generator
    for number, sequence in enumerate(sequences):
        filling = len(filled(sequence, kind)) - len(sequence)
        whole = by_rule(filled(sequence, kind), 3)
        assert alone.tokens[number] == whole[:max_length]
        piece = sequence[: encoded.letters[number]]
        both = [by_rule(filled(text, kind), 3) for text in (piece, reverse_complement(piece))]
        assert [encoded.tokens[number], reverse[number]] == both
        assert len(encoded.tokens[number]) - 1 <= room
        if len(whole) > max_length and not set(sequence) - set("ACGT"):
            # All that has room is read.
            assert encoded.letters[number] == alone.letters[number] == (room * 3 - filling)


def filled(sequence: str, kind: str) -> str:
    """Return what is read of a sequence: GENERator reads whole k-mers."""
    return "A" * (-len(sequence) % 3) + sequence if kind == "generator" else sequence


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    place = tmp_path_factory.mktemp("encoders")
    return {kind: encoder(model(place / kind, kind)) for kind in ("esm", "generator")}


# --- what is refused -------------------------------------------------------------------------------------------------


def test_a_vocabulary_that_does_not_fit(tmp_path):
    folder = model(tmp_path / "x", "generator")
    wrong = (
        "the base model 'x': its tokenizer_config.json names {}, but what is beside it does not fit ({}); choose an "
        "unchanged copy of the model"
    )
    (folder / "vocab.txt").write_text("\n".join(generator_vocabulary(2)))
    expected = wrong.format("DNAKmerTokenizer", "vocab.txt is not the vocabulary of k = 3")
    assert refusal(encoder, folder) == refusal(tokenizer_sha256, str(folder)) == expected
    (folder / "vocab.txt").unlink()
    for k, reason in (
        (None, "k, the length of its k-mers, is None"),
        (True, "k, the length of its k-mers, is True"),
        (0, "k, the length of its k-mers, is 0"),
        (10**9, "its k-mers have 1,000,000,000 letters, and more than 8 are refused"),
    ):
        in_folder_settings(folder, GENERATOR | {"k": k})
        assert refusal(encoder, folder) == wrong.format("DNAKmerTokenizer", reason)
    in_folder_settings(folder, GENERATOR | {"pad_token": "<none>"})
    assert refusal(encoder, folder) == wrong.format("DNAKmerTokenizer", "pad_token '<none>' is none of its tokens")
    in_folder_settings(folder, HYENA | {"added_tokens_decoder": {"4": {"content": "[MASK]"}}})
    assert refusal(encoder, folder) == wrong.format("HyenaDNATokenizer", "'[MASK]' does not have the number 4")
    for tokens in (esm_vocabulary(3)[:-6] + list("ATCGN"), [*esm_vocabulary(3), "AC"], [*esm_vocabulary(3), "A"]):
        in_folder_settings(folder, ESM)
        (folder / "vocab.txt").write_text("\n".join(tokens))
        assert refusal(encoder, folder) == wrong.format(
            "EsmTokenizer", "vocab.txt does not have each of the 64 3-mers once, and no others"
        )
    (folder / "vocab.txt").write_text("\n".join([*ESM_SPECIAL, "A" * 20]))
    assert "(its k-mers have 20 letters, and more than 8 are refused)" in refusal(encoder, folder)


def in_folder_settings(folder: Path, settings: dict) -> None:
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


@pytest.mark.parametrize("rows", [95, 192, 4128])
def test_a_model_with_other_embeddings(tmp_path, rows):
    folder = model(tmp_path / "x", "generator")
    assert encoder(folder).word == 3
    shutil.rmtree(folder)
    tiny_models.write_model(folder, "llama", rows)
    in_folder_settings(folder, GENERATOR)
    assert refusal(encoder, folder) == (
        f"the base model 'x': its tokenizer has 96 tokens, but the model has embeddings for {rows:,}; choose a model "
        "with the tokenizer that it was trained with"
    )


@pytest.mark.parametrize("settings", [HYENA, GENERATOR, {"tokenizer_class": "EsmTokenizer"}])
def test_code_that_is_not_known(tmp_path, settings):
    folder = model(tmp_path / "x", "generator")
    in_folder_settings(folder, settings | {"auto_map": {"AutoTokenizer": ["run_me.Tokenizer", None]}})
    for function in (encoder, lambda path: tokenizer_sha256(str(path))):
        message = refusal(function, folder)
        assert "wants to run code of its own (auto_map in its settings: run_me.Tokenizer), which is refused" in message
        assert "\n" not in message


def test_a_vocabulary_without_kmers_is_left_to_transformers(tmp_path):
    """As that of proteins."""
    assert in_folder(tmp_path / "x", ESM, [*ESM_SPECIAL, *"LAGVSERTIDPKQNFYMHWC"]) is None
