"""The license of a base model: where it is stated, how it is spelled, and whether it rules out commercial use.

An empty text is a license that is not stated. Licenses are given as their SPDX identifiers (https://spdx.org/licenses)
where there is one; hubs write these in lower case.
"""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from .installed_files import note_of
from .known_models import BY_REPOSITORY

NOT_STATED = "not stated"
# The model card that hubs show: Markdown below a header in YAML.
CARD = "README.md"
# Bytes of a card that are read for its header.
CARD_BYTES = 1 << 16
# Letters of a license that are kept, and those of a longer text that are looked at.
LICENSE_LETTERS, LOOKED_AT = 100, 10_000
# In the card of a merged model, whose own license is for its author to choose (see exchange/model_card.py).
BASE_MODEL_LICENSE = "base_model_license"

_SPELLED = {
    name.lower(): name
    for name in (
        *("AGPL-3.0", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSD-3-Clause-LBNL", "BSD", "CC0-1.0"),
        *("GPL-2.0", "GPL-3.0", "LGPL-3.0", "MIT", "MPL-2.0", "OpenRAIL", "Unlicense"),
    )
}
_CREATIVE_COMMONS = re.compile(r"cc-by(-[a-z]{2})*(-\d\.\d)?", re.IGNORECASE)
# What cards and forms have in the place of a license.
_NONE = ("", "unknown", "other", "none", "n/a", NOT_STATED)
_NON_COMMERCIAL = re.compile(
    r"(?<![a-z])(nc|non[- ]?commercial)(?![a-z])|(academic|research)([- ]use)?[- ]only", re.IGNORECASE
)
_HEADER = re.compile(r"\A---[ \t]*\r?\n(.*?)^---[ \t]*\r?$", re.DOTALL | re.MULTILINE)


def spelled(text: Any) -> str:
    """Return a license on one line, printable and not too long, as SPDX spells it; empty if the text names none."""
    if not isinstance(text, str):
        return ""
    printable = "".join(letter if letter.isprintable() else " " for letter in text[:LOOKED_AT])
    line = " ".join(printable.split())
    if line.lower() in _NONE:
        return ""
    line = line if len(line) <= LICENSE_LETTERS else f"{line[: LICENSE_LETTERS - 1]}…"
    return _SPELLED.get(line.lower(), line.upper() if _CREATIVE_COMMONS.fullmatch(line) else line)


def non_commercial(license: str) -> bool:
    """Say whether a license, by its name, rules out commercial use."""
    return bool(_NON_COMMERCIAL.search(license))


def in_words(license: str) -> str:
    """Return a license as tables and reports show it."""
    said = not non_commercial(license) or "commercial" in license.lower()
    return (license if said else f"{license}, non-commercial use only") or NOT_STATED


def of_header(header: Mapping[str, Any]) -> str:
    """Return the license that the header of a model card states."""
    for key in ("license", "license_name", BASE_MODEL_LICENSE):
        value = header.get(key)
        each = value[:10] if isinstance(value, list) else [value]
        if found := [name for name in map(spelled, each) if name]:
            return spelled(", ".join(found))
    return ""


def of_card(card: Path) -> str:
    """Return the license that a model card states; empty if there is no card, or none that can be read."""
    try:
        with open(card, "rb") as file:
            text = file.read(CARD_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
    return of_header(_header(text))


def of_model(path: Path, unpacked: Path, model_id: str) -> str:
    """Return the license of a base model.

    path: its folder or archive. unpacked: a folder with the archive's card, if it has one. model_id: how it is called;
    the name of a folder, unlike that of an archive, was given by whoever installed it.
    """
    if not path.is_dir():
        return of_card(unpacked / CARD)
    known = BY_REPOSITORY.get(model_id)
    return spelled(note_of(path).get("license")) or of_card(path / CARD) or (known.license if known else "")


def _header(text: str) -> dict[str, Any]:
    """Return the header's entries that are a text or a list of texts.

    Only what a license is written with is read: not a YAML parser, to which a stranger's file could mean anything.
    """
    found = _HEADER.match(text)
    entries: dict[str, Any] = {}
    key = ""
    for line in found[1].splitlines() if found else ():
        if match := re.fullmatch(r"([A-Za-z_]+):(?:[ \t]+(.*))?", line):
            key, value = match[1], _unquoted(match[2] or "")
            entries[key] = value or []
        elif (match := re.fullmatch(r"[ \t]*-[ \t]+(.*)", line)) and isinstance(entries.get(key), list):
            entries[key].append(_unquoted(match[1]))
    return entries


def _unquoted(value: str) -> str:
    """Return the text of a YAML scalar on one line, without quotes and without a comment."""
    value = value.strip()
    if quoted := re.match(r"'(.*?)'", value):
        return quoted[1]
    if quoted := re.match(r'"(?:[^"\\]|\\.)*"', value):
        with suppress(ValueError):
            return json.loads(quoted[0])
    return re.split(r"(?:^|\s)#", value, maxsplit=1)[0].strip(" []")
