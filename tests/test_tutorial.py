"""The tutorial and docs/notebook.md against the forms: every field that they name is there."""

import re
from xml.etree.ElementTree import Element

import pytest
import yaml

from conftest import PROJECT
from dev.tutorial import steps as tutorial_steps
from forms import choices_of, form, name_of, params, selected, shown, tool_names

FOLDER = PROJECT / "docs" / "tutorial"
TEXT = tutorial_steps.TUTORIAL.read_text()
STEPS = [
    pytest.param(step, id=f"{title}-{step.tool}")
    for title, lines in tutorial_steps.boxes(TEXT)
    for step in tutorial_steps.steps(lines)
]
NOTEBOOK = (PROJECT / "docs" / "notebook.md").read_text()
# What notebook.md names in italics that is no part of a form, with the reason.
OTHER_NAMES = {"Run Tool": "Galaxy's own button below every form"}


def sections(tool: str) -> dict[str, str]:
    """{title: name} of the sections of a form."""
    return {section.get("title"): section.get("name") for section in form(tool).iter("section")}


def option_texts(param: Element) -> dict[str, str]:
    """{text: value} of the choices of a select or boolean; those of a data table, which no form knows, are left out."""
    if param.get("type") == "boolean":
        return dict(zip(("Yes", "No"), choices_of(param), strict=True))  # as Galaxy writes beside the switch
    added = [choice for choice in param.iter("filter") if choice.get("type") == "add_value"]
    return {option.text: option.get("value") for option in param.findall("option")} | {
        choice.get("name"): choice.get("value") for choice in added
    }


# --- the tutorial ----------------------------------------------------------------------------------------------------


def test_the_tutorial_is_in_the_form_of_the_training_network():
    _, front, body = TEXT.split("---\n", 2)
    about = yaml.safe_load(front)
    assert about["layout"] == "tutorial_hands_on"
    assert about["time_estimation"] == "1H"
    for name in ("title", "level", "questions", "objectives", "key_points", "contributions", "tags"):
        assert about[name]
    assert "zenodo_link" in about
    for kind in ("hands-on", "question", "solution", "comment", "tip", "details", "agenda"):
        openings = len(re.findall(rf"<{kind}-title>", body))
        css = {"hands-on": "hands_on"}.get(kind, kind)
        assert openings and openings == len(re.findall(rf"{{: \.{css}}}", body)), kind


def test_every_citation_is_in_the_bibliography_and_none_is_left_over():
    bibliography = (FOLDER / "tutorial.bib").read_text()
    assert set(re.findall(r"{% cite (\w+) %}", TEXT)) == set(re.findall(r"@\w+{(\w+),", bibliography))


def test_every_picture_is_there_and_not_too_large():
    pictures = set(re.findall(r"\]\(images/(\S+?) ", TEXT))
    assert pictures == {path.name for path in (FOLDER / "images").glob("*.png")}
    assert all((FOLDER / "images" / name).stat().st_size < 400_000 for name in pictures)


@pytest.mark.parametrize("step", STEPS)
def test_every_field_is_shown_by_its_form_once_those_before_it_are_set(step):
    root = form(step.tool)
    assert root.get("name") == step.name
    titles = sections(step.tool)
    choices: dict[str, str] = {}
    for field in step.fields:
        found = {
            path: param
            for path, (param, _) in shown(root.find("inputs"), choices).items()
            if param.get("label") == field.label and (f"{titles.get(field.section)}|" in path) == bool(field.section)
        }
        assert len(found) == 1, f"{field.label}: {len(found)} fields of that name are shown"
        ((path, param),) = found.items()
        if option_texts(param) and field.values:
            assert set(field.values) <= option_texts(param).keys(), field.label
            choices[path] = option_texts(param)[field.values[0]]
        elif param.get("type") in ("integer", "float", "text"):
            assert len(field.values) == 1


@pytest.mark.parametrize("step", STEPS)
def test_what_a_step_opens_is_an_output_of_its_tool(step):
    labels = [output.get("label") for output in form(step.tool).find("outputs")]
    for name in [*step.opened, *step.renamed]:
        assert any(label.startswith(f"{name} ") for label in labels)


