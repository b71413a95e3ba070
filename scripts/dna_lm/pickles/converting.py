"""Converting the pickled weights of a folder, one file or several parts, to safetensors."""

import json
from collections import Counter
from pathlib import Path

from ..base_models.archives import PICKLED, PICKLED_INDEX, is_pickled_part
from ..base_models.opening import INDEX, WEIGHTS, read_json
from ..errors import UserError
from .safetensors_writing import bytes_of, write_safetensors
from .torch_file import opened_torch_file
from .unpickling import NotWeights

REMEDY = (
    "choose a model with safetensors weights, or convert this one to safetensors on another computer and install an "
    "archive of it"
)


def convert(folder: Path, source: str, most: float) -> None:
    """Write the weights of pytorch_model.bin, or of its parts, beside them as safetensors: a file for each.

    source: what to call the model in an error message. most: how many bytes may be written in all.
    Raises UserError for files that are not weights alone, and leaves what was written until then.
    """
    placed = {} if (folder / PICKLED).exists() else _placed(folder, source)
    parts = sorted(set(placed.values())) or [PICKLED]
    left, sizes = most, Counter()
    for part in parts:
        try:
            with opened_torch_file(folder / part) as torch_file:
                wrong = torch_file.tensors.keys() ^ {name for name in placed if placed[name] == part}
                if placed and wrong:
                    raise NotWeights(f"{PICKLED_INDEX} says something else of the tensor {min(wrong)!r}")
                sizes[part] = sum(map(bytes_of, torch_file.tensors.values()))
                left -= sizes[part]
                if left < 0:
                    raise NotWeights(f"its tensors have more than the {most / 1e9:g} GB allowed")
                write_safetensors(torch_file, folder / safetensors_name(part))
        except NotWeights as problem:
            raise UserError(f"{source}: {part} cannot be converted to safetensors: {problem}; {REMEDY}") from None
    if placed:
        index = {
            "metadata": {"total_size": sizes.total()},
            "weight_map": {name: safetensors_name(part) for name, part in sorted(placed.items())},
        }
        (folder / INDEX).write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")


def safetensors_name(pickled: str) -> str:
    """Return what transformers calls the safetensors file of a pytorch_model.bin, or of a part of it."""
    return pickled.replace("pytorch_model", WEIGHTS.removesuffix(".safetensors")).replace(".bin", ".safetensors")


def _placed(folder: Path, source: str) -> dict[str, str]:
    """Return the file in which each tensor is, by name, as the index of weights in parts says."""
    placed = read_json(folder / PICKLED_INDEX, source).get("weight_map")
    if not isinstance(placed, dict) or not placed:
        raise UserError(f"{source}: {PICKLED_INDEX} has no weight_map of tensors and files; {REMEDY}")
    for part in placed.values():
        if not isinstance(part, str) or not is_pickled_part(part) or not (folder / part).is_file():
            raise UserError(
                f"{source}: {PICKLED_INDEX} names the file {part!r}, which is not there; add all parts of the weights"
            )
    return placed
