"""Finding the base model that an adapter was trained on, so that nobody has to remember it."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from ..base_models.opening import BaseModel, opened_base_model, tokenizer_sha256
from ..base_models.settings import differing_setting
from ..data.named_files import divided
from ..errors import UserError
from ..words import BUILT_IN, RECORDED
from .dataset import Adapter


@contextmanager
def opened_base_model_of(
    adapter: Adapter, base_model: str, base_model_id: str | None, installed: Sequence[str] | None = None
) -> Iterator[BaseModel]:
    """Give the base model that an option names, or the one that the adapter records, for as long as the block lasts.

    base_model: as opened_base_model takes it, or `recorded`. base_model_id: how to call it, unless it is recorded.
    installed: the server's models, each as ID=FOLDER; beside the built-in one, `recorded` looks among these.
    Raises UserError for an unsafe or incomplete model, and if the recorded one is not found. Whether a model that was
    named is the adapter's, check_base_model says.
    """
    if base_model == RECORDED:
        with _recorded(adapter.base_model, _pairs(installed or ())) as found:
            yield found
    else:
        with opened_base_model(base_model, base_model_id) as given:
            yield given


@contextmanager
def opened_base_models(
    base_model: str, base_model_id: str | None, installed: Sequence[str] | None = None
) -> Iterator[Callable[[Adapter], BaseModel]]:
    """Give a function that returns an adapter's base model; each model is opened, unpacked and hashed only once.

    The models stay open as long as the block lasts. The parameters are those of opened_base_model_of, and the function
    raises UserError as that does.
    """
    opened: dict[str, BaseModel] = {}
    with ExitStack() as stack:

        def base_model_of(adapter: Adapter) -> BaseModel:
            which = json.dumps(adapter.base_model, sort_keys=True) if base_model == RECORDED else base_model
            if which not in opened:
                opened[which] = stack.enter_context(opened_base_model_of(adapter, base_model, base_model_id, installed))
            return opened[which]

        yield base_model_of


def _pairs(installed: Sequence[str]) -> list[tuple[str, str]]:
    pairs = []
    for text in installed:
        pair = divided(text)
        if not pair:
            raise UserError(f"--installed {text!r} is not ID=FOLDER; write the model's name, '=' and its folder")
        pairs.append(pair)
    return pairs


@contextmanager
def _recorded(recorded: dict[str, Any], installed: list[tuple[str, str]]) -> Iterator[BaseModel]:
    """Give the model whose weights and tokenizer are the recorded ones, whatever it is called here."""
    of_its_name = ""
    for name, folder in [(None, BUILT_IN), *sorted(installed, key=lambda pair: pair[0] != recorded["id"])]:
        namesake = name == recorded["id"]
        with ExitStack() as opened:
            # What goes wrong where the model is used is not caught here: that is behind the try.
            try:
                # Weights are many gigabytes, and a tokenizer a few megabytes: most models are told apart by the latter.
                if not namesake and tokenizer_sha256(folder, name) != recorded["tokenizer_sha256"]:
                    continue
                found = opened.enter_context(opened_base_model(folder, name))
            except UserError as problem:
                if namesake:
                    of_its_name = f" (the one installed under this name cannot be used: {problem})"
                continue
            same = all(getattr(found, key) == recorded[key] for key in ("weights_sha256", "tokenizer_sha256"))
            differing = differing_setting(recorded.get("settings", {}), found.settings)
            if same and not differing:
                yield found
                return
            if namesake:
                which = f"settings: {differing[0]} in its config.json" if same else "weights or tokenizer"
                of_its_name = f" (the one installed under this name has other {which})"
    raise UserError(
        f"the adapter was trained on the base model {recorded['id']!r} ({recorded['architecture']}), which is neither "
        f'built in nor installed here{of_its_name}; set "Base model" to "An archive in your history" and select an '
        "archive of it (--base-model FILE), or ask the administrator to install it"
    )
