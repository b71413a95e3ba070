"""Tokenizers of classes that transformers lacks, against the same rules written letter by letter."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import EsmTokenizer

from dna_lm.tokenizers.building import built
from dna_lm.tokenizers.description import Description, kmers_of
from dna_lm.tokenizers.registry import described

ATCG = "ATCG"
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
GENERATOR_SPECIAL = [
    "<oov>",
    "<s>",
    "</s>",
    "<pad>",
    "<mask>",
    "<bog>",
    "<eog>",
    "<bok>",
    "<eok>",
    "<+>",
    "<->",
    "<cds>",
    "<pseudo>",
    "<tRNA>",
    "<rRNA>",
    "<ncRNA>",
    "<miscRNA>",
    "<mam>",
    "<vrt>",
    "<inv>",
    "<pln>",
    "<fng>",
    "<prt>",
    "<arc>",
    "<bct>",
    "<mit>",
    "<plt>",
    "<plm>",
    "<vir>",
    "<sp0>",
    "<sp1>",
    "<sp2>",
]


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


def texts(special: list[str]) -> st.SearchStrategy[str]:
    pieces = st.one_of(
        st.text("ACGT", max_size=20), st.text("ACGTNRYacgtn \n\t<>[]x", max_size=8), st.sampled_from(special)
    )
    return st.lists(pieces, max_size=8).map("".join)


def in_folder(folder: Path, settings: dict, vocabulary: list[str] | None = None) -> Description | None:
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
