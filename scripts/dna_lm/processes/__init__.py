"""Devices, threads and processes, and one way to apply a network to sequences."""
