"""The files of the splits that a tool reads: each named by an option of its own, or all by one collection."""

import re
from dataclasses import replace
from typing import TypeVar

from ..errors import UserError
from ..options import SplitsOptions
from ..words import SPLIT_NAMES
from .named_files import NamedPath, repeated

# What the forms call the splits.
TITLES = {split: f"{name.capitalize()} set" for split, name in SPLIT_NAMES.items()}
_OTHER_NAMES = {"validation": "dev", "valid": "dev", "val": "dev", "development": "dev", "training": "train"}

Given = TypeVar("Given", bound=SplitsOptions)


def split_name(split: str) -> str:
    """Return what reports call a split, such as `development`; a name of the user's own stays as it is."""
    return SPLIT_NAMES.get(split, split)


def with_splits(options: Given, **split_of: str) -> Given:
    """Return the options with the paths of the splits that the tool reads, and no collection.

    split_of: the split, `train`, `dev` or `test`, by the name of the option that has its path: data="test".
    Raises UserError for a split that is not given, or given twice.
    """
    elements = _elements(options.splits or [])
    paths = {}
    for field, split in split_of.items():
        flag = "--" + field.replace("_", "-")
        path = getattr(options, field)
        if path and elements:
            raise UserError(f'the "{TITLES[split]}" is given twice, by {flag} and by --splits; give one of them')
        if elements and split not in elements:
            names = ", ".join(repr(name) for name in elements)
            raise UserError(
                f"the splits collection has no element {split!r} ({TITLES[split].lower()}); its elements are {names}: "
                "select the collection that Prepare DNA sequences made, or each dataset by itself"
            )
        if not path and not elements:
            raise UserError(
                f'no "{TITLES[split]}" ({flag}) is selected; select the {split} dataset that Prepare DNA sequences made'
            )
        paths[field] = path or elements[split]
    return replace(options, **paths, splits=None)


def _elements(pairs: list[str]) -> dict[str, str]:
    """Return the paths of a collection's elements by split, those that are none by the name that they have."""
    files = [NamedPath.parse(pair, "splits", "NAME=FILE", "the name of the split") for pair in pairs]
    files = [NamedPath(_split(file.name), file.path) for file in files]
    if twice := repeated(files):
        raise UserError(f"the splits collection has two elements {twice!r}; it needs one for each split")
    return dict(files)


def _split(element: str) -> str:
    """Return the split that an element is, by its name without the extension of a table, or else its name."""
    stem = re.sub(r"\.(csv|tsv|tabular|txt)$", "", element, flags=re.IGNORECASE).lower()
    split = _OTHER_NAMES.get(stem, stem)
    return split if split in TITLES else element
