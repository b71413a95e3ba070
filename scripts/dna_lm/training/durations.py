"""Durations as messages give them."""


def duration(seconds: float) -> str:
    """Write a duration as 40 s, 5 min or 3.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
