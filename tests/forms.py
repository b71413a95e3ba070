"""Galaxy's forms as the tests look at them: tools/*.xml with macros and tokens put in."""

import functools
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element  # for annotations: lxml has the same methods, and its class is private

from galaxy.util import xml_macros
from lxml import etree

TOOLS = Path(__file__).resolve().parent.parent / "tools"


def tool_names() -> list[str]:
    """Return the names of the command lines that have a form: `prepare` for tools/dna_lm_prepare.xml."""
    return sorted(path.stem.removeprefix("dna_lm_") for path in TOOLS.glob("dna_lm_*.xml"))


def form(tool: str) -> Element:
    """Return the form of a command line."""
    return expanded(TOOLS / f"dna_lm_{tool}.xml")


@functools.cache
def expanded(path: Path) -> Element:
    """Return a tool's XML with macros and tokens put in, as Galaxy itself reads it, without comments."""
    root = xml_macros.load(path).getroot()
    root.remove(root.find("macros"))
    etree.strip_tags(root, etree.Comment)
    return root


def name_of(param: Element) -> str:
    """Return a param's name, which Galaxy makes of its argument if it has none of its own."""
    return param.get("name") or param.get("argument").lstrip("-").replace("-", "_")


def params(element: Element, path: str = "") -> Iterator[tuple[str, Element]]:
    """Give every param below an element with its path, such as `base|base_model`; one in two branches comes twice."""
    for child in element:
        if child.tag == "param":
            yield path + name_of(child), child
        elif child.tag in ("conditional", "section"):
            yield from params(child, f"{path}{child.get('name')}|")
        else:  # inputs, when
            yield from params(child, path)


def branches(element: Element, path: str = "", above: tuple = ()) -> Iterator[tuple[tuple[str, str, str], ...]]:
    """Give every branch of every conditional: the choices that lead to it, each as path, value and default."""
    for child in element:
        inside = f"{path}{child.get('name')}|"
        if child.tag == "conditional":
            chooser = child.find("param")
            assert {when.get("value") for when in child.findall("when")} == {
                option.get("value") for option in chooser.findall("option")
            }
            for when in child.findall("when"):
                branch = (*above, (inside + name_of(chooser), when.get("value"), selected(chooser)))
                yield branch
                yield from branches(when, inside, branch)
        elif child.tag == "section":
            yield from branches(child, inside, above)


def shown(element: Element, choices: dict[str, str], path: str = "") -> dict[str, tuple[Element, str]]:
    """Return the params that a user sees, by path, each with its value before the user has touched it.

    choices: values of conditionals' selects by path; others are as the form shows them first.
    The value of a dataset, which has none, is `file`.
    """
    found = {}
    for child in element:
        inside = f"{path}{child.get('name')}|"
        if child.tag == "param":
            choice = choices_of(child) and child.get("multiple") != "true"
            default = selected(child) if choice else child.get("value")
            place = path + name_of(child)
            found[place] = (
                child,
                choices.get(place, ("file" if child.get("type") in ("data", "data_collection") else default) or ""),
            )
        elif child.tag == "conditional":
            found |= shown([child.find("param")], choices, inside)
            _, value = found[inside + name_of(child.find("param"))]
            (when,) = (when for when in child.findall("when") if when.get("value") == value)
            found |= shown(when, choices, inside)
        elif child.tag == "section":
            found |= shown(child, choices, inside)
    return found


def choices_of(param: Element) -> tuple[str, ...]:
    """Return what a select or boolean can give the command, a boolean its value for Yes first; others have none."""
    if param.get("type") == "boolean":
        return param.get("truevalue"), param.get("falsevalue")
    return tuple(option.get("value") for option in param.findall("option"))


def selected(param: Element) -> str:
    """Return what a select or boolean gives the command before the user has touched it."""
    if param.get("type") == "boolean":
        return param.get("truevalue" if param.get("checked") == "true" else "falsevalue")
    options = param.findall("option")
    return next((option for option in options if option.get("selected") == "true"), options[0]).get("value")


def outputs(root: Element) -> list[str]:
    """Return the names of the datasets that a job of the form makes, but for those in a collection."""
    return [data.get("name") for data in root.find("outputs").findall("data")]
