"""From what a user has to train, dev and test."""

from dataclasses import dataclass, field

import pandas as pd

from .. import words
from ..data.columns import BY, CLUSTER, OWN_COLUMNS, POSITION, SOURCE, has_positions
from ..data.intervals import read_intervals
from ..data.labels import MISSING, ordered_labels
from ..data.packing import OTHER, pack
from ..data.sequences import reverse_complement
from ..data.tables import check_label
from ..data.textfiles import describe
from ..errors import UserError
from . import inputs
from .cleaning import (
    ADDED,
    CHANGED,
    LEAKED,
    REMOVED,
    Ledger,
    downsample,
    fold,
    limit_ambiguous,
    limit_length,
    pad,
    remove_copies,
)
from .negatives import CAVEATS, GenomeNegatives, negatives_for, shuffled_negatives
from .splitting import SPLITS, parse_fractions
from .strata import has_label, target_of, uniform_labels
from .ways_to_split import Request, divide

# What balancing means for scores, by whether dev and test were balanced too.
BALANCED = {
    False: "; train was then balanced, while dev and test keep the share of each label",
    True: (
        "; all splits were then balanced, so that precision, PR-AUC and thresholds measured on dev and test do not "
        "hold for the share of each label in the data"
    ),
}

UNLABELED = "label missing"


@dataclass(frozen=True)
class Prepared:
    """The splits and how they came about.

    labels: in order; none where labels are numbers.
    records: of each split, columns `sequence`, `label`, the input's others, and the program's own (see records.py);
        `cluster`, text, if the way to split says which records are independent of each other.
    ledger: the steps.
    read, how_split, how_negatives: sentences for a report.
    target: what labels are: words.CLASSES, MULTI_LABEL or NUMBER.
    split: how it was split, one of words.RANDOM, SIMILARITY and so on.
    warnings: sentences on the input and the way to split that a user has to read.
    """

    labels: list[str]
    records: dict[str, pd.DataFrame]
    ledger: Ledger
    read: list[str]
    how_split: str
    how_negatives: list[str]
    augmented: bool = False
    target: str = words.CLASSES
    split: str = words.RANDOM
    warnings: list[str] = field(default_factory=list)

    @property
    def splits(self) -> dict[str, pd.DataFrame]:
        """The splits as they are to be written: without the program's own columns, and train with what augments it."""
        result = {name: part.drop(columns=OWN_COLUMNS, errors="ignore") for name, part in self.records.items()}
        if self.augmented:
            result["train"] = _with_reverse_complements(result["train"])
        return result

    def summary(self) -> pd.DataFrame:
        """Return one row a step: how many sequences, how many of each label, and their lengths in nucleotides.

        Numbers have their mean, minimum and maximum in place of the labels.
        """
        return pd.DataFrame([_row(step, records, self.labels, self.target) for step, records in self.ledger.steps])


