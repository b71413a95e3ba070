"""Sequences, labels, targets and the files that they come in."""
