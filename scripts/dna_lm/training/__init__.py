"""From splits to an adapter."""
