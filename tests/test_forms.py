"""Every form against its command line: the same options with the same defaults, limits and choices."""

import itertools
import re

import pytest
from lxml import etree

from conftest import PROJECT
from dna_lm.command import options_of_tool
from dna_lm.options import INPUT, MANY, OUTPUT
from dna_lm.preparation.splitting import parse_fractions
from dna_lm.tools import PANEL
from dna_lm.tools.finetune import PRESETS
from dna_lm.words import MOTIF_GROUPS, NO, TUTORIAL, YES
from forms import branches, choices_of, form, name_of, outputs, params, selected, shown, tool_names
from refusals import refusal

TOOLS = tool_names()

# Options that no user sees in a form, with the reason.
NOT_IN_FORM = {
    "threads": "Galaxy gives a job its cores, and says in GALAXY_SLOTS how many",
    "base_model_id": "the model's name in the server's table, or the dataset's name in the history",
    "installed": "all models in the server's table, which the command reads from Galaxy itself",
    "base_model_revision": "the model's version in the server's table",
    "precision": "chosen by the program from the job's hardware, which the administrator decides on",
}
# Options that are not given when an adapter is gone on from, which has decided them.
DECIDED_BY_ADAPTER = {"target", "method", "kmer", "strands", "max_length", "target_modules", "experts", "embeddings"}
DECIDED_BY_ADAPTER |= {"lora_r", "lora_alpha", "lora_dropout", "lora_bias", "rslora", "dora"}
DECIDED_BY_ADAPTER |= {"branch", "motifs", "motifs_file"}
# Params that are no option, with the reason.
NOT_ON_COMMAND_LINE = {
    "labeled|source": "on the command line, --splits or an option for each split is given",
    "base|source": "on the command line, the value of --base-model says where the model is",
    "unknown_tokens|base|source": "on the command line, the value of --base-model says where the model is",
    "input|source": "on the command line, --table, --fasta or another of the inputs is given",
    "reference|source": "on the command line, the value of --genome says where the genome is",
    "input|reference|source": "on the command line, the value of --genome says where the genome is",
    "input|negative|reference|source": "on the command line, the value of --genome says where the genome is",
    "output_as": "on the command line, there are three files",
    "continued|start": "on the command line, --resume-from is given or not",
    "further_outputs": "on the command line, the option of the output is given or not",
}
# Choices that their option has not, with the reason.
FURTHER_CHOICES = {"preset": {"custom": "on the command line, options are given on top of a preset"}}
# Params whose default differs from that of their option, with the reason.
OTHER_DEFAULT = {
    "sequence_column": "a form shows the header and picks by number, a command line picks by name",
    "label_column": "a form shows the header and picks by number, a command line picks by name",
    "split": "forms open with the way that is recommended: by similarity, regions by chromosome, tables that are split "
    "already as they are; the command line keeps its default",
}
# Params that offer only some of the choices of their option in each branch.
SOME_CHOICES = {"split": "a split by group needs a table, one as the input says a table or three"}
# The type of a param for each kind of option.
TYPES = {int: {"integer"}, float: {"float"}, INPUT: {"data", "select"}}
TYPES[str] = {"select", "boolean", "text", "data_column"}
TYPES[MANY] = {"data", "data_collection"}


# Numbers of which a form shows none: the option's default means that it is chosen automatically, or that there is none.
AUTOMATIC = {("adapter", "kmer"): -1}  # all others: 0


def may_be_empty(param) -> bool:
    """Whether the form shows no number and needs none."""
    return param.get("type") in ("integer", "float") and param.get("value") is None and param.get("optional") == "true"


def limit_of(param, side: str) -> str | None:
    """side: min or max, as an attribute of the param or of its validator."""
    validator = param.find("validator[@type='in_range']")
    return param.get(side) or (validator.get(side) if validator is not None else None)


def options(tool: str) -> dict:
    return {option.name: option for option in options_of_tool(tool)}


def arguments(tool: str) -> list:
    """The params that stand for an option, each as an id and its element."""
    return [(path, param) for path, param in params(form(tool).find("inputs")) if param.get("argument")]


def command(tool: str) -> str:
    return form(tool).find("command").text


EVERY_ARGUMENT = [pytest.param(tool, param, id=f"{tool}-{path}") for tool in TOOLS for path, param in arguments(tool)]