def prepare(
    *,
    table: str | None,
    train_table: str | None,
    dev_table: str | None,
    test_table: str | None,
    header: str,
    sequence_column: str,
    label_column: str,
    target: str,
    fasta: list[str] | None,
    intervals: list[str] | None,
    genome: str | None,
    window: int,
    window_center: str,
    negatives: str,
    negative_label: str,
    negative_ratio: float,
    negative_distance: int,
    exclude: str | None,
    max_ambiguous: float,
    ambiguous: str,
    length: int,
    longer: str,
    shorter: str,
    duplicates: str,
    contradictory: str,
    balance: str,
    split: str | None,
    fractions: str,
    tolerance: float,
    split_column: str | None,
    dev_chromosomes: str,
    test_chromosomes: str,
    augment: str,
    seed: int,
) -> Prepared:
    """Read, clean and split labeled sequences. The parameters are the command line's options (see options).

    Raises UserError for anything wrong with the files or the request.
    """
    shares = parse_fractions(fractions)
    split_tables = {"train": train_table, "dev": dev_table, "test": test_table}
    _require_one_input(table, split_tables, fasta, intervals)
    if genome is None and (intervals or negatives == words.GENOME):
        raise UserError("a genome is needed for intervals and for negatives from a genome; give one with --genome")
    split = split or _usual_split(split_tables, intervals)
    _require_possible(split, split_column, negatives, table or train_table)
    if target != words.CLASSES:
        _require_possible_target(target, negatives, balance, table or train_table)
    if exclude and negatives != words.GENOME:
        raise UserError("--exclude is for negatives from the genome; choose those, or leave the regions to avoid out")
    ledger = Ledger()
    warnings: list[str] = []
    by = {"split": split, "column": split_column, "header": header == "yes"}
    chosen = {"sequence_column": sequence_column, "label_column": label_column}
    if intervals:
        cut = inputs.read_windows(intervals, genome, window, window_center)
        records = cut.records
        warnings += cut.warnings
        past_end = pd.DataFrame({"sequence": "", "label": [name for name, n in cut.past_end.items() for _ in range(n)]})
        ledger.enter("read", pd.concat([records, past_end]))
        ledger.enter(REMOVED + "windows past an end of their chromosome", past_end)
    else:
        if fasta:
            records = inputs.read_fasta_files(fasta)
        elif table:
            records = inputs.read_labeled_table(table, **chosen, **by)
        else:
            records = inputs.read_split_tables(split_tables, **chosen, **by)
        classes = None if fasta or target != words.CLASSES else inputs.with_classes(records)
        records = classes.records if classes else uniform_labels(records, target)
        ledger.enter("read", records)
    _require_free_name(records, split)
    read = _read(records, cut.notes if intervals else {})
    if not intervals and classes:
        records = _labeled(classes, ledger)
        warnings += classes.warnings
    if negatives == words.GENOME or (split == words.CHROMOSOME and fasta):
        records = inputs.with_positions(records)
    if split == words.CHROMOSOME and BY not in records:
        records = records.assign(**{BY: records["chrom"]})
    # Negatives keep away from whole peaks, and from those whose window was left out.
    regions = [records[POSITION]] if has_positions(records) else []
    regions += [cut.intervals] if intervals else []

    records = fold(records, ledger)
    records = limit_ambiguous(records, max_ambiguous, ambiguous, ledger)
    records = limit_length(records, length, longer, shorter, ledger)
    records = remove_copies(records, duplicates, contradictory, ledger)
    _require_left(records, ledger.steps[0][1]["label"], target)
    how_negatives: list[str] = []
    if negatives != words.NONE:
        check_label(negative_label, "--negative-label")
        inputs.check_name(negative_label, "--negative-label")
        if negative_label in set(records["label"]):
            raise UserError(
                f"the input has sequences with the label {negative_label!r} already; choose another label for the "
                "negatives that are made"
            )
        made, how_negatives, unmatched = _make_negatives(
            records, regions, negatives, negative_label, negative_ratio, negative_distance, genome, exclude, seed
        )
        warnings += unmatched
        if split == words.CHROMOSOME and BY not in made:
            made = made.assign(**{BY: made["chrom"]})
        ledger.enter(ADDED + "negatives", made)
        records = pd.concat([records, made])
    labels = _labels(records, target, ledger)
    if length and shorter == "pad":
        records = pad(records, length, ledger)

    leaked = ledger.count(REMOVED + LEAKED)
    request = Request(split, target, shares, tolerance, dev_chromosomes, test_chromosomes, seed)
    division = divide(records, request, leaked)
    split_of, how_split = division.split, division.how
    if division.clusters is not None:
        records = records.assign(**{CLUSTER: division.clusters})
    if balance != words.NONE:
        every = balance == words.DOWNSAMPLE_ALL
        records, split_of = downsample(records, split_of, sorted(SPLITS) if every else ("train",), seed, ledger)
        how_split += BALANCED[every]
    ledger.enter("kept", records)
    ambiguous_left = pack(records["sequence"].tolist()).count(OTHER) > 0
    ledger.enter("kept, with letters other than A, C, G, T", records[ambiguous_left])
    parts = {name: records[split_of == name] for name in SPLITS}
    for name, part in parts.items():
        ledger.enter(name, part)
    augmented = augment == words.REVERSE_COMPLEMENT
    result = Prepared(
        labels, parts, ledger, read, how_split, how_negatives, augmented, target, split, [*warnings, *division.warnings]
    )
    if augmented:
        added = result.splits["train"].iloc[len(parts["train"]) :]
        ledger.enter(ADDED + "reverse complements, to train", added)
    return result


