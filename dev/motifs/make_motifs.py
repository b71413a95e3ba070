"""Make the motifs of JASPAR that come with the tools again: scripts/dna_lm/motifs/data/*.jaspar.gz and database.json.

    python3 dev/environments.py run tools python dev/motifs/make_motifs.py

needs the Python package index: the package pyjaspar holds the database as SQLite (57 MB, kept in .local/downloads). Of
the collection CORE it takes the latest version of each matrix, which JASPAR calls non-redundant. The same files come
out every time.
"""

import gzip
import json
import sqlite3
import sys
from contextlib import closing
from hashlib import file_digest
from itertools import groupby
from pathlib import Path

from dev.pretrain.fetch import FetchError, python_package
from dna_lm.words import MOTIF_GROUPS

DATA = Path(__file__).resolve().parents[2] / "scripts" / "dna_lm" / "motifs" / "data"
PYJASPAR, RELEASE = "4.0.0", "2026"
LATEST = """
SELECT m.ID, m.BASE_ID || '.' || m.VERSION, m.NAME
FROM MATRIX m
JOIN MATRIX_ANNOTATION a ON a.ID = m.ID AND a.TAG = 'tax_group' AND a.VAL = ?
WHERE m.COLLECTION = 'CORE' AND m.VERSION = (SELECT MAX(VERSION) FROM MATRIX WHERE BASE_ID = m.BASE_ID)
ORDER BY m.BASE_ID
"""
COUNTS = "SELECT row, val FROM MATRIX_DATA WHERE ID = ? ORDER BY row, col"


def jaspar_text(database: sqlite3.Connection, group: str) -> tuple[str, int]:
    """Return the motifs of a group in JASPAR's text format, counts as in the database, and how many there are."""
    parts = []
    matrices = database.execute(LATEST, [group]).fetchall()
    for number, matrix, name in matrices:
        parts.append(f">{matrix} {name}\n")
        for base, cells in groupby(database.execute(COUNTS, [number]), key=lambda cell: cell[0]):
            parts.append(f"{base} [ {' '.join(repr(value).removesuffix('.0') for _, value in cells)} ]\n")
    return "".join(parts), len(matrices)


def main() -> None:
    path = python_package("pyjaspar", PYJASPAR, source=False) / "pyjaspar" / "data" / f"JASPAR{RELEASE}.sqlite"
    numbers = {}
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        for group in MOTIF_GROUPS:
            text, numbers[group] = jaspar_text(database, group)
            (DATA / f"{group}.jaspar.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    with open(path, "rb") as file:
        digest = file_digest(file, "sha256").hexdigest()
    facts = {
        "database": f"JASPAR {RELEASE} CORE",
        "source": f"{path.name} in pyjaspar {PYJASPAR}",
        "source_sha256": digest,
        "motifs": numbers,
    }
    (DATA / "database.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    try:
        main()
    except FetchError as error:
        sys.exit(f"error: {error}")
