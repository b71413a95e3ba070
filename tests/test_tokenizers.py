"""Kinds of tokenizers that DNA models have, with hand-worked numbers: [PAD] [UNK] [CLS] [SEP] [MASK] are 0 to 4."""

import json
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tiny_models
from dna_lm.base_models.encoding import Encoded, Encoder, Reading, warnings
from dna_lm.base_models.opening import BUILT_IN_FOLDER, opened_base_model
from dna_lm.base_models.token_reader import kmers
from dna_lm.base_models.unknown_tokens import unknown_share
from dna_lm.data.sequences import reverse_complement
from refusals import refusal
from small import TINY_RANDOM
from tiny_models import SPECIAL, all_kmers

THREE, SIX = all_kmers(3), all_kmers(6)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "model"


def encoder(folder, max_length=100, kmer=-1, architecture="bert") -> Encoder:
    """The tokenizer that stands in the folder, with a model that fits it."""
    if not (folder / "config.json").exists():
        tiny_models.write_model(folder, architecture, 6000, max_position_embeddings=512)
    with opened_base_model(str(folder)) as base:
        return Encoder(base, max_length, kmer)


def number(kmer: str) -> int:
    return len(SPECIAL) + all_kmers(len(kmer)).index(kmer)


# --- k-mers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sequence", "k", "expected"),
    [
        ("ACGTAC", 3, ["ACG", "CGT", "GTA", "TAC"]),
        ("ACGTAC", 6, ["ACGTAC"]),
        ("ACGT", 6, ["ACGT"]),
        ("ACG", 1, ["A", "C", "G"]),
    ],
)
def test_kmers(sequence, k, expected):
    assert kmers(sequence, k) == expected


def write_words(folder, k, how):
    if how == "vocab.txt":
        tiny_models.vocabulary_file(folder, SPECIAL + all_kmers(k))
    else:
        tiny_models.words(folder, k, how)


HOWS = ["WordLevel", "WordPiece", "vocab.txt"]


@pytest.mark.parametrize("how", HOWS)
def test_kmers_are_read(folder, how):
    write_words(folder, 3, how)
    one = encoder(folder, kmer=3)
    assert one.kmer == 3
    encoded = one.encode(["ACGTAC", "ACGNACG", "AC"])
    expected = [number("ACG"), number("CGT"), number("GTA"), number("TAC")]
    assert encoded.tokens == [[2, *expected, 3], [2, number("ACG"), 1, 1, 1, number("ACG"), 3], [2, 1, 3]]
    # of 4 + 5 + 1 k-mers, three have the N and one is too short
    assert encoded.reading.unknown_share == 4 / 10


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("k", [3, 6])
def test_kmers_are_those_of_the_text_with_blanks(folder, how, k):
    write_words(folder, k, how)
    one = encoder(folder, kmer=k)
    sequences = ["GATTACAGATTACANNGATTACA", "ACGTACG", "AC"]
    texts = [" ".join(kmers(sequence, k)) for sequence in sequences]
    assert one.encode(sequences).tokens == one.tokenizer(texts)["input_ids"]


def test_kmers_are_cut_at_the_limit_and_keep_the_special_tokens(folder):
    write_words(folder, 3, "vocab.txt")
    encoded = encoder(folder, max_length=4, kmer=3).encode(["ACGT", "ACGTAC", "ACGTNNN"])
    start = [2, number("ACG"), number("CGT"), 3]
    assert encoded == Encoded([start, start, start], Reading(3, cut=2))


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("k", [3, 6])
def test_the_length_of_the_kmers_is_said_where_it_is_needed(folder, how, k):
    write_words(folder, k, how)
    source = "the base model 'model': its tokenizer reads k-mers of"
    assert refusal(encoder, folder) == f"{source} {k} nucleotides; set the k-mer length to {k}"
    assert refusal(encoder, folder, kmer=4) == f"{source} {k} nucleotides, not of 4; set the k-mer length to {k}"


def test_letters_with_blanks_are_kmers_of_one_letter(folder):
    # BERT's own tokenizer takes a sequence for one word, which it does not know, although it knows every letter.
    tiny_models.vocabulary_file(folder, SPECIAL + list("ACGT"))
    assert refusal(encoder, folder) == (
        "the base model 'model': its tokenizer reads k-mers of 1 nucleotide; set the k-mer length to 1"
    )
    assert encoder(folder, kmer=1).encode(["ACGN"]).tokens == [[2, 5, 6, 7, 1, 3]]