def test_every_command_line_has_a_form():
    assert sorted(PANEL) == TOOLS
    assert [form(tool).get("id") for tool in TOOLS] == [f"dna_lm_{tool}" for tool in TOOLS]


def test_the_form_leaves_out_what_an_adapter_has_decided():
    from dna_lm.training.continuing import DECIDED

    # A file cannot be compared with what an adapter has: with an adapter, it is always refused.
    assert {*DECIDED, "motifs_file"} == DECIDED_BY_ADAPTER


# --- params and options ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tool", "param"), EVERY_ARGUMENT)
def test_a_param_has_its_option(tool, param):
    option = options(tool)[name_of(param)]
    assert param.get("argument") == option.flag
    assert param.get("type") in TYPES[option.kind]
    assert (param.get("multiple") == "true") == (option.kind is MANY and param.get("type") == "data")


@pytest.mark.parametrize(("tool", "param"), EVERY_ARGUMENT)
def test_a_param_has_the_default_of_its_option(tool, param):
    option = options(tool)[name_of(param)]
    if may_be_empty(param):  # then nothing is given, and the option has its default
        assert option.default == AUTOMATIC.get((tool, option.name), 0)
    elif option.kind in (int, float):
        assert option.kind(param.get("value")) == option.default
    elif option.choices and option.default is not None:
        assert selected(param) == option.default or (option.name in OTHER_DEFAULT and selected(param) in option.choices)
    elif option.kind is str and not option.choices and option.name not in OTHER_DEFAULT:
        assert param.get("value") == option.default
    else:  # a file has no default, nor has a choice that the command line demands
        assert option.name in OTHER_DEFAULT or option.default is None or option.name == "base_model"


@pytest.mark.parametrize(("tool", "param"), EVERY_ARGUMENT)
def test_a_param_has_the_limits_and_choices_of_its_option(tool, param):
    option = options(tool)[name_of(param)]
    if option.kind is not MANY:  # of files, the form limits how many there are
        limits = [limit_of(param, side) for side in ("min", "max")]
        assert [limit and option.kind(limit) for limit in limits] == [option.minimum, option.maximum]
    further = FURTHER_CHOICES.get(option.name, {})
    values = tuple(value for value in choices_of(param) if value not in further)
    assert len(values) + len(further) == len(choices_of(param))
    if option.name in SOME_CHOICES:
        assert set(values) < set(option.choices) or len(values) == len(option.choices)
    else:
        assert values == option.choices


@pytest.mark.parametrize("tool", TOOLS)
def test_an_empty_number_has_no_slider(tool):
    """Galaxy draws one for a number with `min` and `max`; of an empty number it stands in the middle, as if set."""
    empty = [(path, param) for path, param in params(form(tool).find("inputs")) if may_be_empty(param)]
    assert [path for path, param in empty if param.get("min") and param.get("max")] == []


@pytest.mark.parametrize("tool", TOOLS)
def test_yes_or_no_is_a_boolean_unless_branches_depend_on_it(tool):
    choosers = [conditional.find("param") for conditional in form(tool).iter("conditional")]
    for path, param in arguments(tool):
        if options(tool)[name_of(param)].choices == (YES, NO):
            assert param.get("type") == ("select" if param in choosers else "boolean"), path


@pytest.mark.parametrize("tool", TOOLS)
def test_every_choice_is_offered_somewhere(tool):
    for name in SOME_CHOICES.keys() & options(tool).keys():
        offered = {value for _, param in arguments(tool) if name_of(param) == name for value in choices_of(param)}
        assert offered == set(options(tool)[name].choices)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_param_that_is_no_option_has_a_reason(tool):
    paths = {path for path, param in params(form(tool).find("inputs")) if not param.get("argument")}
    assert paths <= NOT_ON_COMMAND_LINE.keys()


@pytest.mark.parametrize("tool", TOOLS)
def test_an_option_is_in_the_form_or_there_is_a_reason(tool):
    in_form = {name_of(param) for _, param in arguments(tool)}
    for option in options_of_tool(tool):
        if option.kind is not OUTPUT:
            assert (option.name in in_form) != (option.name in NOT_IN_FORM), option.name