def _require_one_input(table, split_tables, fasta, intervals) -> None:
    given = [bool(table), any(split_tables.values()), bool(fasta), bool(intervals)]
    if sum(given) != 1:
        raise UserError(
            "give the sequences in one way: --table, --train-table with --test-table (and --dev-table), one --fasta "
            "LABEL=FILE for each label, or one --intervals LABEL=FILE for each label"
        )
    if any(split_tables.values()) and not (split_tables["train"] and split_tables["test"]):
        missing = "train" if split_tables["test"] or split_tables["dev"] and not split_tables["train"] else "test"
        raise UserError(f"--{missing}-table is missing; give the tables of train and test, and of dev if there is one")


def _require_possible(split: str, split_column: str | None, negatives: str, is_table: str | None) -> None:
    if split_column and split not in inputs.USUAL_NAMES:
        raise UserError(
            f"--split-column {split_column!r} has no part in --split {split}; choose --split chromosome, group or "
            "column, or leave the column out"
        )
    if split in (words.GROUP, words.COLUMN) and not is_table:
        raise UserError(
            f"a split by {split} needs a column of a table, which FASTA and intervals do not have; choose another split"
        )
    if split in (words.GROUP, words.COLUMN) and negatives == words.GENOME:
        raise UserError(
            f"negatives from the genome have no value in the column that a split by {split} goes by; choose another "
            "split, or shuffled negatives, which have that of the sequence they are made from"
        )


def _labeled(classes: inputs.Classes, ledger: Ledger) -> pd.DataFrame:
    """Return the records whose labels are not missing, and enter what became of the labels."""
    if classes.missing.any():
        ledger.enter(REMOVED + UNLABELED, classes.records[classes.missing])
    if classes.renamed.any():
        ledger.enter(CHANGED + "labels such as 1.0 written as 1", classes.records[classes.renamed])
    return classes.records[~classes.missing]


def _usual_split(split_tables: dict[str, str | None], intervals: list[str] | None) -> str:
    """Return how to split where no way is chosen: regions overlap, and peaks lie in repeats, so that a random split of
    them would test a model on what it has seen."""
    if any(split_tables.values()):
        return words.COLUMN
    return words.SIMILARITY if intervals else words.RANDOM


def _require_possible_target(target: str, negatives: str, balance: str, is_table: str | None) -> None:
    what = "numbers" if target == words.NUMBER else "several labels a sequence"
    if not is_table:
        raise UserError(
            f"--target {target}: {what} come from a column of a table, which FASTA and intervals do not have; give a "
            "table, or choose --target classes"
        )
    if negatives != words.NONE:
        raise UserError(
            f"--target {target}: negatives are made for classes, and what they would have among {what} is not known; "
            "choose --negatives none"
        )
    if balance != words.NONE:
        raise UserError(f"--target {target}: {what} cannot be balanced; choose --balance none")


def _require_free_name(records: pd.DataFrame, split: str) -> None:
    """Raise UserError when the input has a column with the name of one that the split writes, and other contents."""
    if CLUSTER not in records or split in (words.RANDOM, words.COLUMN):
        return
    if BY in records and records[CLUSTER].equals(records[BY]):
        return
    raise UserError(
        f"{records[SOURCE].iloc[0]}: a split by {split} writes a column {CLUSTER!r}, and the input has one already; "
        "rename or remove it, or choose a split by group with this column"
    )


def _labels(records: pd.DataFrame, target: str, ledger: Ledger) -> list[str]:
    """Return the labels in order, none of numbers. Raises UserError when there is nothing to tell apart."""
    if target != words.CLASSES:
        return target_of(records, target).labels
    labels = ordered_labels(records["label"])
    if len(labels) == 1:
        lost = ledger.count(REMOVED + UNLABELED)
        raise UserError(
            f"the input has one label only ({labels[0]!r}{f', and {lost:,} that are missing' if lost else ''}); a "
            "classifier needs at least two: add sequences with another label, or let negatives be made (--negatives)"
        )
    return labels


def _require_left(records: pd.DataFrame, read: pd.Series, target: str) -> None:
    if target != words.CLASSES:
        if not len(records):
            raise UserError(
                f"no sequence is left after cleaning, of {len(read)}; look at the sequences and their labels, or "
                "choose other limits for lengths and letters"
            )
        return
    left = set(records["label"])
    for label in ordered_labels(set(read) - MISSING):
        if label not in left:
            raise UserError(
                f"no sequence with label {label!r} is left after cleaning, of {(read == label).sum()}; look at the "
                "sequences and their labels, or choose other limits for lengths and letters, or smaller windows"
            )


