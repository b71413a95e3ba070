"""Linear layers of the base model in 8 or 4 bits, through bitsandbytes; the adapter stays in full precision.

4 bits as in QLoRA (Dettmers et al. 2023, arXiv:2305.14314), 8 bits as in LLM.int8() (Dettmers et al. 2022,
arXiv:2208.07339). An adapter that was trained on a quantized base model fits the base model without quantization too.
"""

import copy
import importlib.util
import logging
import re
import warnings
from dataclasses import dataclass

import torch
from torch import nn
from transformers import AutoModelForSequenceClassification, BitsAndBytesConfig, PreTrainedConfig, PreTrainedModel

from ..base_models.architectures import HEADS, NOT_QUANTIZED
from ..compat import keep_weights_as_quantized
from ..errors import UserError
from ..words import EIGHT_BIT, FP4, NF4, NONE
from .precision import DTYPES

_NAMES = {dtype: name for name, dtype in DTYPES.items()}


@dataclass(frozen=True)
class Part:
    """What a kind of parameters takes: their number, and bytes as loaded, with the scales of quantized weights."""

    kind: str
    parameters: int
    bytes: int


@dataclass(frozen=True)
class QuantizationReport:
    """What is quantized in a model, what is not, largest first, and the bytes saved against the model in one dtype."""

    name: str
    quantized: Part
    rest: tuple[Part, ...]
    saved: int
    dtype: torch.dtype

    @property
    def sentence(self) -> str:
        """One sentence for a report."""
        if not self.quantized.parameters:
            return "nothing is quantized: the base model has no linear layers beside its head"
        total = self.quantized.parameters + sum(part.parameters for part in self.rest)
        kept = ", ".join(f"{part.kind} {_short(part.parameters)}" for part in self.rest)
        change = f"{abs(self.saved) / 1e6:.1f} MB {'less' if self.saved >= 0 else 'more'} than in {_NAMES[self.dtype]}"
        return (
            f"{self.name} has {_short(self.quantized.parameters)} of {_short(total)} parameters; "
            f"not quantized: {kept}; {change}"
        )


def quantization_config(
    quantization: str, double_quantization: str, compute_type: str, precision: str
) -> BitsAndBytesConfig | None:
    """Return what from_pretrained takes as its quantization_config, or None without quantization.

    quantization: `none`, `8bit`, `4bit-nf4` or `4bit-fp4`.
    double_quantization: `yes` or `no`; for 4 bits.
    compute_type: `auto`, `fp32`, `bf16` or `fp16`; for 4 bits. `auto` takes the precision of the training.
    precision: that of the training, `fp32`, `bf16` or `fp16`.
    Raises UserError when bitsandbytes is missing, or for a 4-bit setting without 4 bits.
    """
    if quantization not in (NF4, FP4):
        for setting, value, idle in (
            ('"Double quantization" (--double-quantization)', double_quantization, "no"),
            ('"Compute type of 4-bit layers" (--compute-type)', compute_type, "auto"),
        ):
            if value != idle:
                raise UserError(
                    f"{setting} is for 4-bit weights and {value!r} is given; choose {idle!r}, or set "
                    f'"Quantization of the base model" to 4 bits (--quantization {NF4})'
                )
    if quantization == NONE:
        return None
    # The import looks for a kernel that it can do without, and complains that it is not there.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=FutureWarning, module="bitsandbytes")
    if importlib.util.find_spec("bitsandbytes") is None:
        raise UserError(
            f'"Quantization of the base model" (--quantization {quantization}) needs the package bitsandbytes, which '
            "is not installed; choose none, or ask the administrator to install it"
        )
    skipped = [NOT_QUANTIZED]
    if quantization == EIGHT_BIT:
        return BitsAndBytesConfig(load_in_8bit=True, llm_int8_skip_modules=skipped)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type=quantization.removeprefix("4bit-"),
        bnb_4bit_use_double_quant=double_quantization == "yes",
        bnb_4bit_compute_dtype=DTYPES[precision if compute_type == "auto" else compute_type],
        llm_int8_skip_modules=skipped,
    )