def test_kmers_that_a_tokenizer_of_letters_does_not_read_are_refused(folder):
    tiny_models.letters(folder)
    for k in (3, 6):
        assert refusal(encoder, folder, kmer=k) == (
            f"the base model 'model': its tokenizer reads sequences as they are, not k-mers of {k} nucleotides; set "
            "the k-mer length to -1"
        )


@pytest.mark.parametrize("k", [1, 2, 3, 6, 12])
def test_kmers_that_the_byte_pairs_do_not_read_are_refused(k):
    with opened_base_model(str(BUILT_IN_FOLDER)) as base:
        assert "reads sequences as they are" in refusal(Encoder, base, 100, k)


def test_a_vocabulary_of_something_else_is_refused(folder):
    tiny_models.vocabulary_file(folder, [*SPECIAL, "the", "of", "and"])
    for k in (-1, 3):
        assert refusal(encoder, folder, kmer=k) == (
            "the base model 'model': its tokenizer does not know the letter A; choose a model made for DNA"
        )


@pytest.mark.parametrize("model", ["WordLevel", "WordPiece"])
def test_before_training_the_kmers_of_a_tokenizer_are_found(folder, model):
    tiny_models.words(folder, 3, model)
    sequences = ["ACGTAC", "ACGNACG", "AC"]
    assert unknown_share(folder, sequences, "the base model") == 4 / 10
    assert encoder(folder, kmer=3).encode(sequences).reading.unknown_share == 4 / 10


def test_a_vocabulary_of_letters_and_kmers_is_read_as_it_is(folder):
    # Nucleotide Transformer: k-mers side by side, and letters for what is left
    tokens = ["<unk>", "<pad>", "<mask>", "<cls>", "<eos>", "<bos>", *THREE, *"ATCGN"]
    tiny_models.vocabulary_file(folder, tokens, tokenizer_class="EsmTokenizer", model_max_length=40)
    tiny_models.write_model(folder, "esm", len(tokens), max_position_embeddings=512)
    one = encoder(folder)
    expected = [3, tokens.index("ACG"), tokens.index("TAC"), tokens.index("G"), 4]
    assert one.encode(["ACGTACG"]) == Encoded([expected], Reading(1))
    assert one.max_length == 40


# --- both strands ----------------------------------------------------------------------------------------------------


def test_both_strands_of_letters(folder):
    tiny_models.letters(folder, alphabet="ACGTNRY")
    encoded, reverse = encoder(folder, max_length=6).encode_both(["AACG", "ACR", "AAAACCCC"])
    # A 5, C 6, G 7, T 8, N 9, R 10, Y 11
    assert encoded == Encoded([[2, 5, 5, 6, 7, 3], [2, 5, 6, 10, 3], [2, 5, 5, 5, 5, 3]], Reading(3, cut=1))
    assert reverse == [[2, 6, 7, 8, 8, 3], [2, 11, 7, 8, 3], [2, 8, 8, 8, 8, 3]]


def test_both_strands_of_kmers(folder):
    write_words(folder, 3, "vocab.txt")
    encoded, reverse = encoder(folder, kmer=3).encode_both(["AACG"])
    assert encoded.tokens == [[2, number("AAC"), number("ACG"), 3]]
    assert reverse == [[2, number("CGT"), number("GTT"), 3]]


def test_both_strands_of_byte_pairs():
    with opened_base_model(str(BUILT_IN_FOLDER)) as base:
        one = Encoder(base, 100)
    sequence, other = "GGGCCAAATTTACGATTTTTTTACCCAGCA", "TGCTGGGTAAAAAAATCGTAAATTTGGCCC"
    encoded, reverse = one.encode_both([sequence, "A"])
    assert encoded == one.encode([sequence, "A"])
    assert reverse == one.encode([other, "T"]).tokens
    assert len(encoded.tokens[0]) != len(reverse[0])


def test_both_strands_of_what_is_cut_are_of_the_same_kmers(folder):
    write_words(folder, 3, "vocab.txt")
    encoded, reverse = encoder(folder, max_length=5, kmer=3).encode_both(["AACGTTTT"])
    assert encoded.tokens == [[2, number("AAC"), number("ACG"), number("CGT"), 3]] and encoded.reading.cut == 1
    assert reverse == [[2, number("ACG"), number("CGT"), number("GTT"), 3]]


@pytest.fixture(scope="module")
def of_pieces():
    with opened_base_model(str(BUILT_IN_FOLDER)) as base:
        return Encoder(base, 40)


