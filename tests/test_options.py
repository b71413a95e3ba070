import argparse
import re
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dna_lm.command import options_of_tool, parser
from dna_lm.options import INPUT, MANY, OUTPUT, SeedOptions, options_of
from dna_lm.options import option as declared
from dna_lm.processes.threads import default_threads
from dna_lm.tools import PANEL, TOOLS

NUMBERS = [(tool, option) for tool in PANEL for option in options_of_tool(tool) if option.kind in (int, float)]


def required(tool: str) -> dict[str, str]:
    """The options without which the command line is refused, each with a value."""
    return {
        option.flag: (option.choices or ["x"])[0]
        for option in options_of_tool(tool)
        if option.default is None and not option.optional
    }


def parsed(tool: str, changes: dict[str, str] | None = None) -> argparse.Namespace:
    return parser(tool).parse_args(flat(tool, changes or {}))


@pytest.fixture
def refused(capsys):
    def call(tool: str, *arguments: str) -> str:
        with pytest.raises(SystemExit) as end:
            parser(tool).parse_args(arguments)
        out, err = capsys.readouterr()
        assert (end.value.code, out) == (2, "")
        assert err.count("\n") == 1 and err.endswith(" (see --help)\n")
        return err.removesuffix(" (see --help)\n").removeprefix("error: ")

    return call


def flat(tool: str, changes: dict[str, str]) -> list[str]:
    return [f"{flag}={value}" for flag, value in (required(tool) | changes).items()]


@pytest.mark.parametrize("tool", PANEL)
def test_defaults(tool):
    options = vars(parsed(tool))
    assert options.keys() == {option.name for option in options_of_tool(tool)}
    for option in options_of_tool(tool):
        if option.flag not in required(tool):
            assert options[option.name] == option.default


@pytest.mark.parametrize("tool", PANEL)
def test_every_option_is_declared_in_full(tool):
    names = [option.name for option in options_of_tool(tool)]
    assert len(set(names)) == len(names)
    for option in options_of_tool(tool):
        assert option.help and not option.help.endswith(".")
        assert option.kind in (int, float, str, INPUT, OUTPUT, MANY)
        assert (option.minimum is not None) == (option.kind in (int, float)), option.name
        assert option.default in option.choices or not option.choices or option.default is None
        if option.kind in (int, float):
            assert isinstance(option.default, option.kind)
            assert option.minimum <= option.default <= (option.maximum or option.default)


@pytest.mark.parametrize("tool", PANEL)
def test_the_help_names_every_option_with_its_default_and_limits(tool):
    text = re.sub(r"-\s+", "-", " ".join(parser(tool).format_help().split()))  # lines break behind hyphens too
    for option in options_of_tool(tool):
        assert option.flag in text
        assert re.sub(r"-\s+", "-", " ".join(option.help.split())) in text
        if option.default is not None:
            assert f"default: {option.default}" in text
        if option.maximum is not None:
            assert f"at least {option.minimum}, at most {option.maximum}" in text


@pytest.mark.parametrize("tool", PANEL)
def test_a_missing_option_is_refused(tool, refused):
    for flag in required(tool):
        others = [argument for argument in flat(tool, {}) if not argument.startswith(f"{flag}=")]
        assert refused(tool, *others) == f"the following arguments are required: {flag}"


@pytest.mark.parametrize(("tool", "option"), NUMBERS, ids=lambda part: getattr(part, "name", part))
def test_numbers_at_their_limits_are_taken_and_beyond_are_refused(tool, option, refused):
    step = 1 if option.kind is int else 1e-9
    assert getattr(parsed(tool, {option.flag: str(option.minimum)}), option.name) == option.minimum
    message = refused(tool, *flat(tool, {option.flag: str(option.minimum - step)}))
    assert message.startswith(f"argument {option.flag}: ")
    assert message.endswith(f" is below the least allowed value, {option.minimum}")
    if option.maximum is not None:
        assert getattr(parsed(tool, {option.flag: str(option.maximum)}), option.name) == option.maximum
        message = refused(tool, *flat(tool, {option.flag: str(option.maximum + step)}))
        assert message.endswith(f" is above the greatest allowed value, {option.maximum}")


