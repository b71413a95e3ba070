"""A version is written in several files, since several programs read it: they have to agree."""

import hashlib
import re
import runpy

import pytest

from conftest import PROJECT
from dev.environments import lock_lines
from dev.galaxy import tool_dependencies
from dna_lm import __version__
from forms import expanded, form, tool_names


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
    training = {"bitsandbytes", "tensorboardx", "psutil", "logomaker"}
    for tool in tool_names():
        expected = training if tool == "finetune" else set()
        required = {element.text for element in form(tool).find("requirements")}
        assert training & required == expected, tool


DEPENDENCIES = PROJECT / "docs" / "dependencies.md"
CONTAINER = PROJECT / "dev" / "container"
DATA_MANAGER = PROJECT / "data_managers" / "data_manager_dna_lm_models" / "data_manager" / "dna_lm_install.xml"


def container_name(required: dict[str, str]) -> str:
    """Return the image that Galaxy looks for: SHA-1 of the sorted packages, and of their versions in that order."""
    names = sorted(required)
    hashes = [hashlib.sha1("\n".join(lines).encode()).hexdigest() for lines in (names, [required[n] for n in names])]
    return "mulled-v2-" + ":".join(hashes)


def test_names_of_containers_are_galaxys():
    """The example is that in the documentation of Galaxy's v2_image_name."""
    expected = "mulled-v2-fe8faa35dbf6dc65a0f7f5d4ea12e31a79f73e40:4d0535c94ef45be8459f429561f0894c3fe0ebcf"
    assert container_name({"samtools": "1.3.1", "bwa": "0.7.13"}) == expected


def requirements_of(tool: str) -> dict[str, str]:
    root = expanded(DATA_MANAGER) if tool == "the data manager" else form(tool)
    return {element.text: element.get("version") for element in root.find("requirements")}


def test_the_page_on_dependencies_has_every_tool_with_its_container():
    rows = re.findall(r"^\| ([^|]+) \| `(mulled-v2-[^`]+)` \|$", DEPENDENCIES.read_text(), flags=re.MULTILINE)
    found = {tool: image for tools, image in rows for tool in tools.split(", ")}
    assert found == {tool: container_name(requirements_of(tool)) for tool in [*tool_names(), "the data manager"]}


def test_the_page_on_dependencies_has_every_version():
    text = DEPENDENCIES.read_text()
    required = {}
    for tool in [*tool_names(), "the data manager"]:
        required |= requirements_of(tool)
    for name, version in required.items():
        found = set(re.findall(rf"(?<![\w-]){name}[ =]([0-9][0-9.]*[0-9])", text))
        assert found - {tool_dependencies.EXCEPTIONS.get(name, ("", ""))[1]} == {version}, name


@pytest.mark.parametrize("variant", ["cpu", "gpu"])
def test_the_container_has_what_the_tools_require(variant):
    written = runpy.run_path(str(CONTAINER / "packages.py"))
    text = (CONTAINER / f"{variant}.txt").read_text()
    assert text == written["packages"](variant)
    found = dict(line.split("=")[:2] for line in text.splitlines())
    for tool in [*tool_names(), "the data manager"]:
        assert requirements_of(tool).items() <= found.items()
    assert len({line.split("=")[2] for line in text.splitlines() if line.count("=") == 2}) == 1


def test_the_container_is_named_after_the_version():
    for file in (CONTAINER / "Containerfile", DEPENDENCIES, PROJECT / "docs" / "administration.md"):
        assert set(re.findall(r"dna_lm:([\d.]+)-[cg]pu", file.read_text())) == {__version__}
