"""The documentation: what is linked exists, every page is in the index, no picture is there twice."""

import hashlib
import re
from pathlib import Path

import pytest

from conftest import PROJECT

DOCS = PROJECT / "docs"
PAGES = sorted(
    page
    for page in [PROJECT / "README.md", *DOCS.rglob("*.md"), *(PROJECT / "workflows").glob("*/README.md")]
    if page.name != "tutorial.md"  # its links are those of the Galaxy Training Network
)
LINK = re.compile(r"\]\(([^)\s]+)")


def linked(page: Path) -> list[tuple[Path, str]]:
    """Return the files that a page links to, with the part of each after #."""
    found = [link.partition("#")[::2] for link in LINK.findall(page.read_text()) if "://" not in link]
    return [((page.parent / name).resolve() if name else page, part) for name, part in found]


def anchors(page: Path) -> set[str]:
    """Return the names of a page's headings in links."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_what_a_page_links_to_exists(page):
    for file, part in linked(page):
        assert file.exists(), file
        assert not part or part in anchors(file), f"{file}#{part}"


def test_every_page_is_in_the_index_once():
    index = DOCS / "README.md"
    listed = [file for file, _ in linked(index) if file.suffix == ".md"]
    assert sorted(listed) == sorted(page for page in DOCS.rglob("*.md") if page != index)


def test_no_picture_is_there_twice_and_each_is_shown():
    pictures = [path for path in DOCS.rglob("*") if path.suffix in (".png", ".svg")]
    assert len({hashlib.sha256(path.read_bytes()).digest() for path in pictures}) == len(pictures)
    texts = {page: page.read_text() for page in [*PAGES, DOCS / "tutorial" / "tutorial.md"]}
    for path in pictures:
        assert any(f"{path.parent.name}/{path.name}" in text for text in texts.values()), path
