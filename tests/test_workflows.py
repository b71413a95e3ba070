"""Every workflow against the forms of its tools, its report, its tests and its description."""

import json
import re
from uuid import UUID

import pytest
import yaml

from conftest import PROJECT
from forms import TOOLS, choices_of, form, params

WORKFLOWS = sorted((PROJECT / "workflows").glob("*/*.ga"))
OURS = {path.stem for path in TOOLS.glob("dna_lm_*.xml")}
CONNECTED = {"__class__": "ConnectedValue"}
VERSION = re.search('name="@TOOL_VERSION@">(.*?)<', (TOOLS / "macros.xml").read_text())[1]


@pytest.fixture(params=WORKFLOWS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture
def workflow(path):
    return json.loads(path.read_text())


def steps(workflow, ours=True) -> list[dict]:
    return [step for step in workflow["steps"].values() if not ours or step["tool_id"] in OURS]


def planned(path) -> list[dict]:
    return yaml.safe_load(path.with_name(f"{path.stem}-tests.yml").read_text())


def labels(workflow) -> list[str]:
    return [output["label"] for step in steps(workflow, ours=False) for output in step["workflow_outputs"]]


def input_labels(workflow) -> list[str]:
    return [step["label"] for step in steps(workflow, ours=False) if step["type"] != "tool"]


def values(state: dict, path: str = "") -> dict:
    """The values of a step's params by path: `base|source`."""
    found = {}
    for name, value in state.items():
        if isinstance(value, dict) and value != CONNECTED:
            found |= values(value, f"{path}{name}|")
        elif not name.startswith("__"):
            found[path + name] = value
    return found


def test_there_are_four():
    assert [path.parent.name for path in WORKFLOWS] == [path.stem for path in WORKFLOWS]
    assert len(WORKFLOWS) == 4


def test_a_step_sets_params_of_the_form_to_what_the_form_offers(workflow):
    for step in steps(workflow):
        offered = {}  # a param may have other choices in each branch
        for name, param in params(form(step["tool_id"].removeprefix("dna_lm_")).find("inputs")):
            boolean = param.get("type") == "boolean"
            offered.setdefault(name, []).append({True, False} if boolean else set(choices_of(param)))
        for name, value in values(json.loads(step["tool_state"])).items():
            assert name in offered, (step["label"], name)
            if value != CONNECTED:
                for choice in value if isinstance(value, list) else [value]:
                    assert any(not choices or choice in choices or choice is None for choices in offered[name]), name


def test_no_0_stands_for_a_number_that_the_form_leaves_empty(workflow):
    for step in steps(workflow):
        params_of_form = params(form(step["tool_id"].removeprefix("dna_lm_")).find("inputs"))
        empty = {
            name
            for name, param in params_of_form
            if param.get("type") in ("integer", "float") and param.get("optional") == "true" and not param.get("value")
        }
        for name, value in values(json.loads(step["tool_state"])).items():
            if name in empty and value == CONNECTED:
                source = workflow["steps"][str(step["input_connections"][name]["id"])]
                assert json.loads(source["tool_state"]).get("default") is None, source["label"]
            elif name in empty:
                assert not value or float(value), (step["label"], name)


def test_a_step_has_all_params_of_the_form_that_are_not_in_another_branch(workflow):
    for step in steps(workflow):
        given = values(json.loads(step["tool_state"]))
        expected = shown_in(form(step["tool_id"].removeprefix("dna_lm_")).find("inputs"), given)
        assert set(given) == expected, step["label"]


def shown_in(element, given: dict, path: str = "") -> set[str]:
    """The paths of the params that a form shows with the choices that are given."""
    found = set()
    for child in element:
        if child.tag == "param":
            found.add(path + (child.get("name") or child.get("argument").lstrip("-").replace("-", "_")))
        elif child.tag == "section":
            found |= shown_in(child, given, f"{path}{child.get('name')}|")
        elif child.tag == "conditional":
            inside = f"{path}{child.get('name')}|"
            (chooser,) = shown_in([child.find("param")], given, inside)
            found.add(chooser)
            for when in child.findall("when"):
                if when.get("value") == given[chooser]:
                    found |= shown_in(when, given, inside)
    return found


def test_what_is_connected_is_said_so_on_both_sides(workflow):
    for step in steps(workflow):
        connected = {name for name, value in values(json.loads(step["tool_state"])).items() if value == CONNECTED}
        assert connected == set(step["input_connections"]), step["label"]


def test_a_step_is_of_the_version_and_has_the_outputs_of_its_tool(workflow):
    for step in steps(workflow):
        assert step["tool_version"] == f"{VERSION}+galaxy0"
        named = [output.get("name") for output in form(step["tool_id"].removeprefix("dna_lm_")).find("outputs")]
        assert [output["name"] for output in step["outputs"]] == named
        assert {output["output_name"] for output in step["workflow_outputs"]} <= set(named)


def test_one_input_is_the_base_model_of_all_steps_that_train_or_read_its_tokenizer(workflow):
    places = {"dna_lm_prepare": "unknown_tokens|base|base_model", "dna_lm_finetune": "base|base_model"}
    chosen = [step for step in steps(workflow) if step["tool_id"] in places]
    sources = {step["input_connections"][places[step["tool_id"]]]["id"] for step in chosen}
    assert len(sources) == (1 if chosen else 0)
    for source in sources:
        step = workflow["steps"][str(source)]
        state = json.loads(step["tool_state"])
        assert (step["label"], state["default"], state["restrictOnConnections"]) == ("Base model", "built-in", True)
    for step in steps(workflow):
        if step not in chosen:  # these find it by the adapter
            assert json.loads(step["tool_state"])["base"]["source"] == "recorded"


def test_every_step_is_labeled_and_described(workflow):
    assert workflow["annotation"] and workflow["license"] == "MIT" and workflow["creator"] and workflow["tags"]
    named = [step["label"] for step in steps(workflow, ours=False)]
    assert all(named) and len(set(named)) == len(named)
    assert all(step["annotation"] for step in steps(workflow, ours=False))
    assert len(set(labels(workflow))) == len(labels(workflow))


def test_no_identifier_occurs_twice(workflow):
    all_steps = steps(workflow, ours=False)
    found = [workflow["uuid"], *(step["uuid"] for step in all_steps)]
    found += [output["uuid"] for step in all_steps for output in step["workflow_outputs"]]
    assert len(set(found)) == len(found)
    assert {UUID(step["uuid"]).version for step in all_steps} == {4}  # Galaxy refuses others


def test_the_report_shows_outputs_that_there_are(workflow):
    text = workflow["report"]["markdown"]
    shown = re.findall(r'output="([^"]+)"', text)
    assert shown and set(shown) <= set(labels(workflow))
    assert set(re.findall(r'step="([^"]+)"', text)) <= {step["label"] for step in steps(workflow, ours=False)}


def test_the_report_begins_with_the_result_and_links_the_reports_of_the_steps(workflow):
    title, results, *_ = re.split(r"^## ", workflow["report"]["markdown"], flags=re.MULTILINE)
    assert title.startswith("# ") and results.startswith("Results\n")
    directives = re.findall(r"^(history_dataset_\w+)\(output=\"([^\"]+)\"", results, re.MULTILINE)
    last = {output["output_name"]: output["label"] for step in steps(workflow) for output in step["workflow_outputs"]}
    # The title of Evaluate's figure of simpler models is the verdict.
    assert directives[0] == ("history_dataset_as_image", last.get("ladder_plot", last["plot"]))
    linked = re.findall(r'history_dataset_link\(output="([^"]+)"', workflow["report"]["markdown"])
    reports = [name for name in labels(workflow) if name.endswith(" report")]
    assert reports and set(reports) <= set(linked)


def test_the_report_has_nothing_that_the_page_would_cut_or_drop(workflow):
    assert "history_dataset_as_table" not in workflow["report"]["markdown"]
    assert not any("," in label for label in re.findall(r'label="([^"]*)"', workflow["report"]["markdown"]))


def test_the_history_shows_the_results_alone_each_under_its_label(workflow):
    for step in steps(workflow, ours=False):
        if step["type"] != "tool":
            continue
        labeled = {output["output_name"]: output["label"] for output in step["workflow_outputs"]}
        done = {"RenameDatasetAction": {}, "HideDatasetAction": {}}
        for action in step["post_job_actions"].values():
            done[action["action_type"]][action["output_name"]] = action["action_arguments"].get("newname")
        assert done["RenameDatasetAction"] == labeled, step["label"]
        if step["tool_id"] in OURS:
            outputs = form(step["tool_id"].removeprefix("dna_lm_")).find("outputs")
            hidden = {output.get("name") for output in outputs if output.get("hidden") == "true"}
            assert set(done["HideDatasetAction"]) == hidden & set(labeled), step["label"]
        else:
            assert set(done["HideDatasetAction"]) == {output["name"] for output in step["outputs"]}, step["label"]


def test_only_what_depends_on_the_data_has_to_be_filled_in(workflow):
    required = {
        step["label"]
        for step in steps(workflow, ours=False)
        if step["type"] == "parameter_input" and not json.loads(step["tool_state"])["optional"]
    }
    assert required == {label for label in input_labels(workflow) if label.startswith("Chromosomes for ")}


def test_every_output_is_tested_and_every_input_given_once(path, workflow):
    tested = {label for test in planned(path) for label in test["outputs"]}
    given = {label for test in planned(path) for label in test["job"]}
    assert tested == set(labels(workflow))
    # Without the regions, the test is the harder one; the others choose a number if they are empty.
    optional = {"Regions to exclude", "Window length (nt)", "Threshold for called regions (probability)"}
    assert given == set(input_labels(workflow)) - optional


def test_the_description_names_all_inputs_and_outputs_and_is_of_the_same_release(path, workflow):
    text = path.with_name("README.md").read_text()
    assert text.startswith(f"# {workflow['name']}\n")
    for label in input_labels(workflow) + labels(workflow):
        assert label in " ".join(text.split()), label
    assert f"## [{workflow['release']}]" in path.with_name("CHANGELOG.md").read_text()


def test_the_registry_is_told_where_the_workflow_is(path):
    (entry,) = yaml.safe_load(path.with_name(".dockstore.yml").read_text())["workflows"]
    assert entry["primaryDescriptorPath"] == f"/{path.name}"
    assert entry["testParameterFiles"] == [f"/{path.stem}-tests.yml"]
