"""Messages that name an option name the field of the form too, as labeled there: users of forms see no options."""

import ast
import re
from collections.abc import Iterator

import pytest

from conftest import PROJECT
from dna_lm.data.split_files import TITLES
from dna_lm.tools import PANEL
from forms import choices_of, expanded, form

CODE = PROJECT / "scripts" / "dna_lm"
INSTALL = expanded(PROJECT / "data_managers" / "data_manager_dna_lm_models" / "data_manager" / "dna_lm_install.xml")
# Messages about options that a form never gives in that way, by their beginning, with the reason.
COMMAND_LINE_ONLY = {
    "give the sequences in one way": "a form asks for one kind of input data",
    "--precision fp16 needs a GPU": "no form has the option",
    "--installed ": "no form has the option",
    "--into ": "no form has the option",
    "the column {} (--split-column)": "a form shows the column with the ways to split that use it",
    "give one of --hub-model": "a form asks for one source of the model",
}
# Folders and modules whose text is for command lines: help of options, and parsing.
NO_MESSAGES = {"options.py", "command.py"}


def messages() -> Iterator[tuple[str, str]]:
    """Give every text of the code that names an option, but docstrings, with its place; values in it are `{}`."""
    for path in sorted(CODE.rglob("*.py")):
        if path.name in NO_MESSAGES or path.parent.name == "tools":
            continue
        tree = ast.parse(path.read_text())
        docstrings = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in ast.walk(tree):
            if id(node) in docstrings | inside:
                continue
            if isinstance(node, ast.JoinedStr):
                text = "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = node.value
            else:
                continue
            if re.search(r"(?<![\w-])--[a-z]", text):
                yield f"{path.relative_to(CODE)}:{node.lineno}", text


MESSAGES = [pytest.param(text, id=place) for place, text in messages()]


def words_of(argument: str) -> tuple[set[str], set[str]]:
    """Return the labels of an option in the forms, and the texts of its choices.

    Of a conditional whose select is no option itself, such as the base model's, that select's are among them.
    """
    labels, texts = set(), set()
    for root in (*map(form, PANEL), INSTALL):
        for parent in root.find("inputs").iter():
            for param in parent.findall("param"):
                if param.get("argument") == argument:
                    found = [param]
                    conditional = parent.getparent() if parent.tag == "when" else parent
                    chooser = conditional.find("param") if conditional.tag == "conditional" else param
                    if not chooser.get("argument"):
                        found.append(chooser)
                    for one in found:
                        labels.add(one.get("label"))
                        texts |= {option.text for option in one.findall("option")}
                        if choices_of(one) and one.get("type") == "boolean":
                            texts |= {"Yes", "No"}
    return labels, texts


def flags(text: str) -> list[str]:
    return re.findall(r"(?<![\w-])--[a-z][a-z-]*", text)


def test_messages_are_found():
    assert len(MESSAGES) > 25


@pytest.mark.parametrize("text", MESSAGES)
def test_a_message_names_the_field_beside_the_option(text):
    if any(text.startswith(start) for start in COMMAND_LINE_ONLY):
        return
    quoted = set(re.findall(r'"([^"]+)"', text))
    labels, texts = set(), set()
    for flag in flags(text):
        if not flag.endswith("-out") and flag != "--splits":
            of_flag, choices = words_of(flag)
            assert of_flag & quoted or "{}" in quoted, f"{flag} is in the message, but no label of its field: {of_flag}"
            labels |= of_flag
            texts |= choices
    assert quoted <= labels | texts | {"{}"}, quoted


def test_no_exception_is_out_of_date():
    for start in COMMAND_LINE_ONLY:
        assert any(param.values[0].startswith(start) for param in MESSAGES), start


def test_the_splits_are_called_what_the_forms_call_them():
    for flag, split in (("--train", "train"), ("--dev", "dev"), ("--data", "test"), ("--data", "dev")):
        assert TITLES[split] in words_of(flag)[0]


def test_a_text_of_a_message_that_no_form_has_is_found():
    labels, texts = words_of("--seen-data")
    assert labels == {"Sequences already seen in training"}
    assert texts == {"Stop with an error", "Continue and warn in the report"}
    assert {"Base model"} < words_of("--base-model")[0]
