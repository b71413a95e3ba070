"""Base models with an adapter and a head, as networks."""
