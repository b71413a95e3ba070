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

    Only what is used here of Galaxy's macros is put in: `<import>`, `<expand>` with `<yield/>`, tokens, and a macro's
    own tokens, which are attributes of `<expand>` (`token_x` of the macro has what holds without one).
    """
    root = ElementTree.parse(TOOLS / f"dna_lm_{tool}.xml").getroot()
    sources = [root.find("macros")]
    sources += [ElementTree.parse(TOOLS / imported.text).getroot() for imported in sources[0].iter("import")]
    macros = {macro.get("name"): macro for source in sources for macro in source.iter("xml")}
    tokens = {token.get("name"): token.text or "" for source in sources for token in source.iter("token")}
    root.remove(sources[0])
    _expand(root, macros)
    _put_in(root, tokens)
    return root


def _put_in(root: Element, tokens: dict[str, str]) -> None:
    for element in root.iter():
        element.text = _with_tokens(element.text, tokens)
        for name, value in element.attrib.items():
            element.set(name, _with_tokens(value, tokens))


def _expand(element: Element, macros: dict[str, Element]) -> None:
    children = []
    for child in element:
        if child.tag == "expand":
            macro = macros[child.get("macro")]
            body = copy.deepcopy(macro)
            _fill(body, list(child))
            own = {name.removeprefix("token_"): value for name, value in macro.items() if name.startswith("token_")}
            own |= {name: value for name, value in child.items() if name != "macro"}
            _put_in(body, {f"@{name.upper()}@": value for name, value in own.items()})
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
            choice = child.find("option") is not None and child.get("multiple") != "true"
            default = selected(child) if choice else child.get("value")
            place = path + name_of(child)
            found[place] = (child, choices.get(place, ("file" if child.get("type") == "data" else default) or ""))
        elif child.tag == "conditional":
            found |= shown([child.find("param")], choices, inside)
            _, value = found[inside + name_of(child.find("param"))]
            (when,) = (when for when in child.findall("when") if when.get("value") == value)
            found |= shown(when, choices, inside)
        elif child.tag == "section":
            found |= shown(child, choices, inside)
    return found


def selected(param: Element) -> str:
    """Return the value of a select before the user has touched it."""
    options = param.findall("option")
    return next((option for option in options if option.get("selected") == "true"), options[0]).get("value")


def outputs(root: Element) -> list[str]:
    """Return the names of the datasets that a job of the form makes, but for those in a collection."""
    return [data.get("name") for data in root.find("outputs").findall("data")]
