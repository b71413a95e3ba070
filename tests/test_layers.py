"""Imports of the library go one way."""

import ast
from pathlib import Path

import pytest

from dna_lm import errors

LIBRARY = Path(errors.__file__).parent
# What imports nothing of the library, or only those before it; every folder may import them.
GROUND = ("errors", "words", "options", "outputs")
# A folder imports from itself, from those above it, and from the ground.
FOLDERS = (
    "data",
    "reports",
    "scores",
    "base_models",
    "baselines",
    "preparation",
    "adapters",
    "processes",
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


def imported(path: Path) -> set[str]:
    """The folders, or modules beside them, from which a module in a folder imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level == 2:
            found |= {node.module.split(".")[0]} if node.module else {name.name for name in node.names}
    return found


def test_each_folder_has_its_place():
    assert {path.name for path in LIBRARY.iterdir() if path.is_dir()} - NOT_CODE == {*FOLDERS}


@pytest.mark.parametrize("number, folder", list(enumerate(FOLDERS)))
def test_folders_import_from_those_above_them(number, folder):
    allowed = {*FOLDERS[:number], *GROUND}
    modules = list((LIBRARY / folder).glob("*.py"))
    assert len(modules) > 1
    for path in modules:
        assert imported(path) <= allowed, path.name
