"""Which k-mers the baseline counts: scores on sequences held out of train, for lengths and strengths.

    python dev/bench/kmers.py --data FOLDER [--rows 300,1000,0]

with the Python of the tools environment. data: a folder with train.csv and dev.csv, such as GUE's tf/0. A classifier
learns from so many rows drawn from train.csv (0: all that are not held out) and is scored on 6,000 others and dev.csv
together; test.csv takes no part. Prints a table in Markdown: ROC-AUC and MCC, the mean of the draws (one of all rows).
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import matthews_corrcoef, roc_auc_score
from sklearn.preprocessing import normalize

from dna_lm.baselines.kmer_counts import count_kmers
from dna_lm.data.packing import pack

LENGTHS = [(6,), (5, 6), (4, 5, 6), (3, 4, 5, 6), (2, 3, 4, 5, 6), (3, 4, 5, 6, 7)]
STRENGTHS = (1.0, 3.0, 10.0, 30.0)
HELD_OUT, DRAWS = 6_000, 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", default="300,1000,0")
    given = parser.parse_args()
    table = pd.read_csv(given.data / "train.csv").sample(frac=1, random_state=1)
    scored = pd.concat([table[:HELD_OUT], pd.read_csv(given.data / "dev.csv")])
    rest = table[HELD_OUT:]
    print("| rows | letters | " + " | ".join(f"C = {strength:g}" for strength in STRENGTHS) + " |")
    print("|---:|---|" + "---:|" * len(STRENGTHS), flush=True)
    for rows in map(int, given.rows.split(",")):
        for lengths in LENGTHS:
            # As kmer_baseline.kmer_features, for other lengths.
            known, asked = (
                normalize(np.sqrt(count_kmers(pack(part["sequence"].tolist()), lengths))) for part in (rest, scored)
            )
            cells = []
            for strength in STRENGTHS:
                found = []
                for draw in range(DRAWS if rows else 1):
                    chosen = np.random.default_rng(draw).permutation(len(rest))[: rows or len(rest)]
                    model = LogisticRegression(C=strength, max_iter=1000)
                    model.fit(known[chosen], rest["label"].iloc[chosen])
                    probability = model.predict_proba(asked)[:, 1]
                    truth = scored["label"]
                    found.append((roc_auc_score(truth, probability), matthews_corrcoef(truth, probability > 0.5)))
                cells.append("{:.3f}, {:.3f}".format(*np.mean(found, axis=0)))
            print(f"| {rows or len(rest):,} | {lengths[0]} to {lengths[-1]} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
