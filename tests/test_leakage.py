from collections import Counter
from functools import cache
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import STRANGE_LABELS
from dna_lm.data.sequences import reverse_complement
from dna_lm.preparation.leakage import ALL, COLUMNS, MOST_SHOWN, K, check_leakage
from dna_lm.preparation.records import Records
from dna_lm.words import MULTI_LABEL, NUMBER

SPLITS = ("train", "dev", "test")
# Four stretches of 40 letters that share no 32-mer on either strand.
STRETCHES = (
    "ACGTTGCAAGCTTAGGCATCGATTACGGATCCATGCAAGT",
    "TTGACCGTAGGCTAACTTGGCATACCGATAGGTCCAATGC",
    "GGATATCCGGTTAACACTGACCTGAGTCATTGCCGTATAA",
    "CATGGTACGATTCCAGTAACGCGTATTAGCCTAAGGCTTC",
)
SPACER = "ACACACACAC"


def part(*records, source="a.csv") -> Records:
    """records: (sequence, label) or (sequence, label, id); lines count from 2."""
    columns = ["sequence", "label", "id"][: len(records[0]) if records else 2]
    lines = pd.Index(range(2, len(records) + 2), name="line")
    return Records(pd.DataFrame(list(records), columns=columns, index=lines, dtype=object).assign(_source=source))


def check(labels=("0", "1"), **splits):
    return check_leakage({name: part(*splits.get(name, [])) for name in SPLITS}, list(labels))


def counts(leakage, split, other="train"):
    """label -> sequences, copies, reverse complements, sharing a 32-mer, share."""
    rows = [*leakage.rows(split, other), leakage.row(split, other)]
    return {row["label"]: tuple(row.values())[3:8] for row in rows}


def test_nothing_leaks():
    leakage = check(train=[(STRETCHES[0], "0")], dev=[(STRETCHES[1], "0")], test=[(STRETCHES[2], "1")])
    assert counts(leakage, "test") == {"0": (0, 0, 0, 0, 0.0), "1": (1, 0, 0, 0, 0.0), "(all)": (1, 0, 0, 0, 0.0)}
    assert len(leakage.offenders) == 0 and tuple(leakage.offenders.columns) == COLUMNS
    assert leakage.counts[["split", "also in"]].drop_duplicates().to_numpy().tolist() == [
        ["dev", "train"],
        ["test", "train"],
        ["test", "dev"],
    ]


def test_every_kind_is_counted_for_each_label():
    train = [(STRETCHES[0], "0", "first"), (SPACER + STRETCHES[1], "1", "second")]
    test = [
        (STRETCHES[0], "0", "copied"),
        (reverse_complement(SPACER + STRETCHES[1]), "1", "turned"),
        (reverse_complement(STRETCHES[1][3:36] + "GG"), "1", "shared"),
        (STRETCHES[2], "1", "new"),
    ]
    leakage = check(train=train, test=test)
    assert counts(leakage, "test") == {
        "0": (1, 1, 0, 1, 1.0),
        "1": (3, 0, 1, 2, pytest.approx(2 / 3)),
        "(all)": (4, 1, 1, 3, 0.75),
    }
    shared = reverse_complement(STRETCHES[1][3:36])
    assert leakage.offenders.to_numpy().tolist() == [
        ["test", "copied", "0", "train", "copy", "first", "0", STRETCHES[0][:K]],
        ["test", "turned", "1", "train", "reverse complement", "second", "1", reverse_complement(STRETCHES[1])[:K]],
        ["test", "shared", "1", "train", "shared 32-mer", "second", "1", shared[:K]],
    ]


def test_dev_is_looked_for_in_train_and_test_in_both():
    leakage = check(
        train=[(STRETCHES[0], "0")], dev=[(STRETCHES[0], "0"), (STRETCHES[1], "1")], test=[(STRETCHES[1], "1")]
    )
    assert counts(leakage, "dev")["(all)"] == (2, 1, 0, 1, 0.5)
    assert counts(leakage, "test")["(all)"] == (1, 0, 0, 0, 0.0)
    assert counts(leakage, "test", "dev")["(all)"] == (1, 1, 0, 1, 1.0)


def test_31_letters_in_common_are_no_leak_and_32_are():
    stretch = STRETCHES[0][:32]
    for length, leaks in ((31, 0), (32, 1)):
        leakage = check(
            train=[("AAAAAAAA" + stretch[:length] + "CCCCCCCC", "0")], test=[("GGG" + stretch[:length] + "GGG", "0")]
        )
        assert counts(leakage, "test")["0"][3] == leaks


