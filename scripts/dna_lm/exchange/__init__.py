"""Adapters exported and imported, base models installed."""
