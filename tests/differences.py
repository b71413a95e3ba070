"""The difference of two models that are resampled alike, in one call."""

from dna_lm.scores.bootstrap import difference, resample


def paired_difference(target, truth, *both, metric, **options):
    """both: the answers of two models. metric: a score of all labels."""
    first, second = (resample(target, truth, answers, wanted=[(metric, None)], **options) for answers in both)
    return difference(first, second, metric)
