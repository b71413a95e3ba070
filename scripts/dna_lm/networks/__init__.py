"""Networks of DNA language models that transformers does not have, written from descriptions, not from their code."""
