"""From labeled sequences to splits."""