def test_only_what_is_cut_is_read_again(of_pieces, monkeypatch):
    of_pieces.max_length = 10
    long, short = "GGGCCAAATTTACGATTTTTTTACCCAGCA" * 3, "GATTACA"
    read, texts = of_pieces._reader.read, []
    monkeypatch.setattr(of_pieces._reader, "read", lambda some: texts.extend(some) or read(some))
    strands = of_pieces.encode_strands([short, long, "ACC"])
    assert texts.count(short) == texts.count("ACC") == texts.count(long) == 1
    assert {text for text in texts if len(text) < 10} == {short, "ACC", *turned([short, "ACC"])}
    monkeypatch.undo()
    assert strands.alone == of_pieces.encode([short, long, "ACC"])
    assert strands.given.tokens[::2] == strands.alone.tokens[::2]
    assert strands.given.reading.cut == 1 and len(strands.reverse[1]) <= 10


@given(st.lists(st.text("ACGTN", max_size=900), min_size=1, max_size=5), st.integers(2, 40))
def test_both_strands_of_what_is_cut_are_of_the_same_letters(of_pieces, sequences, max_length):
    of_pieces.max_length = max_length
    room = max_length - 2
    full = [[len(ids) for ids, _ in of_pieces._reader.read(texts)] for texts in (sequences, turned(sequences))]
    encoded, reverse = of_pieces.encode_both(sequences)
    assert encoded.reading.cut == sum(max(each) > room for each in zip(*full, strict=True))
    for sequence, forward, backward, *counts in zip(sequences, encoded.tokens, reverse, *full, strict=True):
        letters = of_pieces.tokenizer.decode(forward[1:-1]).replace(" ", "").replace("[UNK]", "N")
        assert sequence.startswith(letters)
        assert backward == of_pieces.encode(turned([letters])).tokens[0]
        assert max(len(forward), len(backward)) <= max_length
        if max(counts) <= room:
            assert letters == sequence
        elif "N" not in sequence:
            # A token has 16 letters at most: as much as that, and what one more makes of those before it, may be left.
            assert max(len(forward), len(backward)) - 2 >= room - 4


def turned(sequences):
    return [reverse_complement(sequence) for sequence in sequences]


# --- letters and pieces ----------------------------------------------------------------------------------------------


def test_letters(folder):
    tiny_models.letters(folder)
    encoded = encoder(folder, max_length=5).encode(["ACG", "TN", "ACGT"])
    assert encoded == Encoded([[2, 5, 6, 7, 3], [2, 8, 1, 3], [2, 5, 6, 7, 3]], Reading(3, 1 / 8, cut=1))


def test_letters_that_are_lower_cased(folder):
    tiny_models.letters(folder, lower=True)
    assert encoder(folder).encode(["ACGTN"]).tokens == [[2, 5, 6, 7, 8, 1, 3]]


def test_byte_pairs_are_cut_where_the_tokenizer_cuts_them():
    with opened_base_model(str(BUILT_IN_FOLDER)) as base:
        one = Encoder(base, 8)
    sequences = ["ACGTTGCATGCATTTGACCAGATATTTACCC" * 2, "GATTACA", "NNN", "ACNGT"]
    assert one.encode(sequences).tokens == one.tokenizer(sequences, truncation=True, max_length=8)["input_ids"]


def test_the_end_is_cut_off_even_if_the_tokenizer_would_cut_the_start(folder):
    tiny_models.letters(folder, truncation_side="left")
    assert encoder(folder, max_length=4).encode(["ACGT"]).tokens == [[2, 5, 6, 3]]


