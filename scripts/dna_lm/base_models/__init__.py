"""Pretrained models: opened safely; their architectures and tokens."""