def test_another_letter_ends_what_is_shared():
    broken = STRETCHES[0][:20] + "N" + STRETCHES[0][21:]
    assert counts(check(train=[(broken + "A", "0")], test=[(broken + "C", "0")]), "test")["0"] == (1, 0, 0, 0, 0.0)
    # The same text is a copy all the same.
    assert counts(check(train=[(broken, "0")], test=[(broken, "0")]), "test")["0"] == (1, 1, 0, 0, 1.0)


def test_sequences_too_short_for_a_32_mer_are_compared_as_a_whole():
    leakage = check(train=[("ACCT", "0")], test=[("ACCT", "0"), ("AGGT", "1"), ("ACC", "1")])
    assert counts(leakage, "test") == {
        "0": (1, 1, 0, 0, 1.0),
        "1": (2, 0, 1, 0, 0.5),
        "(all)": (3, 1, 1, 0, pytest.approx(2 / 3)),
    }
    assert leakage.offenders[COLUMNS[-1]].tolist() == ["", ""]


def test_a_record_without_an_id_is_known_by_its_line():
    leakage = check(train=[(STRETCHES[1], "0"), (STRETCHES[0], "0")], test=[(STRETCHES[0], "1")])
    assert leakage.offenders[["record", "other record"]].to_numpy().tolist() == [["a.csv, line 2", "a.csv, line 3"]]


def test_the_first_partner_is_shown():
    train = [(SPACER, "0", "a"), (STRETCHES[0] + "A", "1", "b"), (STRETCHES[0] + "C", "0", "c")]
    leakage = check(train=train, test=[("T" + STRETCHES[0], "0", "d")])
    assert leakage.offenders[["other record", "other label"]].to_numpy().tolist() == [["b", "1"]]


def test_only_the_first_of_each_label_and_kind_are_shown():
    copies = [(STRETCHES[0], "0", f"c{number}") for number in range(20)]
    shared = [(STRETCHES[0] + "A" * number, "1", f"s{number}") for number in range(1, 20)]
    leakage = check(train=[(STRETCHES[0], "0", "t")], test=copies + shared)
    assert leakage.offenders["record"].tolist() == [
        *(f"c{number}" for number in range(MOST_SHOWN)),
        *(f"s{number}" for number in range(1, MOST_SHOWN + 1)),
    ]
    assert counts(leakage, "test")["(all)"] == (39, 20, 0, 39, 1.0)


def test_labels_may_look_like_markup_or_like_the_row_of_all():
    labels = [*STRANGE_LABELS, ALL]
    records = [(STRETCHES[number], label, "") for number, label in enumerate(labels)]
    leakage = check(labels, train=[(STRETCHES[0], labels[1], "")], test=records)
    rows = leakage.rows("test", "train")
    assert [(row["label"], row["sequences"], row["copies"]) for row in rows] == [
        (label, 1, int(number == 0)) for number, label in enumerate(labels)
    ]
    assert leakage.row("test", "train")["sequences"] == 4
    # An empty id names nothing.
    assert leakage.offenders.to_numpy().tolist() == [
        ["test", "a.csv, line 2", labels[0], "train", "copy", "a.csv, line 2", labels[1], STRETCHES[0][:K]]
    ]


def test_two_splits_that_are_the_same():
    records = [(text, label) for text, label in zip(STRETCHES, "0011", strict=True)] + [("ACGT", "1"), ("N" * 50, "0")]
    leakage = check(train=records, dev=records)
    assert counts(leakage, "dev") == {
        "0": (3, 3, 0, 2, 1.0),
        "1": (3, 3, 0, 2, 1.0),
        "(all)": (6, 6, 0, 4, 1.0),
    }
    assert (leakage.offenders["record"] == leakage.offenders["other record"]).all()


def test_no_record_in_a_split():
    leakage = check()
    assert counts(leakage, "test") == {"0": (0, 0, 0, 0, 0.0), "1": (0, 0, 0, 0, 0.0), "(all)": (0, 0, 0, 0, 0.0)}


# Sequences made of few pieces share 32-mers often, on both strands and at every place.
pieces = st.sampled_from([*STRETCHES, *map(reverse_complement, STRETCHES), STRETCHES[0][:33], "ACG", "N", "T"])
sequences = st.lists(pieces, min_size=1, max_size=3).map("".join)
records = st.lists(st.tuples(sequences, st.sampled_from("01")), max_size=9)


