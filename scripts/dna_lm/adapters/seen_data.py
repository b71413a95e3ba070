"""Whether labelled sequences took part in making an adapter: its record has the SHA-256 of the files that did."""

from ..errors import UserError
from ..options import ALLOW
from .adapter import Adapter


def roles(adapter: Adapter, digest: str) -> list[str]:
    """Return what a file was for the adapter, in words that follow `it is`; nothing for one that it has not seen.

    digest: the file's SHA-256.
    """
    calibration = adapter.task.get("calibration")
    calibration = calibration if isinstance(calibration, dict) else {}
    known = (
        (adapter.training.get("train_sha256"), "the file that the adapter was trained on"),
        (adapter.training.get("dev_sha256"), "the dev split by which the adapter's weights were chosen"),
        (calibration.get("data_sha256"), "the file on which the adapter was calibrated"),
    )
    return [role for recorded, role in known if recorded == digest]


def check_seen(adapter: Adapter, digest: str, seen_data: str, source: str) -> list[str]:
    """Return a sentence for a file that the adapter has seen, if that is allowed; nothing for another.

    digest: the file's SHA-256. seen_data: the option. source: what to call the file.
    Raises UserError when the file was seen and that is not allowed.
    """
    found = roles(adapter, digest)
    if not found:
        return []
    what = f"{source} is {' and '.join(found)}"
    if seen_data != ALLOW:
        raise UserError(
            f"{what}: scores on it would be too good; choose a test split, or allow seen data (--seen-data allow)"
        )
    return [f"{what}: the scores are too good, and say nothing of new sequences"]
