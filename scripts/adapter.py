#!/usr/bin/env python3
"""Show, export, merge or import an adapter."""

from dna_lm.command import run

if __name__ == "__main__":
    run("adapter")
