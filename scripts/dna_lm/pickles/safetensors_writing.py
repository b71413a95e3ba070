"""Writing the tensors of an open file of torch.save as safetensors, of which only small pieces are in memory at a time.

The bytes depend on the tensors alone: whoever converts the same weights gets the same file, and an adapter, which
records its SHA-256, fits.
"""

import json
import math
import mmap
from pathlib import Path
from typing import BinaryIO

import numpy as np

from .torch_file import TorchFile
from .unpickling import BYTES, Tensor

# Numbers of a tensor that is not contiguous, which are copied at a time.
PIECE = 1 << 20
# https://github.com/huggingface/safetensors#format: 8 bytes with the header's length, the header, the numbers.
_LENGTH, _ALIGNED = 8, 8


def bytes_of(tensor: Tensor) -> int:
    """Return the number of bytes that a tensor has in a safetensors file, where no two share theirs."""
    return math.prod(tensor.shape) * BYTES[tensor.storage.dtype]


def write_safetensors(torch_file: TorchFile, path: Path) -> None:
    """Write all tensors of a file of torch.save, contiguous, bit by bit as they are."""
    tensors = torch_file.tensors
    # Those of large numbers first, so that each tensor begins at a multiple of its numbers' size.
    names = sorted(tensors, key=lambda name: (-BYTES[tensors[name].storage.dtype], name))
    header: dict[str, dict] = {"__metadata__": {"format": "pt"}}
    place = 0
    for name in names:
        end = place + bytes_of(tensors[name])
        header[name] = {
            "dtype": tensors[name].storage.dtype,
            "shape": tensors[name].shape,
            "data_offsets": [place, end],
        }
        place = end
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % _ALIGNED)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(_LENGTH, "little") + text)
        for name in names:
            _write(torch_file, tensors[name], file)
            torch_file.content.madvise(mmap.MADV_DONTNEED)  # what was read of the file does not stay in memory


def _write(torch_file: TorchFile, tensor: Tensor, file: BinaryIO) -> None:
    size = BYTES[tensor.storage.dtype]
    if not bytes_of(tensor):
        return
    # What the numbers mean does not matter here: NaN or not, each is so many bytes.
    view = np.ndarray(
        tensor.shape,
        np.dtype(f"V{size}"),
        torch_file.content,
        torch_file.starts[tensor.storage.key] + tensor.offset * size,
        tuple(stride * size for stride in tensor.strides),
    )
    if view.flags.c_contiguous:
        file.write(view)
        return
    pieces = np.nditer(view, ["external_loop", "buffered"], [["readonly"]], order="C", buffersize=PIECE)
    for piece in pieces:
        file.write(piece.tobytes())
