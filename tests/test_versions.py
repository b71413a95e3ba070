"""A version is written in several files, since several programs read it: they have to agree."""

import re

import tool_dependencies
from conftest import PROJECT
from dna_lm import __version__
from environments import lock_lines
from forms import form, tool_names


def found(pattern: str, file: str) -> str:
    """Return what the first match of a pattern in a file holds."""
    return re.search(pattern, (PROJECT / file).read_text(encoding="utf-8"), flags=re.MULTILINE)[1]


def test_the_forms_have_the_version_of_the_library():
    for tool in tool_names():
        version, _, suffix = form(tool).get("version").partition("+galaxy")
        assert version == __version__
        assert suffix.isdecimal()


def test_the_newest_version_of_the_changelog():
    assert found(r"^## (\S+)", "CHANGELOG.md") == __version__


def test_the_version_to_be_cited():
    assert found(r"^version: (\S+)$", "CITATION.cff") == __version__


def test_the_forms_require_what_is_locked_and_tested():
    required = tool_dependencies.requirements((PROJECT / "tools").glob("*.xml"))
    assert {"pandas", "pytorch", "transformers", "peft", "safetensors"} <= required.keys()
    tool_dependencies.check(required, lock_lines("tools"))


def test_the_only_difference_is_that_of_torch():
    assert tool_dependencies.EXCEPTIONS == {"pytorch": ("2.12.0", "2.13.0")}


def test_only_the_training_asks_for_what_only_training_uses():
    training = {"bitsandbytes", "tensorboardx", "psutil"}
    for tool in tool_names():
        expected = training if tool == "finetune" else set()
        required = {element.text for element in form(tool).find("requirements")}
        assert training & required == expected, tool
