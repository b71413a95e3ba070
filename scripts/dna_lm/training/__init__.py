"""From train and dev to an adapter."""