def test_every_figure_has_a_place():
    assert len(tutorial_steps.figures(TEXT)) > 40


def test_a_figure_is_compared_with_the_cell_of_its_name():
    tables = [
        [["model", "MCC (95% CI)"], ["MCC", "0.111"], ["this adapter", "+0.650 (-0.498 to +0.802)"]],
        [["metric", "label", "value", "low"], ["mcc", "all", "0.6504", "0.4983"], ["gc", "all", "58.8% ± 8.2", ""]],
        [["id", "predicted"], ["chr3:1-2", "CTCF"], ["chr3:5-6", "p73"]],
    ]
    text = "training 173,760 of 639,648 parameters on"

    def actual(quoted, place):
        return tutorial_steps.actual(tutorial_steps.Figure(quoted, "evaluate", place, 1), text, tables)

    assert actual("0.650", "|mcc;all|value") == "0.650"
    assert actual("0.50", "|mcc;all|low") == "0.50"
    assert actual("58.8%", "|gc;all|value") == "58.8%"
    assert actual("0.650", "|mcc;p73|value") is None
    assert actual("0.650", "|this adapter|MCC (95% CI)") == "0.650"
    assert actual("-0.498", "|this adapter|MCC (95% CI)|low") == "-0.498"
    assert actual("0.802", "|this adapter|MCC (95% CI)|high") == "0.802"
    assert actual("0.111", "|MCC|MCC (95% CI)|low") is None
    assert actual("173,760", "~training # of") == "173,760"
    assert actual("1", "~trained # of") is None
    assert actual("1", "#chr3:;CTCF") == "1"


# --- the tour --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted((FOLDER / "tours").glob("*.yaml")), ids=lambda path: path.name)
def test_a_tour_has_what_galaxy_reads(path):
    tour = yaml.safe_load(path.read_text())
    assert tour["id"] == path.stem
    assert tour["name"] and tour["description"] and tour["title_default"] and tour["tags"]
    for step in tour["steps"]:
        assert step["intro"]
        assert step.keys() <= {"title", "element", "intro", "position", "preclick", "postclick", "textinsert"}
        assert ("element" in step) >= bool(step.keys() & {"position", "preclick", "postclick", "textinsert"})


@pytest.mark.parametrize("path", sorted((FOLDER / "tours").glob("*.yaml")), ids=lambda path: path.name)
def test_the_fields_of_a_tour_are_those_of_the_form(path):
    paths = {place for tool in tool_names() for place, _ in params(form(tool).find("inputs"))}
    for step in yaml.safe_load(path.read_text())["steps"]:
        for place in re.findall(r"form-element-([\w|]+)", step.get("element", "")):
            assert place in paths


# --- the page for those who come from the notebook -------------------------------------------------------------------


def names_of_forms() -> set[str]:
    """Labels of params, titles of sections, texts of options and names of tools."""
    names = set()
    for tool in tool_names():
        root = form(tool)
        names.add(root.get("name"))
        names |= {section.get("title") for section in root.iter("section")}
        for param in root.iter("param"):
            names.add(param.get("label"))
            names |= option_texts(param).keys()
    return names


def test_every_name_in_notebook_md_is_one_of_the_forms():
    in_forms = names_of_forms()
    for name in re.findall(r"(?<!\*)\*([^*\n]+)\*(?!\*)", NOTEBOOK):
        assert name in in_forms or name in OTHER_NAMES, name
        assert not (name in in_forms and name in OTHER_NAMES)


def test_notebook_md_leaves_out_no_field_of_the_training():
    """Whoever looks for an option of the notebook's finds every field of the form named somewhere."""
    fields = {param.get("label") for _, param in params(form("finetune").find("inputs"))}
    assert [label for label in sorted(fields) if f"*{label}*" not in NOTEBOOK] == []


def test_the_defaults_that_notebook_md_states():
    root = form("finetune")
    assert selected(next(p for p in root.iter("param") if name_of(p) == "preset")) == "recommended"
