"""Motifs of DNA-binding proteins: those of JASPAR, and a user's own."""
