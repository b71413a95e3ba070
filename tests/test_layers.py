"""Imports of the library go one way."""

import pytest

from dev.structure.rooms import LIBRARY, PICTURE, drawn, imported

# What imports nothing of the library, or only those before it; every folder may import them.
GROUND = ("errors", "words", "options", "outputs", "compat")
# A folder imports from itself, from those above it, and from the ground.
FOLDERS = (
    "data",
    "motifs",
    "reports",
    "scores",
    "networks",
    "tokenizers",
    "base_models",
    "pickles",
    "baselines",
    "preparation",
    "adapters",
    "processes",
    "branch",
    "speed",
    "classifiers",
    "training",
    "prediction",
    "evaluation",
    "exchange",
    "tools",
)
# The roof, which nothing imports.
ROOF = ("command", "__main__")
NOT_CODE = {"models", "__pycache__"}


def test_each_folder_has_its_place():
    assert {path.name for path in LIBRARY.iterdir() if path.is_dir()} - NOT_CODE == {*FOLDERS}


@pytest.mark.parametrize("number, folder", list(enumerate(FOLDERS)))
def test_folders_import_from_those_above_them(number, folder):
    allowed = {*FOLDERS[:number], *GROUND}
    modules = list((LIBRARY / folder).glob("*.py"))
    assert len(modules) > 1
    for path in modules:
        assert imported(path) <= allowed, path.name


def test_the_ground_imports_no_folder_and_nothing_imports_the_roof():
    for path in LIBRARY.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if path.parent == LIBRARY and path.stem in GROUND:
            assert not any(f"from .{folder}" in text for folder in FOLDERS), path.name
        elif path.parent != LIBRARY:
            assert not any(f"from ..{name} import" in text for name in ROOF), path.name


def test_the_picture_of_the_folders_is_up_to_date():
    """If not: python dev/structure/rooms.py."""
    assert PICTURE.read_text(encoding="utf-8") == drawn()
