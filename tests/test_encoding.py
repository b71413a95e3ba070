import json
import shutil

import pytest
from transformers import AutoConfig

from dna_lm.base_models.encoding import Encoded, Encoder, Reading, positions, summary, warnings
from dna_lm.base_models.opening import opened_base_model
from refusals import refusal

SOURCE = "the input (a.fa)"


@pytest.fixture
def folder(tiny_random, tmp_path):
    return shutil.copytree(tiny_random, tmp_path / "tiny")


def encoder(folder, max_length=100) -> Encoder:
    with opened_base_model(str(folder)) as base:
        return Encoder(base, max_length)


def change_json(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def without(*names):
    def change(content):
        for name in names:
            content.pop(name)

    return change


def test_tokens(tiny_random):
    # CLS 1, SEP 2, A 5, C 6, G 7, T 8
    encoded = encoder(tiny_random).encode(["ACGT", "T"])
    assert encoded == Encoded([[1, 5, 6, 7, 8, 2], [1, 8, 2]], Reading(2))


def test_the_share_of_unknown_tokens_leaves_special_tokens_out(tiny_random):
    encoded = encoder(tiny_random).encode(["ACGN", "AC", "NR"])
    assert encoded.tokens[0] == [1, 5, 6, 7, 0, 2]
    assert encoded.reading.unknown_share == 3 / 8


def test_cut_sequences_keep_their_start_and_the_special_tokens(tiny_random):
    encoded = encoder(tiny_random, max_length=5).encode(["ACG", "ACGT", "TTTTTTTT"])
    assert encoded == Encoded([[1, 5, 6, 7, 2], [1, 5, 6, 7, 2], [1, 8, 8, 8, 2]], Reading(3, cut=2))


def test_unknown_tokens_that_are_cut_off_do_not_count(tiny_random):
    assert encoder(tiny_random, max_length=5).encode(["ACGNNNN"]).reading.unknown_share == 0


def test_the_limit_of_the_model_goes_before_the_one_asked_for(tiny_random):
    limited = encoder(tiny_random, max_length=100_000)
    assert limited.max_length == limited.model_limit == 512
    assert [len(ids) for ids in limited.encode(["A" * 600]).tokens] == [512]


def test_the_limit_of_the_tokenizer_counts_too(folder):
    change_json(folder / "tokenizer_config.json", lambda content: content.update(model_max_length=20))
    assert encoder(folder).max_length == 20


def test_the_share_of_unknown_tokens_is_told_if_there_are_any():
    assert summary(Reading(2, unknown_share=0.0034), SOURCE) == (
        f"{SOURCE}: 2 sequences, 0.34% of whose tokens are unknown to the base model"
    )
    assert summary(Reading(1), SOURCE) == f"{SOURCE}: 1 sequences"


# --- warnings --------------------------------------------------------------------------------------------------------


def said(tiny_random, sequences, max_length=100, **of_tool):
    one = encoder(tiny_random, max_length)
    return warnings(one.encode(sequences).reading, one, SOURCE, **of_tool)


def test_nothing_to_warn_of(tiny_random):
    assert said(tiny_random, ["ACGT" * 10]) == []


@pytest.mark.parametrize(("unknown", "warned"), [(1, False), (2, True)])
def test_unknown_tokens_are_warned_of_above_one_in_a_hundred(tiny_random, unknown, warned):
    sequences = ["A" * 50, "C" * (50 - unknown) + "N" * unknown]
    texts = said(tiny_random, sequences)
    assert (
        texts
        == [
            f"{SOURCE}: 2.0% of the tokens are unknown to the base model (N and other ambiguous nucleotides); the "
            "model cannot read them, so remove such sequences"
        ]
        * warned
    )


@pytest.mark.parametrize(
    ("max_length", "of_tool", "advice"),
    [
        (
            6,
            {"trained": False},
            "raise the maximum length (the base model reads up to 512 tokens) or cut the sequences around their center",
        ),
        (
            6,
            {},
            "cut the sequences around their center, or train the adapter anew with a larger maximum length (the base "
            "model reads up to 512 tokens)",
        ),
        (
            6,
            {"shorter": "choose shorter windows"},
            "choose shorter windows, or train the adapter anew with a larger maximum length (the base model reads up "
            "to 512 tokens)",
        ),
        (512, {"shorter": "choose shorter windows"}, "the base model reads no more, so choose shorter windows"),
        (512, {"trained": False}, "the base model reads no more, so cut the sequences around their center"),
    ],
)
def test_cut_sequences_are_warned_of_with_advice_that_the_tool_can_follow(tiny_random, max_length, of_tool, advice):
    sequences = ["A" * (max_length - 2), "A" * (max_length - 1), "A" * max_length]
    assert said(tiny_random, sequences, max_length, **of_tool) == [
        f"{SOURCE}: 2 of 3 sequences are longer than {max_length} tokens and lose their end; {advice}"
    ]


# --- positions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("architecture", "settings", "expected"),
    [
        ("bert", {"max_position_embeddings": 128}, 128),
        ("gpt2", {"n_positions": 128}, 128),
        ("mpt", {"max_seq_len": 128}, 128),
        ("llama", {"max_position_embeddings": 128}, 128),
        # a window of attention is no limit: the layers pass on what is outside of it
        ("mistral", {"max_position_embeddings": 128, "sliding_window": 16}, 128),
        ("modernbert", {"max_position_embeddings": 128, "local_attention": 16}, 128),
        # positions from the pad token's number + 1 on
        ("roberta", {"max_position_embeddings": 128}, 124),
        ("esm", {"max_position_embeddings": 128}, 124),
        ("xlm-roberta-xl", {"max_position_embeddings": 128}, 124),
        ("mpnet", {"max_position_embeddings": 128}, 126),
        # a language model inside of a larger one
        ("gemma3", {"text_config": {"max_position_embeddings": 128}}, 128),
        # positions that are relative
        ("bloom", {}, None),
        ("t5", {}, None),
        ("xlnet", {}, None),
    ],
)
def test_the_positions_of_a_model(architecture, settings, expected):
    assert positions(AutoConfig.for_model(architecture, **settings), pad_token_id=3) == expected


