#!/usr/bin/env python3
"""Install a base model for all users of a server."""

from dna_lm.command import run

if __name__ == "__main__":
    run("install")
