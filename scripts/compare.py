#!/usr/bin/env python3
"""Compare fine-tuned DNA language models on the same labeled DNA."""

from dna_lm.command import run

if __name__ == "__main__":
    run("compare")