def test_no_reason_is_out_of_date():
    paths = {path for tool in TOOLS for path, _ in params(form(tool).find("inputs"))}
    names = {option.name for tool in TOOLS for option in options_of_tool(tool)}
    assert paths >= NOT_ON_COMMAND_LINE.keys()
    assert names >= NOT_IN_FORM.keys() | OTHER_DEFAULT.keys() | FURTHER_CHOICES.keys()


@pytest.mark.parametrize(("tool", "param"), EVERY_ARGUMENT)
def test_a_param_has_a_label_and_text_is_validated(tool, param):
    assert param.get("label")
    if param.get("type") == "text":
        (validator,) = param.findall("validator[@type='regex']")
        assert validator.get("message")
        assert re.search(validator.text, param.get("value"))
        for text in ("", "$(touch x)", "a'b", "a b", '"', "`", "--epochs"):
            assert not re.search(validator.text, text)


def test_proportions_that_do_not_add_up_are_refused_by_the_form():
    expressions = {
        validator.text
        for path, param in arguments("prepare")
        if path.endswith("|fractions")
        for validator in param.findall("validator[@type='expression']")
    }
    (expression,) = expressions
    for text in ("0.8,0.1,0.1", " 0.7, 0.15 ,0.15", "1e-1,0.2,0.7"):
        assert eval(expression, {"value": text}), text  # as Galaxy evaluates it
        assert sum(parse_fractions(text)) == pytest.approx(1)
    for text in ("0.8,0.1,0.2", "0.5,0.5,0.0", "0.4,0.1,0.1"):
        assert not eval(expression, {"value": text}), text
        assert "add up to 1" in refusal(parse_fractions, text)


def test_a_comparison_of_one_adapter_is_refused_by_the_form():
    (param,) = [param for _, param in arguments("compare") if name_of(param) == "adapter"]
    assert param.get("min") == "2"


# --- presets ---------------------------------------------------------------------------------------------------------


def test_what_a_preset_sets_is_shown_in_own_settings_only():
    own = {name_of(param) for path, param in arguments("finetune") if path.startswith("settings|")} - {"preset"}
    assert all(values.keys() <= own for values in PRESETS.values())
    # What stands beside the settings is given with each preset, and would overrule it.
    assert not own & {name_of(param) for path, param in arguments("finetune") if not path.startswith("settings|")}
    inputs = form("finetune").find("inputs")
    for preset in PRESETS:
        visible = {path.split("|")[-1] for path in shown(inputs, {"settings|preset": preset}) if "settings|" in path}
        assert visible.isdisjoint(PRESETS[preset])
        assert visible - {"preset"} <= {"branch", "motifs", "motifs_file"}


def test_the_form_tells_the_values_of_the_tutorial():
    words = {
        "lora_r": "rank {}",
        "lora_alpha": "alpha {:g}",
        "lora_dropout": "dropout {:g}",
        "learning_rate": "learning rate {}",
        "epochs": "at most {} epochs",
        "batch_size": "batches of {}",
        "compute_type": "4 bits (NF4, double quantization, {})",
        "strands": "{} strand",
        "best_metric": "lowest {}",
    }
    for name, text in words.items():
        assert text.format(PRESETS[TUTORIAL][name]) in form("finetune").findtext("help").replace("1e-5", "1e-05"), name
    assert (PRESETS[TUTORIAL]["quantization"], PRESETS[TUTORIAL]["double_quantization"]) == ("4bit-nf4", "yes")


# --- the command -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tool", TOOLS)
def test_the_command_gives_every_option_but_those_with_a_reason(tool):
    given = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", command(tool)))
    expected = {option.flag for option in options_of_tool(tool)} - {"--threads", "--precision"}
    assert given == expected


def flags_given(tool: str, values: dict[str, str]) -> list[str]:
    """The options that the command has, as Cheetah would make it; values: of params by path."""

    def true(condition: str) -> bool:
        wanted = re.sub(r"\$\{?([\w.]+)\}?", lambda name: repr(values.get(name[1].replace(".", "|"), "")), condition)
        return bool(eval(wanted, {"__builtins__": {}}, {"str": str}))

    flags, open_blocks = [], []  # of each block: whether a part of it was true, and whether this one is
    for line in map(str.strip, command(tool).splitlines()):
        if line.startswith("#if "):
            now = true(line.removeprefix("#if "))
            open_blocks.append((now, now))
        elif line.startswith("#else if "):
            before, _ = open_blocks.pop()
            now = not before and true(line.removeprefix("#else if "))
            open_blocks.append((before or now, now))
        elif line.startswith("#else"):
            before, _ = open_blocks.pop()
            open_blocks.append((True, not before))
        elif line.startswith("#end if"):
            open_blocks.pop()
        elif all(now for _, now in open_blocks):
            flags += re.findall(r"^--[a-z][a-z-]*", line)
    assert not open_blocks
    return flags