@pytest.mark.parametrize(("tool", "option"), NUMBERS, ids=lambda part: getattr(part, "name", part))
@pytest.mark.parametrize("text", ["", "x", "nan", "inf", "-inf", "1,5", "0x10", "1e999"])
def test_what_is_no_number_is_refused(tool, option, text, refused):
    message = refused(tool, *flat(tool, {option.flag: text}))
    assert re.match(rf"argument {option.flag}: '?{re.escape(text)}'? is not a ", message)


def test_a_whole_number_may_have_any_length():
    assert parsed("finetune", {"--epochs": "9" * 400}).epochs == 10**400 - 1


def test_a_fraction_is_no_whole_number(refused):
    message = refused("finetune", *flat("finetune", {"--epochs": "1.5"}))
    assert message == "argument --epochs: '1.5' is not a whole number"


def test_a_choice_that_is_not_there_is_refused(refused):
    message = refused("predict", *flat("predict", {"--input-format": "fastq"}))
    assert message.startswith("argument --input-format: invalid choice: 'fastq'")


OUTPUTS = [(tool, option) for tool in sorted(TOOLS) for option in options_of_tool(tool) if option.kind is OUTPUT]


@pytest.mark.parametrize(("tool", "option"), OUTPUTS, ids=[f"{tool} {option.name}" for tool, option in OUTPUTS])
def test_an_output_has_a_name(tool, option, refused):
    for empty in ("", " "):
        assert refused(tool, f"{option.flag}={empty}") == (
            f"argument {option.flag}: the name of the file to write is empty; give one, or leave the option out"
        )


@pytest.mark.parametrize("tool", PANEL)
def test_an_option_that_is_not_there_is_refused(tool, refused):
    assert refused(tool, *flat(tool, {"--banana": "1"})) == "unrecognized arguments: --banana=1"


def test_options_cannot_be_abbreviated(refused):
    assert refused("finetune", *flat("finetune", {"--epoch": "1"})) == "unrecognized arguments: --epoch=1"


def test_an_error_stays_one_line_whatever_was_given(refused):
    assert refused("prepare", *flat("prepare", {"--a\nerror: b": "1"})) == "unrecognized arguments: --a error: b=1"


@given(st.text(st.characters(exclude_characters="\0"), max_size=10))
def test_text_comes_through_as_it_is(text):
    options = parser("prepare").parse_args([*flat("prepare", {}), f"--fasta={text}", f"--label-column={text}"])
    assert (options.fasta, options.label_column) == ([text], text)


def test_fasta_can_be_given_several_times():
    arguments = [*flat("prepare", {}), "--fasta", "a=1", "--fasta", "b=2"]
    assert parser("prepare").parse_args(arguments).fasta == ["a=1", "b=2"]


def test_options_are_inherited_in_the_order_of_the_bases_and_can_be_declared_anew():
    @dataclass(frozen=True, kw_only=True)
    class Base:
        first: int = declared("First", 1, minimum=0)
        second: str = declared("Second")

    @dataclass(frozen=True, kw_only=True)
    class Declared(Base, SeedOptions):
        third: str | None = declared("Third", optional=True, kind=INPUT)
        first: int = declared("Another", 2, minimum=0)
        untold: frozenset[str] = frozenset()

    made = options_of(Declared)
    assert [option.name for option in made] == ["first", "second", "seed", "third"]
    assert (made[0].help, made[0].default, made[0].kind, made[3].kind) == ("Another", 2, int, INPUT)
    options = Declared(second="x")
    assert (options.first, options.second, options.seed, options.third) == (2, "x", 42, None)
    with pytest.raises(TypeError):
        Declared()
    with pytest.raises(AttributeError):
        options.first = 3


@pytest.mark.parametrize(
    ("slots", "threads"), [(None, 1), ("4", 4), ("1", 1), ("0", 1), ("", 1), ("-2", 1), ("many", 1), ("2.5", 1)]
)
def test_the_default_number_of_threads_is_that_of_galaxys_slots(monkeypatch, slots, threads):
    monkeypatch.delenv("GALAXY_SLOTS", raising=False)
    if slots is not None:
        monkeypatch.setenv("GALAXY_SLOTS", slots)
    assert default_threads() == threads
