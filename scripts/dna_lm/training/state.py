"""What a training leaves for others: its result, from one process to another, and an optimizer's state, in a file."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save, save_file

from ..adapters.dataset import Adapter, tensors_sha256, with_sorted_metadata
from ..data.textfiles import describe
from ..errors import UserError
from .loop import Trained
from .optimizer_state import MOMENTS

RECORD = "dna_lm_state"
# The SHA-256 of the tensors of the adapter that a state belongs to.
SAVED_WITH = "dna_lm_adapter_sha256"


def write_trained(trained: Trained, folder: Path) -> None:
    """Write a result into an empty folder."""
    save_file(trained.tensors, folder / "tensors.safetensors")
    save_file(trained.state, folder / "state.safetensors")
    np.save(folder / "outputs.npy", trained.outputs)
    rest = {
        field.name: getattr(trained, field.name)
        for field in dataclasses.fields(trained)
        if field.name not in ("tensors", "state", "outputs")
    }
    (folder / "rest.json").write_text(json.dumps(rest))


def read_trained(folder: Path) -> Trained:
    """Read what write_trained wrote."""
    return Trained(
        tensors=_tensors(folder / "tensors.safetensors"),
        state=_tensors(folder / "state.safetensors"),
        outputs=np.load(folder / "outputs.npy", allow_pickle=False),
        **json.loads((folder / "rest.json").read_text()),
    )


def save_state(state: dict[str, torch.Tensor], path: str | Path, adapter: Adapter) -> None:
    """Write an optimizer's moments, and of which adapter's (first) model they are; equal ones give equal bytes."""
    ordered = {name: state[name].contiguous() for name in sorted(state)}
    content = save(ordered, metadata={RECORD: "1", SAVED_WITH: tensors_sha256(adapter.tensors)})
    Path(path).write_bytes(with_sorted_metadata(content))  # save_file would hide it from other users


def load_state(path: str | Path) -> dict[str, torch.Tensor]:
    """Read what save_state wrote.

    Raises UserError when the file is damaged or something else.
    """
    source = describe(path, "the optimizer state")
    try:
        with safe_open(path, framework="pt") as file:
            if RECORD not in (file.metadata() or {}):
                raise UserError(f"{source} is no optimizer state that a fine-tuning job saved; choose one, or none")
        state = _tensors(path)
    except (SafetensorError, OSError) as problem:
        raise UserError(
            f"{source} is truncated or not in the safetensors format ({problem}); choose the optimizer state of a "
            "fine-tuning job, or none"
        ) from None
    for name, tensor in state.items():
        if name.rpartition(".")[2] not in MOMENTS or tensor.dtype != torch.float32 or not torch.isfinite(tensor).all():
            raise UserError(f"{source} is damaged at {name!r}; leave it out, or train again")
    return state


def saved_with(path: str | Path) -> str | None:
    """Return the SHA-256 of the tensors of the adapter that a state was saved with; those of before do not have it.

    path: of a file that load_state has read.
    """
    with safe_open(path, framework="pt") as file:
        return (file.metadata() or {}).get(SAVED_WITH)


def _tensors(path: str | Path) -> dict[str, torch.Tensor]:
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
