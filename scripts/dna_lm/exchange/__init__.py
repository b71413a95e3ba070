"""Adapters and models from outside, and for outside."""
