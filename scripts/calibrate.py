#!/usr/bin/env python3
"""Choose the temperature and the thresholds of a fine-tuned DNA language model."""

from dna_lm.command import run

if __name__ == "__main__":
    run("calibrate")
