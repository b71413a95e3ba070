"""The data manager's form against its command line, and what its package holds."""

import re
import xml.etree.ElementTree as ElementTree

from conftest import PROJECT
from dev.models import lists
from dna_lm.base_models.known_models import BY_REPOSITORY, KNOWN_MODELS
from dna_lm.command import options_of_tool
from dna_lm.exchange.installing import TABLE
from dna_lm.options import OUTPUT
from dna_lm.words import NO, YES
from forms import choices_of, expanded, name_of, params, selected

FOLDER = PROJECT / "data_managers" / "data_manager_dna_lm_models"
FORM = expanded(FOLDER / "data_manager" / "dna_lm_install.xml")
OPTIONS = {option.name: option for option in options_of_tool("install")}
COMMAND = FORM.findtext("command")


def arguments():
    return [(path, param) for path, param in params(FORM.find("inputs")) if param.get("argument")]


def test_every_param_is_an_option_with_its_default_and_limits():
    names = set()
    for _, param in arguments():
        option = OPTIONS[name_of(param)]
        names.add(option.name)
        assert param.get("argument") == option.flag and param.get("label")
        if option.kind is float:
            assert float(param.get("value")) == option.default
            assert (float(param.get("min")), float(param.get("max"))) == (option.minimum, option.maximum)
        elif option.choices:
            assert selected(param) == option.default
            assert choices_of(param) == option.choices
            assert param.get("type") == ("boolean" if option.choices == (YES, NO) else "select")
        elif option.name == "hub_revision":
            assert param.get("value") == option.default
    assert names == {option.name for option in options_of_tool("install") if option.kind is not OUTPUT} - {"threads"}


def test_a_boolean_is_tested_away_from_its_default():
    tests = [dict(params(test)) for test in FORM.iter("test")]
    booleans = [(path, param) for path, param in arguments() if param.get("type") == "boolean"]
    assert booleans
    for path, param in booleans:
        other = "false" if param.get("checked") == "true" else "true"
        assert other in {test[path].get("value") for test in tests if path in test}, path


def test_the_lists_of_known_models_are_up_to_date():
    """If not: PYTHONPATH=scripts python3 dev/models/lists.py."""
    for path, text in lists.written().items():
        assert path.read_text(encoding="utf-8") == text, path.name


def test_the_models_that_are_suggested():
    select = FORM.find(".//when[@value='known']/param")
    shown = {option.get("value"): option.text for option in select.iter("option")}
    assert shown.keys() == {model.repository for model in KNOWN_MODELS if not model.missing}
    assert lists.PRESELECTED in shown and [option.get("value") for option in select.findall("option[@selected]")] == [
        lists.PRESELECTED
    ]
    for repository, text in shown.items():
        model = BY_REPOSITORY[repository]
        assert model.size in text and (model.license or "license: see its page") in text
        assert ("non-commercial" in text) == ("-NC-" in model.license)
    example = re.search(r"\*\*Example\*\*\n\n\*(.+?)\* from the hub", FORM.findtext("help"))[1]
    assert any(text.startswith(f"{example} (") for text in shown.values())


def test_text_is_validated():
    for path, param in arguments():
        if param.get("type") == "text":
            (validator,) = param.findall("validator")
            assert validator.get("message")
            for text in ("$(touch x)", "a'b", '"', "`", "a;b", "a\nb", "a b|c"):
                assert not re.search(validator.text, text), path


def test_the_command_gives_every_option_and_quotes_what_is_given():
    assert set(re.findall(r"--[a-z][a-z-]+", COMMAND)) == {o.flag for o in options_of_tool("install")} - {"--threads"}
    for line in COMMAND.splitlines():
        if not line.lstrip().startswith("#"):
            assert "$" not in re.sub(r"'[^']*'", "", line)


def test_the_row_is_that_of_the_tools_table():
    tables = [
        ElementTree.parse(path).find(f".//table[@name='{TABLE}']")
        for path in (PROJECT / "tools" / "tool_data_table_conf.xml.sample", FOLDER / "tool_data_table_conf.xml.sample")
    ]
    columns = [table.findtext("columns") for table in tables]
    assert columns[0] == columns[1]
    manager = ElementTree.parse(FOLDER / "data_manager_conf.xml").find("data_manager")
    assert (FOLDER / manager.get("tool_file")).is_file() and manager.get("id") == FORM.get("id")
    table = manager.find("data_table")
    assert table.get("name") == TABLE
    assert [column.get("name") for column in table.iter("column")] == columns[0].split(", ")
    assert table.find(".//column[@output_ref]").get("output_ref") == FORM.find("outputs/data").get("name")


def test_what_is_not_the_data_managers_own_is_a_link():
    data_manager = FOLDER / "data_manager"
    assert (data_manager / "scripts").resolve() == PROJECT / "scripts"
    assert (data_manager / "macros.xml").resolve() == PROJECT / "tools" / "macros.xml"
    assert (FOLDER / "test-data").resolve() == PROJECT / "test-data"
