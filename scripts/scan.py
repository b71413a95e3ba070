#!/usr/bin/env python3
"""Scan a genome with a fine-tuned DNA language model."""

from dna_lm.command import run

if __name__ == "__main__":
    run("scan")
