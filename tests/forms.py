"""Galaxy's forms as the tests look at them: tools/*.xml with macros and tokens put in."""

import copy
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

TOOLS = Path(__file__).resolve().parent.parent / "tools"


def tool_names() -> list[str]:
    """Return the names of the command lines that have a form: `prepare` for tools/dna_lm_prepare.xml."""
    return sorted(path.stem.removeprefix("dna_lm_") for path in TOOLS.glob("dna_lm_*.xml"))


def form(tool: str) -> Element:
    """Return the form of a command line.

    Only what is used here of Galaxy's macros is put in: `<import>`, `<expand>` with `<yield/>`, and tokens.
    """
    root = ElementTree.parse(TOOLS / f"dna_lm_{tool}.xml").getroot()
    sources = [root.find("macros")]
    sources += [ElementTree.parse(TOOLS / imported.text).getroot() for imported in sources[0].iter("import")]
    macros = {macro.get("name"): macro for source in sources for macro in source.iter("xml")}
    tokens = {token.get("name"): token.text or "" for source in sources for token in source.iter("token")}
    root.remove(sources[0])
    _expand(root, macros)
    for element in root.iter():
        element.text = _with_tokens(element.text, tokens)
        for name, value in element.attrib.items():
            element.set(name, _with_tokens(value, tokens))
    return root


def _expand(element: Element, macros: dict[str, Element]) -> None:
    children = []
    for child in element:
        if child.tag == "expand":
            body = copy.deepcopy(macros[child.get("macro")])
            _fill(body, list(child))
            _expand(body, macros)
            children += list(body)
        else:
            _expand(child, macros)
            children.append(child)
    element[:] = children


def _fill(element: Element, content: list[Element]) -> None:
    """Put content in the place of `<yield/>`."""
    children = []
    for child in element:
        if child.tag == "yield":
            children += content
        else:
            _fill(child, content)
            children.append(child)
    element[:] = children


def _with_tokens(text: str | None, tokens: dict[str, str]) -> str | None:
    for token, value in tokens.items():
        text = text and text.replace(token, value)
    return text


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


def selected(param: Element) -> str:
    """Return the value of a select before the user has touched it."""
    options = param.findall("option")
    return next((option for option in options if option.get("selected") == "true"), options[0]).get("value")


def outputs(root: Element) -> list[str]:
    """Return the names of the datasets that a job of the form makes."""
    return [data.get("name") for data in root.find("outputs").iter("data")]