@cache
def words(text: str) -> set[str]:
    """All 32-mers of both strands."""
    both = (text, reverse_complement(text))
    found = {one[start : start + K] for one in both for start in range(len(one) - K + 1)}
    return {word for word in found if set(word) <= set("ACGT")}


def kind_of(text: str, others: list[str]) -> str:
    if text in others:
        return "copy"
    if reverse_complement(text) in others:
        return "reverse complement"
    return "shared 32-mer" if any(words(text) & words(other) for other in others) else ""


def first_partner(text: str, kind: str, others: list[str]) -> int:
    if kind == "shared 32-mer":
        return next(place for place, other in enumerate(others) if words(text) & words(other))
    return others.index(text if kind == "copy" else reverse_complement(text))


@settings(max_examples=120)
@given(records, records, records)
def test_counts_and_offenders_are_those_of_a_plain_comparison(train, dev, test):
    splits = {"train": train, "dev": dev, "test": test}
    leakage = check(**splits)
    offenders = []
    for split, other in (("dev", "train"), ("test", "train"), ("test", "dev")):
        others = [text for text, _ in splits[other]]
        kinds = [kind_of(text, others) for text, _ in splits[split]]
        sharing = [any(words(text) & words(other) for other in others) for text, _ in splits[split]]
        for label in ("0", "1", "(all)"):
            of = [number for number, (_, own) in enumerate(splits[split]) if label in (own, "(all)")]
            assert counts(leakage, split, other)[label] == (
                len(of),
                sum(kinds[n] == "copy" for n in of),
                sum(kinds[n] == "reverse complement" for n in of),
                sum(sharing[n] for n in of),
                pytest.approx(sum(kinds[n] != "" for n in of) / max(1, len(of))),
            )
        shown = Counter()
        for number, (text, label) in enumerate(splits[split]):
            shown[label, kinds[number]] += 1
            if not kinds[number] or shown[label, kinds[number]] > MOST_SHOWN:
                continue
            partner = first_partner(text, kinds[number], others)
            stretches = [text[start : start + K] for start in range(len(text) - K + 1)]
            common = [word for word in stretches if word in words(others[partner])]
            offenders.append(
                [split, f"a.csv, line {number + 2}", label, other, kinds[number], f"a.csv, line {partner + 2}"]
                + [splits[other][partner][1], common[0] if common else ""]
            )
    assert leakage.offenders.to_numpy().tolist() == offenders


def test_of_several_labels_each_is_counted_and_of_numbers_all_together():
    train, test = [(STRETCHES[0], "a;b"), (STRETCHES[1], "none")], [(STRETCHES[0], "a;b"), (STRETCHES[2], "b")]
    splits = {"train": part(*train), "dev": part(), "test": part(*test)}
    leakage = check_leakage(splits, ["a", "b"], MULTI_LABEL)
    assert counts(leakage, "test")["a"] == (1, 1, 0, 1, 1.0)
    assert counts(leakage, "test")["b"] == (2, 1, 0, 1, 0.5)
    numbers = [(dna, str(number)) for number, dna in enumerate(STRETCHES)]
    leakage = check_leakage({"train": part(*numbers), "dev": part(), "test": part(*numbers)}, [], NUMBER)
    assert counts(leakage, "test") == {"(all)": (4, 4, 0, 4, 1.0)}
    many = [("".join(pair), str(number)) for number, pair in enumerate(product("ACGT", repeat=2))]
    leakage = check_leakage({"train": part(*many), "dev": part(), "test": part(*many)}, [], NUMBER)
    assert len(leakage.offenders) == MOST_SHOWN


def test_what_is_in_one_cluster_is_counted_where_clusters_are_known():
    splits = {"train": part((STRETCHES[0], "0")), "dev": part(), "test": part((STRETCHES[1], "0"), (STRETCHES[2], "1"))}
    clusters = {"train": np.array(["c1"]), "dev": np.array([], dtype=str), "test": np.array(["c1", "c2"])}
    leakage = check_leakage(splits, ["0", "1"], clusters=clusters)
    assert [row["similar"] for row in (*leakage.rows("test", "train"), leakage.row("test", "train"))] == [1, 0, 1]
    assert check_leakage(splits, ["0", "1"]).row("test", "train")["similar"] == ""
