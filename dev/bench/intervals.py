"""How often the intervals of scores cover what is true, and how long they take to compute.

    python dev/bench/intervals.py coverage --sets 1000
    python dev/bench/intervals.py clusters --sets 1000
    python dev/bench/intervals.py rare --sets 400
    python dev/bench/intervals.py speed

Coverage: test sets are drawn from a model of which the true scores are known, those of a million records; for each, an
interval is computed as evaluate does it. Printed is the share of intervals that hold the true score, of those that
there are, and of p values below 0.05 where two models are as good as one another. Tables are Markdown.
Clusters: the same of the accuracy, with records that are right or wrong together, by drawing records and by clusters.
Rare: the same for one label in twenty, of intervals with and without the limits of few_records.py.
"""

import argparse
import time
from dataclasses import replace

import numpy as np

from dna_lm.data.targets import Target
from dna_lm.scores.bootstrap import bootstrap, difference, resample
from dna_lm.scores.metrics import score
from dna_lm.scores.registry import OVERALL, TITLES
from dna_lm.words import CLASSES, MULTI_LABEL, NUMBER

SIZES = (20, 50, 200, 1000)
MILLION = 1_000_000
# Two labels, of which the second has 30% of the records; its values are normal and 1.5 standard deviations higher.
SHARE, APART = 0.3, 1.5
# The logarithms of the odds are taken for so many times what they are, as by a model that is too sure.
SHARPNESS = 1.6


