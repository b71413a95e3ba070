"""What reports and model cards say of the license of an adapter's base model."""

from ..base_models.licenses import non_commercial
from ..reports.markdown import escape


def license_warning(license: str, merged: bool = False) -> list[str]:
    """Return the block on a license that rules out commercial use; none for any other.

    merged: for a model that contains the base model's weights, not for an adapter.
    """
    if not non_commercial(license):
        return []
    why = "this model contains its weights" if merged else "the adapter cannot be used without it"
    return [
        f"**Non-commercial use only:** the license of the base model ({escape(license)}) does not allow commercial "
        f"use, and {why}."
    ]