def test_limits_and_padding_that_the_tokenizer_file_sets_are_not_kept(folder):
    shutil.copytree(BUILT_IN_FOLDER, folder)
    expected = encoder(folder).encode(["ACGTTGCATGCATTTGACC", "A"])
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text())
    content["truncation"] = {"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0}
    content["padding"] = {"strategy": {"Fixed": 50}, "direction": "Right", "pad_id": 3, "pad_type_id": 0}
    content["padding"] |= {"pad_to_multiple_of": None, "pad_token": "[PAD]"}
    path.write_text(json.dumps(content))
    assert encoder(folder).encode(["ACGTTGCATGCATTTGACC", "A"]) == expected


# --- special tokens that are not there -------------------------------------------------------------------------------


def test_without_special_tokens(folder):
    # As a causal model may have it. Padding is A then, as there is nothing else.
    tiny_models.letters(folder, special=[], ends=False)
    one = encoder(folder, max_length=4, architecture="llama")
    assert one.encode(["ACGT", "ACGTA", "C"]) == Encoded([[0, 1, 2, 3], [0, 1, 2, 3], [1]], Reading(3, cut=1))
    assert one.tokenizer.pad_token_id == 0


def test_letters_without_an_unknown_token_are_left_out(folder):
    # The tokenizers library fails at a letter that is not there, unless it has a token for it.
    tiny_models.letters(folder, special=[], ends=False)
    encoded = encoder(folder, architecture="llama").encode(["ACNGT", "NN", "RA"])
    assert encoded == Encoded([[0, 1, 2, 3], [0], [0]], Reading(3, 4 / 9))
    assert unknown_share(folder, ["ACNGT", "NN", "RA"], "the base model") == 4 / 9


@pytest.mark.parametrize(
    ("special", "pad"),
    [
        (["[UNK]", "[CLS]", "[SEP]", "[MASK]"], "[MASK]"),
        (["[UNK]", "[CLS]", "[SEP]"], "[UNK]"),
        ([], "N"),
    ],
)
def test_a_token_for_padding_is_one_that_sequences_do_not_end_with(folder, special, pad):
    tiny_models.letters(folder, special=special, alphabet="ACGTN", ends=bool(special))
    assert encoder(folder, architecture="llama").tokenizer.pad_token == pad


def test_padding_is_not_a_token_that_the_model_has_no_embedding_for(folder):
    # BERT's tokenizer adds the special tokens that vocab.txt lacks after its end.
    vocabulary = tiny_models.vocabulary_file(folder, ["[UNK]", "[CLS]", "[SEP]", *THREE])
    tiny_models.write_model(folder, "bert", vocabulary)
    one = encoder(folder, kmer=3)
    assert one.tokenizer.pad_token_id < vocabulary
    assert one.tokenizer.pad_token == "[UNK]"


def test_a_model_that_counts_positions_from_padding_is_padded_with_what_its_settings_say(folder):
    tiny_models.letters(folder, special=["[CLS]", "[UNK]", "[SEP]", "[MASK]"])
    tiny_models.write_model(folder, "roberta", 8, pad_token_id=1)
    one = encoder(folder)
    assert one.tokenizer.pad_token_id == 1
    assert one.model_limit == 64 - 2


def test_tokens_that_the_model_has_no_embedding_for_are_refused(folder):
    vocabulary = tiny_models.letters(folder)
    tiny_models.write_model(folder, "bert", vocabulary - 1)
    assert encoder(folder).encode(["ACG"]).tokens == [[2, 5, 6, 7, 3]]
    assert refusal(encoder(folder).encode, ["ACGT"]) == (
        "the base model 'model': its tokenizer gives 'T' the number 8, but the model has embeddings for the numbers "
        "below 8 only; choose a model with the tokenizer that it was trained with"
    )


# --- the limit -------------------------------------------------------------------------------------------------------

HUGE = int(1e30)  # what transformers writes for `no limit`


@pytest.mark.parametrize(
    ("of_the_tokenizer", "expected"), [({}, 64), ({"model_max_length": HUGE}, 64), ({"model_max_length": 30}, 30)]
)
def test_the_limit_of_the_model_or_of_the_tokenizer_is_said(folder, of_the_tokenizer, expected):
    vocabulary = tiny_models.letters(folder, **of_the_tokenizer)
    tiny_models.write_model(folder, "bert", vocabulary)
    one = encoder(folder, max_length=1000)
    assert one.max_length == one.model_limit == expected
    assert warnings(one.encode(["A" * 100, "A"]).reading, one, "the input") == [
        f"the input: 1 of 2 sequences are longer than {expected} tokens and lose their end; the base model reads no "
        "more, so cut the sequences around their center"
    ]


def test_a_model_without_a_limit_is_said_to_have_none(folder):
    tiny_models.letters(folder)
    (folder / "config.json").write_text(json.dumps({"model_type": "bloom", "vocab_size": 9, "hidden_size": 16}))
    shutil.copy(TINY_RANDOM / "model.safetensors", folder)  # only the settings are looked at
    one = encoder(folder, max_length=10)
    assert (one.max_length, one.model_limit) == (10, None)
    assert warnings(one.encode(["A" * 100, "A"]).reading, one, "the input", trained=False) == [
        "the input: 1 of 2 sequences are longer than 10 tokens and lose their end; raise the maximum length (the base "
        "model has no limit) or cut the sequences around their center"
    ]


@pytest.mark.parametrize("changes", [{"hidden_size": "big"}, {"model_type": "a model of tomorrow"}])
def test_settings_that_cannot_be_read_are_refused(folder, changes):
    tiny_models.write_model(folder, "bert", tiny_models.letters(folder))
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    assert refusal(encoder, folder).startswith("the base model 'model' cannot be loaded: ")