# --- tokenizers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        (["pad_token"], "[MASK]"),
        (["pad_token", "mask_token"], "[UNK]"),
        (["pad_token", "mask_token", "unk_token"], "[UNK]"),
        ([], "[PAD]"),
    ],
    ids=["no pad token", "no pad and no mask token", "no pad, mask and unknown token", "a pad token"],
)
def test_a_pad_token_is_always_there(folder, missing, expected):
    change_json(folder / "tokenizer_config.json", without(*missing))
    assert encoder(folder).tokenizer.pad_token == expected


def test_a_tokenizer_without_a_base_is_refused(folder):
    def rename_g(content):
        content["model"]["vocab"]["L"] = content["model"]["vocab"].pop("G")

    change_json(folder / "tokenizer.json", rename_g)
    assert refusal(encoder, folder) == (
        "the base model 'tiny': its tokenizer does not know the letter G; choose a model made for DNA"
    )


def test_a_damaged_tokenizer_is_refused(folder):
    (folder / "tokenizer.json").write_text('{"version": "1.0"}')
    message = refusal(encoder, folder)
    assert message.startswith("the base model 'tiny': its tokenizer cannot be loaded (")
    assert message.endswith("); choose another base model")


def drop_unknown_letters(folder, post_processor: bool):
    """Make the tokenizer one of byte pairs without an unknown token: it leaves out what it does not know."""

    def change(content):
        nothing = ("dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix")
        flags = ("fuse_unk", "byte_fallback", "ignore_merges")
        names = ("[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]", "A", "C", "G", "T")
        vocabulary = {name: number for number, name in enumerate(names)}
        content["model"] = {"type": "BPE", "vocab": vocabulary, "merges": []}
        content["model"] |= dict.fromkeys(nothing) | dict.fromkeys(flags, False)
        if not post_processor:
            content["post_processor"] = None

    change_json(folder / "tokenizer.json", change)
    change_json(folder / "tokenizer_config.json", without("unk_token"))


def test_letters_that_a_tokenizer_drops_count_as_unknown(folder):
    drop_unknown_letters(folder, post_processor=True)
    encoded = encoder(folder).encode(["ACGN", "NNNN"])
    assert encoded.tokens == [[1, 5, 6, 7, 2], [1, 2]]
    assert encoded.reading.unknown_share == 5 / 8


def test_a_sequence_of_which_nothing_is_left_still_has_a_token(folder):
    drop_unknown_letters(folder, post_processor=False)
    assert encoder(folder).encode(["ACGT", "NN"]) == Encoded([[5, 6, 7, 8], [3]], Reading(2, 2 / 6))


@pytest.mark.parametrize(
    ("file", "changes"),
    [
        ("tokenizer_config.json", {"model_max_length": "long"}),
        ("tokenizer_config.json", {"unk_token": ""}),
        ("config.json", {"vocab_size": -1}),
    ],
)
def test_settings_that_spoil_a_tokenizer_after_it_was_loaded_are_refused(folder, file, changes):
    path = folder / file
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    message = refusal(encoder, folder)
    assert message.startswith("the base model 'tiny': its tokenizer cannot be loaded (")
    assert message.endswith("); choose another base model")
