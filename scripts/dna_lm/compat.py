"""Every private or undocumented name of other packages that is used, in one place: tests/test_compat.py holds that.

Seen with torch 2.13.0, transformers 5.18.0 and peft 0.21.0. None is imported before it is needed.
"""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

# transformers' implementation of experts that sorts tokens by expert and makes one product for each.
GROUPED = "grouped_mm"
# What transformers tells of a module of experts that GROUPED can compute.
_OF_EXPERTS = ("num_experts", "has_gate", "has_bias", "is_transposed", "_apply_gate", "_is_expert_parallel", "config")


def cpu_computes_bf16() -> bool:
    """Say whether the processor multiplies matrices of bfloat16 faster than of float32."""
    import torch

    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def grouped_product(values: Any, weight: Any, ends: Any, bias: Any = None, transposed: bool = False) -> Any:
    """Return the products of values, (n, in), sorted by expert, and the weights of their experts.

    weight: (experts, out, in), or (experts, in, out) if transposed; rows are a multiple of 16 bytes.
    ends: where each expert's values end, (experts,) int32.
    """
    from transformers.integrations.moe import _grouped_linear

    return _grouped_linear(values, weight, ends, bias, transposed)


def are_grouped(experts: Any) -> bool:
    """Say whether a module of experts is computed by GROUPED, in one process, and tells what it is made of."""
    return (
        all(hasattr(experts, name) for name in _OF_EXPERTS)
        and experts.config._experts_implementation == GROUPED
        and not experts._is_expert_parallel
    )


def gated(experts: Any, values: Any) -> Any:
    """Return what the gate of a module of experts lets through."""
    return experts._apply_gate(values)


def has_swapped_features(wrapper: Any) -> bool:
    """Say whether PEFT's wrapper around a 3-D weight has its LoRA matrices for (experts, out, in)."""
    return wrapper._did_swap_in_out_features


def attention_implementation(config: Any) -> str | None:
    """Return transformers' name of the implementation of attention that a model was loaded with, such as `eager`."""
    return config._attn_implementation


def names_of_layers(model: Any) -> set[str]:
    """Return the names of the classes of a model's layers, none of which should be divided among processes."""
    return set(getattr(model, "_no_split_modules", None) or ())


def keep_from_ddp(model: Any, names: Iterable[str]) -> None:
    """Let DistributedDataParallel leave these parameters and buffers of a model as they are."""
    from torch.nn.parallel import DistributedDataParallel

    DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(model, list(names))


def written(tensor: Any) -> tuple:
    """Return what is another thing once a tensor has been written to, or lies elsewhere."""
    return tensor.data_ptr(), tensor.device, tensor._version


def keep_weights_as_quantized(module: Any) -> None:
    """Keep a 4-bit layer of bitsandbytes from packing its weights anew when it scores on a CPU with AVX512-BF16.

    That rounds the scales, turns the numbers into bfloat16, cannot be undone before the next epoch trains, and fails
    where a layer has fewer than 64 columns. Other modules are left as they are.
    """
    if hasattr(module, "support_avx512bf16_for_cpu"):
        module.support_avx512bf16_for_cpu = False


def download_rest(url: str, file: BinaryIO, start: int, size: int) -> None:
    """Append to a file what it lacks of the file at a URL of the hub.

    start: bytes that it has. size: bytes that it is to have in all.
    Raises OSError when the server sends another number of bytes.
    """
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers

    http_get(url, file, resume_size=start, headers=build_hf_headers(), expected_size=size)


def leave_out(package: str) -> None:
    """Let a package that nobody has imported yet look as if it were not installed.

    peft imports bitsandbytes wherever it is installed, which takes a second.
    """
    sys.modules.setdefault(package, None)


@contextmanager
def left_out(package: str) -> Iterator[None]:
    """Let a package look as if it were not installed for as long as the block lasts, unless it is imported already."""
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None
    try:
        yield
    finally:
        del sys.modules[package]
