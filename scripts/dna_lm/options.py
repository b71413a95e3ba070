"""Options as fields of frozen dataclasses: a command line, a form and the code that they reach have one declaration.

    @dataclass(frozen=True, kw_only=True)
    class Options(ThreadOptions):
        epochs: int = option("Times that the training split is seen", 5, minimum=1)

A class inherits the options of its bases. Nothing heavy is imported here, nor by the modules that declare options.
"""

from collections.abc import Iterator
from dataclasses import MISSING, dataclass, field
from typing import Any, get_args

from .words import CLASSES, MULTI_LABEL, NUMBER

INPUT, OUTPUT, MANY = "input", "output", "many"


@dataclass(frozen=True)
class Option:
    """One option.

    name: as the field's; the command line has dashes for underscores.
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


def option(help: str, default: Any = None, *, kind: Any = None, optional: bool = False, **limits: Any) -> Any:
    """Return the field of an option (see Option); kind: where it is not the field's type."""
    described = {"help": help, "default": default, "kind": kind, "optional": optional, **limits}
    usual = default if default is not None or optional else MISSING
    return field(default=usual, metadata={"option": described})


def options_of(declared: type) -> tuple[Option, ...]:
    """Return the options of a dataclass: those of its bases in their order, then its own."""
    return tuple({made.name: made for made in _options(declared)}.values())


def _options(declared: type) -> Iterator[Option]:
    for base in declared.__bases__:
        yield from _options(base)
    for name in vars(declared).get("__annotations__", {}):
        own = declared.__dataclass_fields__[name]
        if "option" in own.metadata:
            described = dict(own.metadata["option"])
            kind = described.pop("kind") or next(iter(get_args(own.type)), own.type)
            yield Option(name, kind, **described)


def asked_outputs(options: Any) -> dict[str, str]:
    """Return the paths of the outputs that are asked for, by the names of their options, `..._out`."""
    return {name: path for name, path in vars(options).items() if name.endswith("_out") and path}


@dataclass(frozen=True, kw_only=True)
class ThreadOptions:
    """How many cores a job takes."""

    threads: int = option("CPU threads; 0 means $GALAXY_SLOTS or 1", 0, minimum=0, maximum=1024)


@dataclass(frozen=True, kw_only=True)
class SeedOptions:
    """What chance depends on."""

    seed: int = option(
        "Seed of the random numbers: the same seed gives the same result", 42, minimum=0, maximum=2**32 - 1
    )


@dataclass(frozen=True, kw_only=True)
class TargetOptions:
    """What the labels are."""

    target: str = option(
        "Task: classification (one class per sequence), multi-label classification (any number of classes, separated "
        "by semicolons), or regression (a number)",
        CLASSES,
        choices=(CLASSES, MULTI_LABEL, NUMBER),
    )


@dataclass(frozen=True, kw_only=True)
class SplitsOptions:
    """The splits of a dataset in one collection."""

    splits: list[str] | None = option(
        "An element of a splits collection: train, dev or test; repeat for each, instead of naming each split with an "
        "option of its own",
        kind=MANY,
        optional=True,
        form="NAME=FILE",
    )
