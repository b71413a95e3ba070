"""From what a user has to train, dev and test."""

from dataclasses import dataclass, field, replace

import pandas as pd

from .. import words
from ..data.columns import BY, CLUSTER, OWN_COLUMNS
from ..data.labels import MISSING, ordered_labels
from ..data.packing import OTHER
from ..data.sequences import reverse_complement
from ..errors import UserError
from .balancing import balance
from .checks import require_one_input, require_possible
from .cleaning import clean, pad
from .inputs import UNLABELED, read_input
from .ledger import ADDED, LEAKED, REMOVED, Ledger
from .negatives import Negatives, make_negatives
from .options import InputOptions, PrepareOptions
from .records import Records
from .splitting import SPLITS, parse_fractions
from .strata import target_of
from .ways_to_split import divide


@dataclass(frozen=True)
class Prepared:
    """The splits and how they came about.

    labels: in order; none where labels are numbers.
    records: of each split, columns `sequence`, `label`, the input's others, and the program's own (see columns.py);
        `cluster`, text, if the way to split says which records are independent of each other.
    splits: the tables to be written: the records without the program's own columns, and train with its reverse
        complements if they were asked for.
    ledger: the steps.
    read, how_split, how_negatives: sentences for a report.
    target: what labels are: words.CLASSES, MULTI_LABEL or NUMBER.
    split: how it was split, one of words.RANDOM, SIMILARITY and so on.
    warnings: sentences on the input and the way to split that a user has to read.
    """

    labels: list[str]
    records: dict[str, Records]
    splits: dict[str, pd.DataFrame]
    ledger: Ledger
    read: list[str]
    how_split: str
    how_negatives: list[str]
    target: str = words.CLASSES
    split: str = words.RANDOM
    warnings: list[str] = field(default_factory=list)

    def summary(self) -> pd.DataFrame:
        """Return one row a step, see Ledger.summary."""
        return self.ledger.summary(self.labels)


def prepare(options: PrepareOptions) -> Prepared:
    """Read, clean and split labeled sequences.

    Raises UserError for anything wrong with the files or the request.
    """
    fractions = parse_fractions(options.fractions)
    require_one_input(options)
    options = replace(options, split=options.split or _usual_split(options))
    require_possible(options)

    ledger = Ledger(options.target)
    given = read_input(options, ledger)
    records = clean(given.table, options, ledger)
    _require_left(records, ledger)
    negatives = Negatives(given.table.iloc[:0], [])
    if options.negatives != words.NONE:
        negatives = make_negatives(records, given.regions, options)
        records = _with_negatives(records, negatives.table, options.split, ledger)
    labels = _labels(records, options.target, ledger)
    if options.length and options.shorter == "pad":
        records = pad(records, options.length, ledger)

    division = divide(records, options, fractions, ledger.count(REMOVED + LEAKED))
    split_of, how_split = division.split, division.how
    if division.clusters is not None:
        records = records.assign(**{CLUSTER: division.clusters})
    if options.balance != words.NONE:
        records, split_of, balanced = balance(records, split_of, options, ledger)
        how_split += balanced
    ledger.enter("kept", records)
    ambiguous_left = records.packed.count(OTHER) > 0
    ledger.enter("kept, with ambiguous nucleotides", records.table[ambiguous_left])
    parts = {name: records.select(split_of == name) for name in SPLITS}
    for name, part in parts.items():
        ledger.enter(name, part)
    return Prepared(
        labels,
        parts,
        _written(parts, options.augment, ledger),
        ledger,
        given.read,
        how_split,
        negatives.how,
        options.target,
        options.split,
        [*given.warnings, *negatives.warnings, *division.warnings],
    )


def _usual_split(options: InputOptions) -> str:
    """Return how to split where no way is chosen: regions overlap, and peaks lie in repeats, so that a random split of
    them would test a model on what it has seen."""
    if options.train_table:
        return words.COLUMN
    return words.SIMILARITY if options.intervals else words.RANDOM


def _require_left(records: Records, ledger: Ledger) -> None:
    """Raise UserError when cleaning has left no sequence, or none with one of the classes that were read."""
    read = ledger.steps[0]
    if ledger.target != words.CLASSES:
        if not len(records):
            raise UserError(
                f"no sequence is left after cleaning, of {read.sequences}; look at the sequences and their labels, or "
                "choose other limits for lengths and ambiguous nucleotides"
            )
        return
    left = set(records["label"])
    for label in ordered_labels(set(read.labels) - MISSING):
        if label not in left:
            raise UserError(
                f"no sequence with label {label!r} is left after cleaning, of {read.labels[label]}; look at the "
                "sequences and their labels, or choose other limits for lengths and ambiguous nucleotides, or smaller "
                "windows"
            )


def _with_negatives(records: Records, made: pd.DataFrame, split: str, ledger: Ledger) -> Records:
    if split == words.CHROMOSOME and BY not in made:
        made = made.assign(**{BY: made["chrom"]})
    ledger.enter(ADDED + "negatives", made)
    return Records.concat([records, Records(made)])


def _labels(records: Records, target: str, ledger: Ledger) -> list[str]:
    """Return the labels in order, none of numbers. Raises UserError when there is nothing to tell apart."""
    if target != words.CLASSES:
        return target_of(records.table, target).labels
    labels = ordered_labels(records["label"])
    if len(labels) == 1:
        lost = ledger.count(REMOVED + UNLABELED)
        raise UserError(
            f"the input has one label only ({labels[0]!r}{f', and {lost:,} that are missing' if lost else ''}); a "
            'classifier needs at least two: add sequences with another label, or set "Generate negative sequences" '
            "(--negatives)"
        )
    return labels


def _written(parts: dict[str, Records], augment: str, ledger: Ledger) -> dict[str, pd.DataFrame]:
    """Return the splits as they are to be written, and enter what augments train."""
    result = {name: part.table.drop(columns=OWN_COLUMNS, errors="ignore") for name, part in parts.items()}
    if augment == words.REVERSE_COMPLEMENT:
        added = _reverse_complements(result["train"])
        ledger.enter(ADDED + "reverse complements, to train", added)
        result["train"] = pd.concat([result["train"], added])
    return result


def _reverse_complements(records: pd.DataFrame) -> pd.DataFrame:
    """Return the reverse complements of records, but for sequences that are their own."""
    other = records.assign(sequence=records["sequence"].map(reverse_complement))
    other = other[(other["sequence"] != records["sequence"]).to_numpy()]
    if "id" in other:
        other = other.assign(id=other["id"] + "_rc")
    if "strand" in other:
        other = other.assign(strand=other["strand"].replace({"+": "-", "-": "+"}))
    return other
