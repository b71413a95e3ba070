"""Networks: a base model with an adapter and a head."""
