"""Every option of every tool, declared once: the command lines are made from this, the forms are tested against it.

The options of a tool stand in the module of its name.
"""

import argparse
import math
from typing import Any

from .. import __version__
from .adapter import ADAPTER_TOOL
from .calibrate import CALIBRATE
from .choices import (
    ALLOW,
    AUTO,
    BALANCED,
    BOTH,
    BOTH_STRANDS,
    CHROMOSOME,
    CLASSES,
    COLUMN,
    CROSS_ENTROPY,
    CUT,
    DOWNSAMPLE,
    DOWNSAMPLE_ALL,
    EXPORT,
    F1,
    FOCAL,
    FORWARD,
    FULL,
    GENOME,
    GROUP,
    HEAD_ONLY,
    IMPORT,
    KEEP,
    LORA,
    MAX,
    MCC,
    MEAN,
    MERGE,
    MULTI_LABEL,
    NO,
    NONE,
    NUMBER,
    PRECISION,
    RANDOM,
    RECALL,
    RECOMMENDED,
    REFUSE,
    REVERSE,
    REVERSE_COMPLEMENT,
    SAME_STRAND,
    SHOW,
    SHUFFLE,
    SIMILARITY,
    TUTORIAL,
    WINDOWS,
    YES,
)
from .compare import COMPARE
from .evaluate import EVALUATE
from .finetune import FINETUNE, PRESETS
from .install import INSTALL
from .option import (
    ADAPTER,
    BASE_MODEL,
    BASE_MODEL_ID,
    BASE_MODEL_OF_ADAPTER,
    BASE_MODEL_REVISION,
    BATCH_SIZE,
    BUILT_IN,
    INPUT,
    INSTALLED,
    MANY,
    OUTPUT,
    PREDICTIONS_OUT,
    RECORDED,
    SEED,
    THREADS,
    Option,
    default_threads,
)
from .predict import PREDICT
from .prepare import PREPARE
from .scan import SCAN

DESCRIPTIONS = {
    "prepare": "Clean labelled DNA and split it into train, dev and test.",
    "finetune": "Fine-tune a pretrained DNA language model with LoRA.",
    "evaluate": "Score a fine-tuned DNA language model on labelled DNA.",
    "compare": "Compare fine-tuned DNA language models on the same labelled DNA.",
    "calibrate": "Choose the temperature and the thresholds of a fine-tuned DNA language model.",
    "adapter": "Show, export, merge or import an adapter.",
    "predict": "Predict the labels of DNA with a fine-tuned DNA language model.",
    "scan": "Scan a genome with a fine-tuned DNA language model.",
    "install": "Install a base model for all users of a server.",
}
OPTIONS = {
    "prepare": PREPARE,
    "finetune": FINETUNE,
    "evaluate": EVALUATE,
    "compare": COMPARE,
    "calibrate": CALIBRATE,
    "adapter": ADAPTER_TOOL,
    "predict": PREDICT,
    "scan": SCAN,
}
# What an administrator uses is no tool of the panel: its form is a data manager's.
COMMANDS = OPTIONS | {"install": INSTALL}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str):
        """One line, like every other error of the tools."""
        self.exit(2, f"error: {' '.join(message.split())} (see --help)\n")


def parser(tool: str) -> argparse.ArgumentParser:
    """Return the command line of a tool, one of COMMANDS."""
    result = _Parser(
        prog=f"{tool}.py",
        description=DESCRIPTIONS[tool],
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    result.add_argument("--version", action="version", version=__version__)
    for option in COMMANDS[tool]:
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


def parse(tool: str, arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options of a command line, those that are not given as the preset has them, if the tool has presets.

    arguments: without the program's name; None takes those of this process.
    Of a tool with presets, `given` has the names of the options that are on the command line.
    """
    line = parser(tool)
    options = line.parse_args(arguments)
    if hasattr(options, "preset"):
        line.set_defaults(**PRESETS[options.preset])
        options = line.parse_args(arguments)
        absent = object()
        line.set_defaults(**dict.fromkeys(vars(options), absent))
        every = vars(line.parse_args(arguments))
        options.given = frozenset(name for name, value in every.items() if value is not absent)
    return options


def _help(option: Option) -> str:
    parts = [option.help]
    if option.minimum is not None:
        parts.append(f"at least {option.minimum}" + ("" if option.maximum is None else f", at most {option.maximum}"))
    if option is THREADS:
        parts.append("default: 0, which means $GALAXY_SLOTS or 1")
    elif option.default is not None:
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


def library_keywords(tool: str, options: argparse.Namespace) -> dict[str, Any]:
    """Return the options that the tool's library call takes: all but the outputs and the threads."""
    return {
        option.name: getattr(options, option.name)
        for option in COMMANDS[tool]
        if option.kind is not OUTPUT and option is not THREADS
    }