def without_head(quantization: BitsAndBytesConfig, config: PreTrainedConfig) -> BitsAndBytesConfig:
    """Return the settings such that no module beside the base model proper is quantized, whatever it is called.

    config: of the classifier.
    """
    with torch.device("meta"):
        model = AutoModelForSequenceClassification.from_config(config)
    names = [name for name, _ in model.named_children() if name != model.base_model_prefix]
    result = copy.deepcopy(quantization)
    result.llm_int8_skip_modules += [rf"{re.escape(name)}(\..*)?$" for name in names]
    return result


def prepare(model: PreTrainedModel) -> PreTrainedModel:
    """Make a quantized model ready for LoRA, in place, and return it; call it before get_peft_model.

    As with peft's prepare_model_for_kbit_training, all weights are frozen and those that are not quantized become
    float32.
    """
    for parameter in model.parameters():
        parameter.requires_grad = False
        if parameter.dtype in (torch.float16, torch.bfloat16) and not hasattr(parameter, "quant_state"):
            parameter.data = parameter.data.float()
    for module in model.modules():
        keep_weights_as_quantized(module)
    # 8-bit layers say at each start that they cast their inputs, which is how they work.
    warnings.filterwarnings("ignore", message="MatMul8bitLt: inputs will be cast")
    return model


def quantized_modules(model: nn.Module) -> dict[str, nn.Module]:
    """Return the quantized layers by their paths."""
    return {
        name: module
        for name, module in model.named_modules()
        if hasattr(getattr(module, "weight", None), "quant_state") or hasattr(getattr(module, "weight", None), "SCB")
    }


def describe(model: PreTrainedModel, dtype: torch.dtype = torch.float32) -> QuantizationReport:
    """Say what is quantized in a loaded model without adapter, and what that saves.

    dtype: in which the whole model would be loaded without quantization.
    """
    layers = quantized_modules(model)
    quantized, name = Part("quantized", 0, 0), ""
    for layer in layers.values():
        count = layer.in_features * layer.out_features
        quantized = Part("quantized", quantized.parameters + count, quantized.bytes + _bytes(layer))
        name = _name(layer)
    weights = {id(layer.weight) for layer in layers.values()}
    counts: dict[str, list[int]] = {}
    for path, parameter in model.named_parameters():
        if id(parameter) not in weights:
            count = counts.setdefault(_kind(model, path, parameter), [0, 0])
            count[0] += parameter.numel()
            count[1] += parameter.nbytes
    rest = sorted((Part(kind, *count) for kind, count in counts.items()), key=lambda part: -part.parameters)
    parameters = quantized.parameters + sum(part.parameters for part in rest)
    loaded = quantized.bytes + sum(part.bytes for part in rest)
    return QuantizationReport(name, quantized, tuple(rest), parameters * dtype.itemsize - loaded, dtype)


def _bytes(layer: nn.Module) -> int:
    """Return the bytes of a quantized weight and of what its numbers are read with."""
    weight = layer.weight
    if not hasattr(weight, "quant_state"):
        return weight.nbytes + weight.SCB.nbytes
    state = weight.quant_state
    tensors = [weight, state.absmax, state.code]
    if state.nested:
        tensors += [state.offset, state.state2.absmax, state.state2.code]
    return sum(tensor.nbytes for tensor in tensors)


def _name(layer: nn.Module) -> str:
    if not hasattr(layer.weight, "quant_state"):
        return "8-bit"
    state = layer.weight.quant_state
    return f"4-bit ({state.quant_type}{', double quantization' if state.nested else ''})"


def _kind(model: nn.Module, path: str, parameter: nn.Parameter) -> str:
    """Return the kind of a parameter that is not quantized, as a reader of a report knows it."""
    parts = path.split(".")
    module = model.get_submodule(".".join(parts[:-1]))
    if parts[0] in HEADS:
        return "head"
    if isinstance(module, nn.Embedding):
        return "embeddings"
    if parameter.ndim == 3:
        return "experts"
    if "norm" in type(module).__name__.lower():
        return "norms"
    if parts[-1] == "bias":
        return "biases"
    return "routers" if parts[-2] in ("gate", "router") else "other weights"


def _short(count: int) -> str:
    """Write a count of parameters as 345, 12.3k or 15.7M."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:.1f}{unit}"
    return str(count)
