"""Pretrained models: opened safely, and their tokens."""
