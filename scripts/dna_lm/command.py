"""The command lines: what every tool does around its run.

dna-lm TOOL --help                  once the package is installed
python scripts/TOOL.py --help       as Galaxy calls it
"""

import argparse
import math
import signal
import sys
from importlib import import_module
from types import ModuleType
from typing import Any, NoReturn

from . import __version__
from .errors import DISK, MEMORY, UserError, lack
from .options import MANY, OUTPUT, Option, options_of
from .tools import TOOLS
from .words import LORA, NO, NONE

_FULL_DISK = "the disk is full (no space left on device), or a quota is reached; make room and run the job again"


def main(arguments: list[str] | None = None) -> None:
    """Run the tool that the first argument names; arguments: None takes those of this process."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments or arguments[0] not in TOOLS:
        if arguments and arguments[0] in ("-h", "--help"):
            print("usage: dna-lm TOOL ...\n")
            for tool in TOOLS:
                print(f"  {tool:10} {description(tool)}")
            return
        if arguments == ["--version"]:
            print(__version__)
            return
        _Messages().fail(f"name a tool: {', '.join(TOOLS)} (see --help)")
    run(arguments[0], arguments[1:], f"dna-lm {arguments[0]}")


def run(tool: str, arguments: list[str] | None = None, program: str = "") -> None:
    """Parse the command line of a tool, one of TOOLS, and run it.

    arguments: without the tool's name; None takes those of this process.
    A UserError is printed as one line, `error: …`, and ends the process with 2; so do a full disk and too little
    memory. An interruption (SIGINT, SIGTERM) ends it with 130 or 143, after the temporary files are removed.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options, messages = parse(parser(tool, program), arguments), _Messages()
    try:
        module(tool).run(options, messages.say)
    except UserError as problem:
        messages.fail(problem)
    except Exception as problem:
        short = lack(problem)
        if not short:
            raise
        messages.fail({MEMORY: _less_memory(options), DISK: _FULL_DISK}[short])
    except KeyboardInterrupt:
        sys.exit(130)


def module(tool: str) -> ModuleType:
    """Return the module of a tool: its docstring says what it does, `Options` has its options, `run` runs it."""
    return import_module(f".tools.{tool}", __package__)


def description(tool: str) -> str:
    """Return the sentence that says what a tool does."""
    return module(tool).__doc__.splitlines()[0]


def options_of_tool(tool: str) -> tuple[Option, ...]:
    """Return all options of a tool."""
    return options_of(module(tool).Options)


class Parser(argparse.ArgumentParser):
    """The command line of a tool."""

    def __init__(self, tool: str, program: str):
        super().__init__(
            prog=program,
            description=description(tool),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        self.tool = tool

    def error(self, message: str):
        """One line, like every other error of the tools."""
        self.exit(2, f"error: {' '.join(message.split())} (see --help)\n")


def parser(tool: str, program: str = "") -> Parser:
    """Return the command line of a tool, one of TOOLS; program: how it was called, for the help."""
    result = Parser(tool, program or f"{tool}.py")
    result.add_argument("--version", action="version", version=__version__)
    for option in options_of_tool(tool):
        keywords: dict[str, Any] = {"help": _help(option), "dest": option.name, "default": option.default}
        keywords["required"] = option.default is None and not option.optional
        if option.kind is MANY:
            keywords["action"] = "append"
        elif option.kind in (int, float):
            keywords["type"] = _number(option)
        elif option.kind is OUTPUT:
            keywords["type"] = _output
        if option.choices:
            keywords["choices"] = option.choices
        else:
            keywords["metavar"] = {int: "N", float: "X", str: "TEXT", MANY: option.form}.get(option.kind, "FILE")
        result.add_argument(option.flag, **keywords)
    return result


def parse(line: Parser, arguments: list[str] | None = None) -> Any:
    """Return the `Options` of a command line, those that are not given as the preset has them, if the tool has presets.

    line: see parser. arguments: without the program's name; None takes those of this process.
    Of a tool with presets, `given` has the names of the options that are on the command line.
    """
    values = vars(line.parse_args(arguments))
    presets = getattr(module(line.tool), "PRESETS", None)
    if presets:
        line.set_defaults(**presets[values["preset"]])
        values = vars(line.parse_args(arguments))
        # What may be given several times is put into a list: there is none where it is not given.
        absent = dict.fromkeys(values, object()) | {
            option.name: None for option in options_of_tool(line.tool) if option.kind is MANY
        }
        line.set_defaults(**absent)
        every = vars(line.parse_args(arguments))
        values["given"] = frozenset(name for name, value in every.items() if value is not absent[name])
    return module(line.tool).Options(**values)


def _help(option: Option) -> str:
    parts = [option.help]
    if option.minimum is not None:
        parts.append(f"at least {option.minimum}" + ("" if option.maximum is None else f", at most {option.maximum}"))
    if option.default is not None:
        parts.append(f"default: {option.default}")
    return "; ".join(parts).replace("%", "%%")


def _number(option: Option):
    def convert(text: str):
        try:
            value = option.kind(text)
        except ValueError:
            expected = "a whole number" if option.kind is int else "a number"
            raise argparse.ArgumentTypeError(f"{text!r} is not {expected}") from None
        if option.kind is float and not math.isfinite(value):
            raise argparse.ArgumentTypeError(f"{text} is not a number to compute with")
        if option.minimum is not None and value < option.minimum:
            raise argparse.ArgumentTypeError(f"{text} is below the least allowed value, {option.minimum}")
        if option.maximum is not None and value > option.maximum:
            raise argparse.ArgumentTypeError(f"{text} is above the greatest allowed value, {option.maximum}")
        return value

    return convert


def _output(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("the name of the file to write is empty; give one, or leave the option out")
    return text


class _Messages:
    """What a job tells its user, on standard error."""

    def __init__(self):
        self._told = False

    def say(self, text: str) -> None:
        """Tell how the job is going."""
        self._told = True
        print(text, file=sys.stderr, flush=True)

    def fail(self, problem: object) -> NoReturn:
        """Tell what is wrong, and end the process with 2."""
        text = f"error: {problem}"
        if self._told and not sys.stdout.isatty():
            # Galaxy's page of a failed dataset shows the first lines of standard output and then of standard error:
            # without this, notes on the data would stand there instead of the error.
            print(text, flush=True)
        self.say(text)
        sys.exit(2)


def _less_memory(options: Any) -> str:
    """Return what the user can do when memory was too small: what the tool has options for and the job did not do."""
    advice = ["give the job more memory"]
    computes = hasattr(options, "batch_size")  # sequences go through a model
    if computes and options.batch_size != 1:
        # 0 where the job chooses it
        advice.append("a smaller batch size" + (f" (now {options.batch_size})" if options.batch_size else ""))
    if getattr(options, "gradient_checkpointing", "") == NO:
        advice.append("gradient checkpointing")
    going_on = bool(getattr(options, "resume_from", None))  # what is trained and how it is read is decided already
    if getattr(options, "quantization", "") == NONE and options.method == LORA and not going_on:
        advice.append("quantization")
    if getattr(options, "method", LORA) != LORA and not going_on:
        advice.append("LoRA")
    if computes and getattr(options, "max_length", 0) and not going_on:
        advice.append(f"a smaller maximum length (now {options.max_length})")
    elif computes:
        advice.append("shorter sequences")
    return "out of memory; " + " or ".join([part for part in (", ".join(advice[:-1]), advice[-1]) if part])
