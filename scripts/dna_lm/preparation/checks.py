"""Refusing what cannot be asked for together, before any file is read."""

from .. import words
from ..errors import UserError
from .inputs import USUAL_NAMES
from .options import InputOptions, PrepareOptions


def require_one_input(options: InputOptions) -> None:
    """Raise UserError unless the sequences are given in one way, and completely."""
    split_tables = (options.train_table, options.dev_table, options.test_table)
    given = [bool(options.table), any(split_tables), bool(options.fasta), bool(options.intervals)]
    if sum(given) != 1:
        raise UserError(
            "give the sequences in one way: --table, --train-table with --test-table (and --dev-table), one --fasta "
            "LABEL=FILE for each class, or one --intervals LABEL=FILE for each class"
        )
    if any(split_tables) and not (options.train_table and options.test_table):
        missing = "test" if options.train_table else "train"
        raise UserError(
            f"--{missing}-table is missing; give the tables of the training and test sets, and of the development set "
            "if there is one"
        )


def require_possible(options: PrepareOptions) -> None:
    """Raise UserError for options that exclude each other; options.split is the way to split, not None."""
    if options.genome is None and (options.intervals or options.negatives == words.GENOME):
        raise UserError(
            'a genome is needed for regions and for matched negatives; select a "FASTA file of the genome" (--genome)'
        )
    _require_possible_split(options)
    if options.target != words.CLASSES:
        _require_possible_target(options)
    if options.exclude and options.negatives != words.GENOME:
        raise UserError(
            '"Regions to exclude" (--exclude) apply to matched genomic regions only; set "Generate negative sequences" '
            "(--negatives genome), or leave them out"
        )


def _is_table(options: InputOptions) -> bool:
    return bool(options.table or options.train_table)


def _require_possible_split(options: PrepareOptions) -> None:
    split = options.split
    if options.split_column and split not in USUAL_NAMES:
        raise UserError(
            f"the column {options.split_column!r} (--split-column) is not used with this way to split; set "
            f'"How to split" to chromosome, group or column (--split {split} is given), or leave the column out'
        )
    if split not in (words.GROUP, words.COLUMN):
        return
    if not _is_table(options):
        raise UserError(
            f"a split by {split} needs a column of a table, which FASTA and intervals do not have; choose another split"
        )
    if options.negatives == words.GENOME:
        raise UserError(
            f"a split by {split} needs a column that negatives from the genome do not have; choose another split, or "
            "shuffled negatives, which take the column's value from the sequence that is shuffled"
        )


def _require_possible_target(options: PrepareOptions) -> None:
    target = options.target
    what = "numbers" if target == words.NUMBER else "several labels a sequence"
    if not _is_table(options):
        raise UserError(
            f"{what} come from a column of a table, which FASTA files and regions do not have; give a table, or set "
            '"Type of label" to "Classification (one class per sequence)" (--target classes)'
        )
    if options.negatives != words.NONE:
        raise UserError(
            f"negatives can be generated for classes only, not for {what}; set "
            '"Generate negative sequences" to "No, my data contain all classes" (--negatives none)'
        )
    if options.balance != words.NONE:
        raise UserError(f'{what} cannot be balanced; set "Class imbalance" to "Keep all sequences" (--balance none)')
