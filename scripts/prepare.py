#!/usr/bin/env python3
"""Clean labeled DNA and split it into train, dev and test."""

from dna_lm.command import run

if __name__ == "__main__":
    run("prepare")
