"""Adapters as files: what they record and which data they have seen."""
