"""Simple models that adapters are compared with."""
