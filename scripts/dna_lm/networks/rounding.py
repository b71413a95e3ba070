"""How many rows embeddings have."""


def rounded_up(rows: int, multiple: int) -> int:
    """Return the least multiple of a number that is not below the rows."""
    return -(-rows // max(1, multiple)) * max(1, multiple)