@pytest.mark.parametrize("tool", TOOLS)
def test_an_option_is_given_where_the_form_shows_it_and_nowhere_else(tool):
    inputs = form(tool).find("inputs")
    not_asked = {option.flag for option in options_of_tool(tool) if option.kind is OUTPUT or option.name in NOT_IN_FORM}
    filled = [{}, {path: "1" for path, param in arguments(tool) if may_be_empty(param)}]
    for branch, numbers in itertools.product([(), *branches(inputs)], filled):
        state = shown(inputs, {path: value for path, value, _ in branch})
        state |= {path: (state[path][0], value) for path, value in numbers.items() if path in state}
        wanted = {param.get("argument") for param, value in state.values() if value or not may_be_empty(param)} - {None}
        wanted.add("--base-model")  # the built-in one needs no further param
        if state.get("settings|preset", ("", ""))[1] == "custom":
            wanted.remove("--preset")  # all that it would set is given
        if state.get("continued|start", ("", ""))[1] == "adapter":
            wanted -= {f"--{name.replace('_', '-')}" for name in DECIDED_BY_ADAPTER}
        flags = flags_given(tool, {path: value for path, (_, value) in state.items()})
        assert len(flags) == len(set(flags)), branch
        assert set(flags) - not_asked == wanted, branch


@pytest.mark.parametrize("tool", TOOLS)
def test_a_param_is_given_to_its_own_option(tool):
    """`--epochs '$epochs'`, also inside a section or a conditional, and nothing else after `--epochs`."""
    allowed = {}
    for path, param in arguments(tool):
        variable = path.replace("|", ".")
        forms = allowed.setdefault(param.get("argument"), set())
        if param.get("multiple") == "true":
            forms.add("${shlex.quote($label)}='${file}'")
        elif param.get("type") == "data_collection":
            forms.add("${shlex.quote(str($element.element_identifier))}='${element}'")
        elif param.find("options[@from_data_table]") is not None:
            forms.add(f"'${{{variable}.fields.path}}'")
        else:
            forms |= {f"'${variable}'", f"'${{{variable}}}'"}
        if path in ("base|base_model", "unknown_tokens|base|base_model"):
            forms |= {"built-in", "recorded"}
    for argument, forms in allowed.items():
        values = re.findall(rf"^\s*{argument} (.*)$", command(tool), flags=re.MULTILINE)
        assert values and set(values) <= forms, argument


@pytest.mark.parametrize("tool", TOOLS)
def test_every_output_option_is_given_one_dataset(tool):
    given = re.findall(r"--([a-z-]+-out) '\$(\w+)'", command(tool))
    assert [flag for flag, _ in given] == [option.flag[2:] for option in options_of_tool(tool) if option.kind is OUTPUT]
    assert sorted(name for _, name in given) == sorted(outputs(form(tool)))
    for flag, name in given:
        assert flag == f"{name.replace('_', '-')}-out"


def test_the_files_of_the_collection_are_found_in_their_order():
    (found,) = form("prepare").find("outputs/collection").findall("discover_datasets")
    given = re.findall(r"--([a-z]+)-out '(\w+)/([^']+)'", command("prepare"))
    assert {folder for _, folder, _ in given} == {found.get("directory")}
    names = [file for _, _, file in given]
    assert names == sorted(names)
    assert [re.fullmatch(found.get("pattern"), file)["designation"] for file in names] == [flag for flag, _, _ in given]


@pytest.mark.parametrize("tool", TOOLS)
def test_everything_that_a_user_gives_is_quoted(tool):
    for line in command(tool).splitlines():
        if not line.lstrip().startswith("#"):
            unquoted = re.sub(r"'[^']*'|\$\{shlex\.quote\([^{}]*\)\}", "", line)
            assert "$" not in unquoted, line