def _read(records: pd.DataFrame, notes: dict[str, list[str]]) -> list[str]:
    """Return a sentence for each file; notes: what else there is to say of it, by what it is called."""
    counts = records[SOURCE].value_counts(sort=False)
    return ["; ".join([f"{name}: {count:,} sequences", *notes.get(name, [])]) for name, count in counts.items()]


def _make_negatives(
    records: pd.DataFrame,
    regions: list[pd.DataFrame],
    kind: str,
    label: str,
    ratio: float,
    distance: int,
    genome: str | None,
    exclude: str | None,
    seed: int,
) -> tuple[pd.DataFrame, list[str], list[str]]:
    """Return the negatives, the sentences that say how they were made and what they let a model cheat on, and warnings.

    A warning names sequences without a negative.
    """
    wanted = int(ratio * len(records) + 0.5)
    if not wanted:
        raise UserError(
            f"{ratio:g} negatives for each of {len(records)} sequences are none at all; choose a greater ratio"
        )
    unmatched: list[str] = []
    if kind == words.SHUFFLE:
        made = shuffled_negatives(records, ratio, label, seed)
        how = f"{len(made):,} sequences were made by shuffling those given, with the same counts of dinucleotides"
    else:
        source = describe(exclude, "the regions to avoid") if exclude else ""
        request = GenomeNegatives(
            label,
            ratio,
            seed,
            distance,
            exclude=read_intervals(exclude, source, summits=False) if exclude else None,
            exclude_source=source,
        )
        drawn = negatives_for(records, genome, describe(genome, "the genome"), request, pd.concat(regions))
        made = drawn.records
        how = (
            f"{len(made):,} regions of the genome were drawn, each with the length of a sequence given, a GC content "
            f"within {request.tolerance:.0%} of its own and its strand, at least {distance:,} nt away from all regions "
            "given"
        ) + (f" and from {len(request.exclude):,} regions to avoid" if exclude else "")
        if drawn.elsewhere:
            how += f"; {drawn.elsewhere:,} are on another chromosome than the sequence that they match"
        if drawn.missing:
            how += f"; {drawn.missing:,} more {'were' if drawn.missing > 1 else 'was'} not found"
            unmatched.append(drawn.unmatched)
        wanted -= drawn.missing
    if not len(made):
        raise UserError(
            "no negative could be made: every shuffle is a sequence that was given, or no sequence has an A, C, G or "
            "T; choose other negatives"
        )
    if len(made) < wanted:
        how += f"; {wanted - len(made):,} fewer than asked for, since some sequences are too simple to make one from"
    return made, [how, CAVEATS[kind]], unmatched


def _with_reverse_complements(records: pd.DataFrame) -> pd.DataFrame:
    """Return the records followed by their reverse complements, but for sequences that are their own."""
    other = records.assign(sequence=records["sequence"].map(reverse_complement))
    other = other[(other["sequence"] != records["sequence"]).to_numpy()]
    if "id" in other:
        other = other.assign(id=other["id"] + "_rc")
    if "strand" in other:
        other = other.assign(strand=other["strand"].replace({"+": "-", "-": "+"}))
    return pd.concat([records, other])


def _row(step: str, records: pd.DataFrame, labels: list[str], target: str) -> dict:
    lengths = records["sequence"].str.len()
    lengths = lengths[lengths > 0]  # of windows that could not be cut there is no sequence
    known = len(lengths) > 0
    if target == words.NUMBER:
        values = records["label"].astype(float)
        of_labels = {name: getattr(values, name)() if len(values) else "" for name in ("mean", "min", "max")}
        of_labels = {name: f"{value:.7g}" if value != "" else "" for name, value in of_labels.items()}
    elif target == words.MULTI_LABEL:
        of_labels = {f"label {label}": int(has_label(records["label"], label, target).sum()) for label in labels}
    else:
        counts = records["label"].value_counts()
        of_labels = {f"label {label}": int(counts.get(label, 0)) for label in labels}
    return {
        "step": step,
        "sequences": len(records),
        **of_labels,
        "shortest": int(lengths.min()) if known else "",
        "median length": int(lengths.median()) if known else "",
        "longest": int(lengths.max()) if known else "",
    }
