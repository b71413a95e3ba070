"""Negatives for data that has only positives: shuffles of the positives, or regions of the genome like them."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ..data.columns import SOURCE
from ..data.intervals import read_intervals
from ..data.sequences import canonical
from ..data.tables import check_label
from ..data.textfiles import describe
from ..errors import UserError
from ..words import GENOME, SHUFFLE
from .genome_negatives import GenomeNegatives, evenly, negatives_for, rounded
from .inputs import check_name
from .options import NegativeOptions
from .records import Records
from .shuffling import shuffle_dinucleotides

# What a model can learn from each kind of negatives instead of what makes a positive.
CAVEATS = {
    SHUFFLE: (
        "The negatives are shuffles of the positives with the same dinucleotide counts. No genome holds such "
        "sequences: a model can score well by telling real DNA (repeats, poly-A stretches, codons, common k-mers) from "
        "artificial DNA, without knowing anything about what the positives have in common."
    ),
    GENOME: (
        "The negatives are regions of the genome with the GC content and length of the positives. They differ in more "
        "than what was assayed: positives tend to lie in open, conserved, mappable DNA such as promoters and random "
        "regions in repeats, so a model can score well by telling these apart; and some negatives may be true sites "
        "that the experiment missed."
    ),
}
# Shuffles per negative that are tried before one is given up.
SHUFFLES = 10


@dataclass(frozen=True)
class Negatives:
    """Negatives that were made.

    table: columns and index as those of the positives, as far as negatives have them.
    how: sentences that say how they were made and what they let a model cheat on.
    warnings: sentences that name sequences without a negative.
    """

    table: pd.DataFrame
    how: list[str]
    warnings: list[str] = field(default_factory=list)


def make_negatives(records: Records, regions: list[pd.DataFrame], options: NegativeOptions) -> Negatives:
    """Make negatives for all records.

    regions: where they are not to come from besides, columns chrom, start, end; for negatives from the genome.
    Raises UserError for a label that cannot be that of negatives, and when none can be made.
    """
    label = options.negative_label
    check_label(label, "--negative-label")
    check_name(label, "--negative-label")
    if label in set(records["label"]):
        raise UserError(
            f"the input has sequences with the label {label!r} already; choose another label for the negatives that "
            "are made"
        )
    wanted = rounded(options.negative_ratio * len(records))
    if not wanted:
        raise UserError(
            f"{options.negative_ratio:g} negatives for each of {len(records)} sequences are none at all; choose a "
            "greater ratio"
        )
    if options.negatives == SHUFFLE:
        table = shuffled_negatives(records, options.negative_ratio, label, options.seed)
        how = f"{len(table):,} sequences were made by shuffling those given, with the same counts of dinucleotides"
        missing, warnings = 0, []
    else:
        table, how, missing, warnings = _from_genome(records, regions, options)
    if not len(table):
        raise UserError(
            "no negative could be made: every shuffle is a sequence that was given, or no sequence has an A, C, G or "
            "T; choose other negatives"
        )
    fewer = wanted - missing - len(table)
    if fewer > 0:
        how += f"; {fewer:,} fewer than asked for, since some sequences are too simple to make one from"
    return Negatives(table, [how, CAVEATS[options.negatives]], warnings)


def _from_genome(
    records: Records, regions: list[pd.DataFrame], options: NegativeOptions
) -> tuple[pd.DataFrame, str, int, list[str]]:
    """Return the negatives, the sentence that says how they were made, how many were not found, and warnings."""
    exclude, source = None, ""
    if options.exclude:
        source = describe(options.exclude, "the regions to avoid")
        exclude = read_intervals(options.exclude, source, summits=False)
    wanted = GenomeNegatives(
        options.negative_label,
        options.negative_ratio,
        options.seed,
        options.negative_distance,
        exclude=exclude,
        exclude_source=source,
    )
    drawn = negatives_for(records, options.genome, describe(options.genome, "the genome"), wanted, pd.concat(regions))
    how = (
        f"{len(drawn.records):,} regions of the genome were drawn, each with the length of a sequence given, a GC "
        f"content within {wanted.tolerance:.0%} of its own and its strand, at least {wanted.distance:,} nt away from "
        "all regions given"
    )
    if exclude is not None:
        how += f" and from {len(exclude):,} regions to avoid"
    if drawn.elsewhere:
        how += f"; {drawn.elsewhere:,} are on another chromosome than the sequence that they match"
    if drawn.missing:
        how += f"; {drawn.missing:,} more {'were' if drawn.missing > 1 else 'was'} not found"
    return drawn.records, how, drawn.missing, [drawn.unmatched] if drawn.missing else []


def shuffled_negatives(records: Records, ratio: float, label: str, seed: int) -> pd.DataFrame:
    """Shuffle positives with their dinucleotide counts kept (see shuffling.py).

    records: the positives; column `sequence` (normalized) and any others.
    ratio: negatives a positive. Every positive gets as many, to one; chance chooses which get one more.
    label: of the negatives.
    Returns round(ratio * positives) rows or fewer: a sequence that shuffling always turns into a positive or into an
    earlier shuffle (such as a run of one letter) gets none. Columns and index as in `records`: an `id` gets
    `_shuffled<number>` behind it, the others, such as the group, are those of the positive.
    """
    random = np.random.default_rng(seed)
    numbers = evenly(rounded(ratio * len(records)), len(records), random)
    taken = set(records.canonical)
    parents, numbered, sequences = [], [], []
    for parent, (sequence, count) in enumerate(zip(records["sequence"], numbers.tolist(), strict=True)):
        found = 0
        for _ in range(SHUFFLES * count):
            shuffled = shuffle_dinucleotides(sequence, random)
            strandless = canonical(shuffled)
            if strandless not in taken:
                taken.add(strandless)
                found += 1
                parents.append(parent)
                numbered.append(found)
                sequences.append(shuffled)
                if found == count:
                    break
    result = records.table.iloc[parents].assign(sequence=pd.Series(sequences, dtype=object).to_numpy(), label=label)
    if "id" in result:
        result["id"] = [f"{name}_shuffled{number}" for name, number in zip(result["id"], numbered, strict=True)]
    if SOURCE in result:
        result[SOURCE] = "shuffles of " + result[SOURCE]
    return result