@pytest.mark.parametrize("tool", TOOLS)
def test_nothing_outside_the_tools_folder_is_used(tool):
    text = etree.tostring(form(tool), encoding="unicode")
    assert "$__tool_directory__/.." not in text
    assert set(re.findall(r"\$__tool_directory__\S*", text)) == {f"$__tool_directory__/scripts/{tool}.py'"}
    (included,) = form(tool).find("required_files")
    assert included.attrib == {"path": "scripts", "type": "prefix"}


# --- the tests of the forms ------------------------------------------------------------------------------------------


def succeeding(tool: str) -> list:
    return [test for test in form(tool).iter("test") if test.get("expect_failure") != "true"]


def expected_outputs(tool: str, test) -> int:
    """How many datasets and collections a job makes, as the filters of the outputs say."""
    values = {}
    for param in form(tool).findall("inputs/param[@type='select']"):
        value = given(test).get(name_of(param))
        several = param.get("multiple") == "true"
        values[name_of(param)] = (value.split(",") if value else None) if several else value or selected(param)
    for path, (_, value) in shown(form(tool).find("inputs"), given(test)).items():
        *conditionals, name = path.split("|")
        if conditionals:
            inside = values
            for conditional in conditionals:
                inside = inside.setdefault(conditional, {})
            inside[name] = value
    filters = [output.findtext("filter") for output in form(tool).find("outputs")]
    return sum(condition is None or bool(eval(condition, {"__builtins__": {}}, values)) for condition in filters)


def given(test) -> dict[str, str]:
    """The params of a form's test by path."""
    return {path: param.get("value") for path, param in params(test)}


@pytest.mark.parametrize("tool", TOOLS)
def test_every_branch_is_tested(tool):
    for branch in branches(form(tool).find("inputs")):
        # As Galaxy reads a test: a choice that it does not make is the one that the form shows first.
        assert any(
            all(given(test).get(path, default) == value for path, value, default in branch) for test in succeeding(tool)
        ), branch


@pytest.mark.parametrize("tool", TOOLS)
def test_every_choice_and_every_number_is_tested_away_from_its_default(tool):
    inputs = list(params(form(tool).find("inputs")))
    for path, param in inputs:
        values = {given(test)[path] for test in form(tool).iter("test") if path in given(test)}
        if param.get("multiple") == "true":
            values = {part for value in values for part in value.split(",")}
        if param.get("type") in ("integer", "float"):
            default = param.get("value")
            assert any(default is None or float(value) != float(default) for value in values), path
        elif choices_of(param):
            if param.get("type") == "boolean":  # planemo refuses other words
                values = {{"true": param.get("truevalue"), "false": param.get("falsevalue")}[value] for value in values}
            untouched = set() if param.get("multiple") == "true" else {selected(param)}
            if values & {*MOTIF_GROUPS}:
                untouched |= {*MOTIF_GROUPS}  # files of one kind, all of which tests/test_motifs.py reads
            assert set(choices_of(param)) - untouched <= values, path


@pytest.mark.parametrize("tool", TOOLS)
def test_tests_state_what_they_expect(tool):
    tests = list(form(tool).iter("test"))
    assert len(succeeding(tool)) >= 2 and len(tests) > len(succeeding(tool))
    for test in tests:
        if test in succeeding(tool) or test.get("expect_failure") != "true":
            assert int(test.get("expect_num_outputs")) == expected_outputs(tool, test)
            assert test.find("output") is not None
        else:
            assert test.get("expect_exit_code") == "2"
            assert test.find("assert_stderr") is not None


@pytest.mark.parametrize("tool", TOOLS)
def test_tests_name_what_there_is(tool):
    types = {}  # a param may be of another type in each branch
    for path, param in params(form(tool).find("inputs")):
        types.setdefault(path, set()).add(param.get("type"))
    for test in form(tool).iter("test"):
        for path, value in given(test).items():
            if types[path] == {"data"}:
                for name in value.split(","):
                    assert (PROJECT / "test-data" / name).is_file(), name
        for output in test.findall("output"):
            assert output.get("name") in outputs(form(tool))


@pytest.mark.parametrize("tool", TOOLS)
def test_every_output_has_content_that_is_tested(tool):
    tested = {
        output.get("name")
        for test in succeeding(tool)
        for output in test.findall("output")
        if len(output.find("assert_contents"))
    }
    assert tested == set(outputs(form(tool)))
