"""Saving a branch and loading it again; what is damaged is refused."""

import json
import re

import pytest
import torch

from dna_lm.baselines.names import KMERS
from dna_lm.branch.convolution import Convolution, Shape
from dna_lm.branch.names import CONVOLUTION, MOTIFS
from dna_lm.branch.network import Branch, KmerPart, MotifPart
from dna_lm.branch.record import WrongRecord, loaded, saved
from dna_lm.motifs.jaspar import DATABASE, jaspar_motifs

SMALL = Shape(filters=8, filter_width=7, channels=4, width=3, pooled=2)


@pytest.fixture
def motifs() -> list:
    return jaspar_motifs("urochordates")[:5]


@pytest.fixture
def branch(motifs) -> Branch:
    torch.manual_seed(3)
    parts = {
        MOTIFS: MotifPart([motif.log_odds() for motif in motifs], 2),
        KMERS: KmerPart(2),
        CONVOLUTION: Convolution(2, SMALL),
    }
    parts[MOTIFS].spread[:2] = torch.tensor([1.5, 0.5])
    torch.nn.init.normal_(parts[CONVOLUTION].head.weight)
    return Branch(parts, {MOTIFS: 0.5, KMERS: 0.0, CONVOLUTION: 2.0}).eval()


def outputs(branch: Branch) -> torch.Tensor:
    codes = torch.tensor([[0, 1, 2, 3, 4, 0, 0, 1, 2, 2, 3, 1], [3, 3, 1, 0, 2, 1, 5, 5, 5, 5, 5, 5]])
    with torch.no_grad():
        return branch(codes, (codes < 5).long()).logits


def test_what_is_loaded_gives_the_same_bits(branch, motifs):
    tensors, record = saved(branch, motifs, DATABASE)
    again = loaded(tensors, json.loads(json.dumps(record)), 2)
    assert outputs(again).equal(outputs(branch))
    assert again.parts[MOTIFS].spread.tolist() == [1.5, 0.5, 1.0, 1.0, 1.0]
    assert record["motifs"]["source"] == DATABASE
    assert [one["name"] for one in record["motifs"]["motifs"]] == [motif.name for motif in motifs]
    second, same = saved(again, motifs, DATABASE)
    assert same == record and all(second[name].equal(tensor) for name, tensor in tensors.items())


@pytest.mark.parametrize("names", [[KMERS], [CONVOLUTION, KMERS], [MOTIFS]])
def test_parts_may_be_missing(branch, motifs, names):
    fewer = Branch({name: branch.parts[name] for name in names}, dict.fromkeys(names, 1.0)).eval()
    tensors, record = saved(fewer, motifs, DATABASE)
    assert outputs(loaded(tensors, record, 2)).equal(outputs(fewer))


def _change(tensors: dict, record: dict, what: str) -> None:
    match what:
        case "no parts":
            record["weights"] = {}
        case "an unknown part":
            record["weights"]["other"] = 1.0
        case "a negative weight":
            record["weights"][MOTIFS] = -1.0
        case "a weight that is text":
            record["weights"][MOTIFS] = "1"
        case "no log-odds":
            del tensors["log_odds"]
        case "a width of 0":
            tensors["widths"][0] = 0
        case "a huge width":
            tensors["widths"][0] = 65
        case "other widths":
            tensors["widths"][0] += 1
        case "infinite log-odds":
            tensors["log_odds"][0, 0] = torch.inf
        case "no names":
            del record["motifs"]
        case "fewer names":
            record["motifs"]["motifs"].pop()
        case "a name that is no text":
            record["motifs"]["motifs"][0]["name"] = ["<b>"]
        case "no id":
            del record["motifs"]["motifs"][0]["id"]
        case "a name of two lines":
            record["motifs"]["motifs"][0]["name"] = "CTCF\n# heading"
        case "a long name":
            record["motifs"]["motifs"][0]["name"] = "N" * 201
        case "a motif that is text":
            record["motifs"]["motifs"][0] = "MA0139.2"
        case "a standard deviation of 0":
            tensors["motifs.spread"][1] = 0
        case "other k-mers":
            record["kmer_lengths"] = [3, 4, 5, 6, 7]
        case "no shape":
            del record["convolution"]
        case "a huge layer":
            record["convolution"]["channels"] = 10**9
        case "an even width":
            record["convolution"]["width"] = 4
        case "another shape":
            record["convolution"]["channels"] = 5
        case "a missing tensor":
            del tensors["kmers.head.bias"]
        case "NaN":
            tensors["kmers.head.bias"][0] = torch.nan
        case "a spare tensor":
            tensors["spare"] = torch.zeros(1)


@pytest.mark.parametrize(
    "what, message",
    [
        ("no parts", "its parts are unknown"),
        ("an unknown part", "its parts are unknown"),
        ("a negative weight", "a weight is no number of 0 or more"),
        ("a weight that is text", "a weight is no number of 0 or more"),
        ("no log-odds", "it has no log-odds of its motifs"),
        ("a width of 0", "no whole numbers above 0"),
        ("a huge width", "a motif has more than 64 positions"),
        ("other widths", "another form than their widths say"),
        ("infinite log-odds", "another form than their widths say"),
        ("no names", "its motifs have no names"),
        ("fewer names", "another number of motifs than of names"),
        ("a name that is no text", "a motif has no id or no name"),
        ("a name of two lines", "a motif has no id or no name"),
        ("a long name", "a motif has no id or no name"),
        ("no id", "a motif has no id or no name"),
        ("a motif that is text", "a motif has no id or no name"),
        ("a standard deviation of 0", "the standard deviation of a motif's scores is not above 0"),
        ("other k-mers", "it counts other k-mers"),
        ("no shape", "the convolution has no shape"),
        ("a huge layer", "beyond its limits"),
        ("an even width", "an even width"),
        ("another shape", "is missing or has another form"),
        ("a missing tensor", "'kmers.head.bias' is missing or has another form"),
        ("NaN", "'kmers.head.bias' contains NaN or infinity"),
        ("a spare tensor", "'spare' belongs to no part"),
    ],
)
def test_what_is_damaged_is_refused(branch, motifs, what, message):
    tensors, record = saved(branch, motifs, DATABASE)
    _change(tensors, record, what)
    with pytest.raises(WrongRecord, match=re.escape(message)):
        loaded(tensors, record, 2)


def test_a_branch_of_another_number_of_outputs_is_refused(branch, motifs):
    with pytest.raises(WrongRecord, match="is missing or has another form"):
        loaded(*saved(branch, motifs, DATABASE), 3)
