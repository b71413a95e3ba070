"""Models that adapters are compared with."""