def two_classes(count: int, numbers: np.random.Generator, models: int = 1) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the truth and the predictions of equally good models; half of their noise is common."""
    truth = (numbers.random(count) < SHARE).astype(int)
    common = numbers.normal(size=count)
    predictions = []
    for _ in range(models):
        noise = (common + numbers.normal(size=count)) / np.sqrt(2)
        odds = APART * (noise + APART * truth) - APART**2 / 2 + np.log(SHARE / (1 - SHARE))
        second = 1 / (1 + np.exp(-SHARPNESS * odds))
        predictions.append(np.column_stack([1 - second, second]))
    return truth, predictions


def five_classes(count: int, numbers: np.random.Generator, models: int = 1) -> tuple[np.ndarray, list[np.ndarray]]:
    truth = numbers.integers(5, size=count)
    outputs = [numbers.normal(size=(count, 5)) + 1.5 * np.eye(5)[truth] for _ in range(models)]
    return truth, [Target(CLASSES, list("abcde")).predictions(each) for each in outputs]


def regression(count: int, numbers: np.random.Generator, models: int = 1) -> tuple[np.ndarray, list[np.ndarray]]:
    truth = numbers.normal(size=count)
    return truth, [(0.8 * truth + 0.6 * numbers.normal(size=count))[:, None] for _ in range(models)]


CASES = {
    "two classes": (Target(CLASSES, ["a", "b"]), two_classes),
    "five classes": (Target(CLASSES, list("abcde")), five_classes),
    "numbers": (Target(NUMBER, []), regression),
}


def coverage(sets: int) -> None:
    for case, (target, draw) in CASES.items():
        names = OVERALL[target.kind]
        truth, (predictions,) = draw(MILLION, np.random.default_rng(0))
        true = score(target, truth, predictions)
        covered = {name: [] for name in names}
        wrong = {name: [] for name in names}
        for size in SIZES:
            hits, below = {name: [] for name in names}, {name: [] for name in names}
            for number in range(sets):
                truth, both = draw(size, np.random.default_rng((size, number)), models=2)
                keys = [(name, None) for name in names]
                first, second = (resample(target, truth, predictions, seed=number, wanted=keys) for predictions in both)
                for name in names:
                    low, high = first.interval((name, None))
                    if np.isfinite(low):
                        hits[name].append(low <= true[name] <= high)
                    p = difference(first, second, name).p if (name, None) in first.draws else np.nan
                    if np.isfinite(p):
                        below[name].append(p < 0.05)
            for name in names:
                covered[name].append(np.mean(hits[name]) if hits[name] else np.nan)
                wrong[name].append(np.mean(below[name]) if below[name] else np.nan)
        for title, values in (("intervals that hold the true score", covered), ("p < 0.05 of equal models", wrong)):
            print(f"\n{case}: {title}, {sets} test sets\n")
            print(f"| records | {' | '.join(map(str, SIZES))} |\n|---|{'---:|' * len(SIZES)}")
            for name in names:
                print(f"| {TITLES[name]} | {' | '.join(f'{value:.3f}' for value in values[name])} |", flush=True)


def clusters(sets: int) -> None:
    """Two models are right in 0.8 of the records, each of a cluster with a chance of its own (a beta distribution)."""
    target, key = Target(CLASSES, ["a", "b"]), ("accuracy", None)
    print(f"| clusters | held, by records | by clusters | p < 0.05, by records | by clusters |  {sets} sets")
    print("|---|---:|---:|---:|---:|")
    cases = {f"{count} of {size}": [size] * count for size in (3, 10) for count in (5, 10, 20, 60)}
    cases |= {
        f"{count} of 3, and one that has 28%": [3] * count + [round(3 * count * 0.28 / 0.72)] for count in (20, 60)
    }
    for name, sizes in cases.items():
        numbers_of = np.repeat(np.arange(len(sizes)), sizes)
        found = []
        for number in range(sets):
            numbers = np.random.default_rng((len(sizes), len(numbers_of), number))
            truth, scored = numbers.integers(2, size=len(numbers_of)), []
            for _ in range(2):
                right = numbers.random(len(numbers_of)) < numbers.beta(0.8, 0.2, size=len(sizes))[numbers_of]
                scored.append(np.where((right == truth)[:, None], [0.2, 0.8], [0.8, 0.2]))
            row = []
            for drawn in (None, numbers_of):
                both = [resample(target, truth, each, wanted=[key], seed=number, clusters=drawn) for each in scored]
                low, high = both[0].interval(key)
                held = low <= 0.8 <= high if np.isfinite(low) else np.nan
                row += [held, difference(*both, "accuracy").p < 0.05]
            found.append(row)
        records, p_records, whole, p_whole = np.nanmean(np.array(found, dtype=float), axis=0)
        print(f"| {name} | {records:.3f} | {whole:.3f} | {p_records:.3f} | {p_whole:.3f} |", flush=True)


def rare(sets: int) -> None:
    target, names = Target(CLASSES, ["a", "b"]), ("f1_macro", "mcc", "balanced_accuracy", "precision_macro")
    keys = [(name, None) for name in names]
    heads = ["positives", "apart", *(f"{TITLES[name]}{limits}" for limits in ("", ", limits") for name in names)]
    print(f"| {' | '.join(heads)} |\n|{'---:|' * len(heads)}")
    for positives in (5, 10, 20, 40):
        for apart in (1.5, 2.5):
            truth, predictions = _one_in_twenty(MILLION, np.random.default_rng(0), apart)
            true = score(target, truth, predictions)
            every, limited = {key: [] for key in keys}, {key: [] for key in keys}
            for number in range(sets):
                truth, predictions = _one_in_twenty(20 * positives, np.random.default_rng((positives, number)), apart)
                found = resample(target, truth, predictions, seed=number, wanted=keys)
                for held, intervals in ((limited, found.intervals), (every, {})):
                    for key in keys:
                        low, high = replace(found, intervals=intervals).interval(key)
                        held[key].append(low <= true[key[0]] <= high if np.isfinite(low) else np.nan)
            cells = [f"{np.nanmean(values):.2f}" for values in every.values()]
            cells += [
                f"{np.nanmean(values):.2f} ({np.isfinite(values).mean():.2f})" if np.isfinite(values).any() else "none"
                for values in limited.values()
            ]
            print(f"| {positives} | {apart} | {' | '.join(cells)} |", flush=True)


def _one_in_twenty(count: int, numbers: np.random.Generator, apart: float) -> tuple[np.ndarray, np.ndarray]:
    truth = (numbers.random(count) < 0.05).astype(int)
    odds = apart * (numbers.normal(size=count) + apart * truth) - apart**2 / 2 + np.log(0.05 / 0.95)
    second = 1 / (1 + np.exp(-SHARPNESS * odds))
    return truth, np.column_stack([1 - second, second])


def speed() -> None:
    print("| records | labels | seconds of one core |\n|---:|---|---:|")
    for kind, labels in ((CLASSES, 2), (CLASSES, 12), (MULTI_LABEL, 3), (NUMBER, 0)):
        for count in (10, 1000, 100_000):
            numbers = np.random.default_rng(1)
            target = Target(kind, [f"L{number}" for number in range(labels)])
            if kind == NUMBER:
                truth = numbers.normal(size=count)
                predictions = (truth + numbers.normal(size=count))[:, None]
            elif kind == CLASSES:
                truth = numbers.integers(labels, size=count)
                predictions = target.predictions(numbers.normal(size=(count, labels)) + np.eye(labels)[truth])
            else:
                truth = (numbers.random((count, labels)) < 0.3).astype(float)
                predictions = target.predictions(numbers.normal(size=(count, labels)) + 2 * truth - 1)
            start = time.process_time()
            bootstrap(target, truth, predictions)
            print(f"| {count:,} | {labels or ''} {kind} | {time.process_time() - start:.2f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("coverage", "clusters", "rare", "speed"))
    parser.add_argument("--sets", type=int, default=1000, help="test sets of each size")
    arguments = parser.parse_args()
    if arguments.what == "speed":
        speed()
    else:
        {"coverage": coverage, "clusters": clusters, "rare": rare}[arguments.what](arguments.sets)


if __name__ == "__main__":
    main()
