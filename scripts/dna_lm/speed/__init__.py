"""What makes networks faster and changes no result but by rounding."""

import os


def wanted() -> bool:
    """Say whether the modules of this folder may be used: not with DNA_LM_PLAIN=1 in the environment."""
    return os.environ.get("DNA_LM_PLAIN", "") != "1"
