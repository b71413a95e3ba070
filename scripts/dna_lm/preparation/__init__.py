"""From labeled sequences to train, dev and test."""
