"""Adapters as files, and what they record."""
