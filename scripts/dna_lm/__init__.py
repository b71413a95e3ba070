"""Fine-tune, evaluate and apply DNA language models: the library behind the dna_lm Galaxy tools."""

__version__ = "0.1.0"
