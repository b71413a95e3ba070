"""The answers of an adapter."""
