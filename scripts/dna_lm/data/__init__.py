"""Sequences, labels and the files they come in."""
