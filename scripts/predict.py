#!/usr/bin/env python3
"""Predict the labels of DNA with a fine-tuned DNA language model."""

from dna_lm.command import run

if __name__ == "__main__":
    run("predict")
