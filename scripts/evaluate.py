#!/usr/bin/env python3
"""Score a fine-tuned DNA language model on labeled DNA."""

from dna_lm.command import run

if __name__ == "__main__":
    run("evaluate")
