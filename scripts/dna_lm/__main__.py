"""`python -m dna_lm TOOL ...`."""

from .command import main

if __name__ == "__main__":
    main()
