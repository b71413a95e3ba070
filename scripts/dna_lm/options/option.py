"""What an option of a tool is, and the options that several tools have."""

import os
from dataclasses import dataclass
from typing import Any

from .choices import ALLOW, CLASSES, MULTI_LABEL, NUMBER, REFUSE

INPUT, OUTPUT, MANY = "input", "output", "many"


@dataclass(frozen=True)
class Option:
    """One option.

    name: as the library's keyword; the command line has dashes for underscores.
    kind: int, float or str; INPUT or OUTPUT for a file's path; MANY for text that may be given several times.
    default: None makes the option required, unless it is optional.
    minimum, maximum: limits, both allowed values.
    choices: the allowed texts.
    form: how the text of MANY is made up, for the help.
    """

    name: str
    kind: Any
    help: str
    default: Any = None
    optional: bool = False
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    form: str = "LABEL=FILE"

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")


def default_threads() -> int:
    """Galaxy says in GALAXY_SLOTS how many cores a job may use."""
    text = os.environ.get("GALAXY_SLOTS", "1")
    return int(text) if text.isdecimal() and int(text) > 0 else 1


BUILT_IN = "built-in"
# The base model that an adapter's record names.
RECORDED = "recorded"

THREADS = Option("threads", int, "CPU threads", default=0, minimum=0, maximum=1024)
SEED = Option(
    "seed", int, "Seed of the random numbers: the same seed gives the same result", 42, minimum=0, maximum=2**32 - 1
)
TARGET = Option(
    "target",
    str,
    "What the labels are: one of several classes, any number of classes separated by semicolons, or a number",
    CLASSES,
    choices=(CLASSES, MULTI_LABEL, NUMBER),
)
BASE_MODEL = Option(
    "base_model",
    INPUT,
    "Base model: a Hugging Face folder or an archive (zip, tar, tar.gz) of one, with config.json, tokenizer.json and "
    f"safetensors; or '{BUILT_IN}' for the tiny one that comes with the tools",
    BUILT_IN,
)
BASE_MODEL_OF_ADAPTER = Option(
    "base_model",
    INPUT,
    f"Base model that the adapter was trained on: '{RECORDED}' finds it by the adapter's record, if it is built in or "
    f"among those of --installed; a Hugging Face folder or an archive (zip, tar, tar.gz) of one; or '{BUILT_IN}'",
    RECORDED,
)
INSTALLED = Option(
    "installed",
    MANY,
    "A base model that is installed here, where --base-model recorded looks",
    optional=True,
    form="ID=FOLDER",
)
BASE_MODEL_ID = Option(
    "base_model_id", str, "What to call the base model in the adapter and in messages", optional=True
)
# Where a tool that takes an adapter has its base model from.
OF_ADAPTER = (BASE_MODEL_OF_ADAPTER, BASE_MODEL_ID, INSTALLED)
BASE_MODEL_REVISION = Option(
    "base_model_revision", str, "Revision of the base model to record in the adapter", optional=True
)
ADAPTER = Option("adapter", INPUT, "Adapter made by finetune")
PREDICTIONS_OUT = Option("predictions_out", OUTPUT, "Predictions (tabular)")
SEEN_DATA = Option(
    "seen_data",
    str,
    "What to do with a file if the adapter was trained, chosen or calibrated on half of its sequences or more; of "
    "fewer, a warning gives the number",
    REFUSE,
    choices=(REFUSE, ALLOW),
)
BATCH_SIZE = Option("batch_size", int, "Sequences in a batch at most; of long ones there are fewer", 64, minimum=1)
