"""Tokenizers of DNA language models whose classes transformers lacks, or has without a fast one."""
