"""The words of the forms: a help text for each field, one label for one thing, and help sections of one structure."""

import re
from xml.etree.ElementTree import Element

import pytest

from conftest import PROJECT
from dna_lm.tools import PANEL
from forms import expanded, form, params

INSTALL = expanded(PROJECT / "data_managers" / "data_manager_dna_lm_models" / "data_manager" / "dna_lm_install.xml")
FORMS = {tool: form(tool) for tool in PANEL} | {"install": INSTALL}
FIELDS = [
    pytest.param(param, id=f"{tool}-{path}")
    for tool, root in FORMS.items()
    for path, param in params(root.find("inputs"))
]
# Arguments that have several labels, with the reason.
SEVERAL_LABELS = {
    "--adapter": "one adapter or several",
    "--archive": "an archive of an adapter or of a model",
    "--at": "a recall or a precision",
    "--batch-size": "at once, which does not affect the result, or in a training step, which does",
    "--base-model": "a model of the server or an archive",
    "--data": "the development set to calibrate, the test set to evaluate",
    "--genome": "a genome of the server or a file",
    "--hub-model": "a model of a list, or any",
    "--input": "a file of the format that is chosen",
    "--label": "the label that is mapped, the name of a model",
    "--split-column": "chromosomes, groups or splits",
    "--threshold": "how thresholds are chosen, or one of them",
}
# What people search for in Galaxy's panel, which looks at names and descriptions.
SEARCHED = (
    "LoRA",
    "deep learning",
    "machine learning",
    "motif",
    "transcription factor",
    "promoter",
    "binding site",
    "classif",
    "ChIP-seq",
    "FASTA",
    "fine-tune",
    "predict",
)
# What help sections have in italics that no form names.
OTHER_ITALICS = {
    "By similarity",
    "By chromosome",
    "By group",
    "At random",
    "Shuffled positives",
    "Matched genomic regions",
    "Built in",
    "Classification",
    "Multi-label classification",
    "Regression",
}
ITALICS = r"(?<!\*)\*([A-Za-z][^*\n]+)\*(?!\*)"


def name_of_output(output: Element) -> str:
    """Return the beginning of an output's label, without what differs from job to job."""
    return re.split(r" \(| (?:on|of|for) \$", output.get("label") or "")[0]


@pytest.mark.parametrize("param", FIELDS)
def test_a_field_has_a_help_text_of_sentences(param: Element):
    """Galaxy puts the option behind it, which is no help to anyone who does not know it."""
    text = param.get("help")
    assert text and len(text.split()) >= 2
    assert text.endswith(".")
    assert text[0].isupper() or text[0].isdigit()
    assert "--" not in text and "  " not in text


def test_one_thing_has_one_label_in_all_forms():
    labels: dict[str, set[str]] = {}
    for root in FORMS.values():
        for _, param in params(root.find("inputs")):
            if param.get("argument"):
                labels.setdefault(param.get("argument"), set()).add(param.get("label"))
    assert {argument for argument, found in labels.items() if len(found) > 1} == SEVERAL_LABELS.keys()


def test_the_last_section_of_a_form_that_applies_an_adapter_has_the_batch_size():
    paths = {
        tool: [path for path, _ in params(form(tool).find("inputs")) if path.endswith("batch_size")] for tool in PANEL
    }
    applying = {tool for tool, found in paths.items() if found == ["advanced|batch_size"]}
    assert applying == {"evaluate", "calibrate", "compare", "predict", "scan"}
    for tool in applying:
        assert form(tool).find("inputs")[-1].get("title") == "Advanced"


def test_experts_are_those_of_mixture_of_experts_models():
    """An expert user would feel addressed."""
    found = 0
    for root in FORMS.values():
        for _, param in params(root.find("inputs")):
            for text in (param.get("label"), param.get("help")):
                if re.search(r"\bexperts\b", text.replace("mixture-of-experts", "")):
                    found += 1
                    assert "mixture-of-experts" in text or "mixture-of-experts" in param.get("label"), text
    assert found


def test_the_forms_have_the_terms_of_the_field():
    for tool, root in FORMS.items():
        texts = [root.findtext("help"), root.findtext("description")]
        for element in root.find("inputs").iter():
            texts += [element.get("label") or "", element.get("help") or "", element.get("title") or ""]
            texts += [element.text or ""] if element.tag == "option" else []
        for text in texts:
            assert not re.search(r"\b(likeliest|overlearn\w*|answers?|anew|goes? on|gone on|least length)\b", text), (
                tool
            )
            assert not re.search(r"\bshares? of\b", text), (tool, text)


def test_the_panel_finds_the_tools_by_the_words_that_people_search_for():
    shown = [f"{form(tool).get('name')} {form(tool).findtext('description')}" for tool in PANEL]
    for word in SEARCHED:
        assert any(word.lower() in text.lower() for text in shown), word
    assert all(len(form(tool).findtext("description")) <= 120 for tool in PANEL)


@pytest.mark.parametrize("tool", FORMS)
def test_a_help_section_has_the_structure_of_all(tool):
    root = FORMS[tool]
    text = root.findtext("help").strip()
    assert root.find("help").get("format") == "markdown"
    first, *parts = re.split(r"\n\n(?=\*\*)", text)
    assert re.match(r"This (tool|data manager) \w+", first) and not re.search(r"\bnot\b", first.split(". ")[0])
    titles = [re.match(r"\*\*(.+?)\*\*", part)[1] for part in parts]
    assert titles[:2] == ["Inputs and outputs", "Example"]
    assert titles[-1] == "What this tool does not do" and "Next tool: " in parts[-1]
    head, rule, *rows = [line for line in parts[0].splitlines() if line.startswith("|")]
    assert (head, rule) == ("| name | format | content |", "|---|---|---|")
    assert len(rows) >= 2 and all(row.count("|") == 4 and row.endswith(" |") for row in rows)
    assert "@" not in text


@pytest.mark.parametrize("tool", PANEL)
def test_the_table_of_a_help_section_names_every_output(tool):
    root = form(tool)
    table = root.findtext("help").split("**Example**")[0]
    named = re.findall(ITALICS, table)
    for output in root.find("outputs"):
        assert name_of_output(output) in named


@pytest.mark.parametrize("tool", PANEL)
def test_what_a_help_section_names_in_italics_is_in_the_forms(tool):
    """Names of tools, fields, options and outputs; whoever renames one finds all places."""
    names = {"train", "training", "test", "development tables", "step", "Prepare", "adapter", "Track", "Visualize"}
    for root in FORMS.values():
        names.add(root.get("name"))
        for element in root.find("inputs").iter():
            names |= {element.get("label"), element.get("title")}
            if element.tag == "option":
                names |= {element.text, re.split(r"[:(]", element.text)[0].strip()}
        for output in root.find("outputs"):
            names.add(name_of_output(output))
    text = re.sub(r"\*\*.+?\*\*", "", form(tool).findtext("help"))
    for name in re.findall(ITALICS, text):
        known = {*names, *(each.lower() for each in names if each)}
        assert name in known or name in OTHER_ITALICS, name
