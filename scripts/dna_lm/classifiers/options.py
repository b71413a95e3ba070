"""Options of what is trained, and of the numbers that a base model is kept in."""

from dataclasses import dataclass, fields

from ..options import option
from ..words import AUTO, EIGHT_BIT, FP4, FULL, HEAD_ONLY, LARGEST_RANK, LORA, NF4, NO, NONE, YES


@dataclass(frozen=True, kw_only=True)
class LoraOptions:
    """What is trained."""

    method: str = option(
        "What is trained besides the classification head: LoRA matrices, nothing, or all weights of the base model",
        LORA,
        choices=(LORA, HEAD_ONLY, FULL),
    )
    lora_r: int = option("LoRA rank", 16, minimum=1, maximum=LARGEST_RANK)
    lora_alpha: float = option("LoRA alpha: the update is scaled by alpha / rank", 16.0, minimum=0.001)
    lora_dropout: float = option("Dropout on the input of the LoRA matrices", 0.0, minimum=0, maximum=0.9)
    target_modules: str = option(
        "Names of the linear layers that get LoRA matrices, separated by commas; auto means those of the attention",
        AUTO,
    )
    experts: str = option(
        "Whether the experts of a mixture-of-experts model get LoRA matrices too", YES, choices=(YES, NO)
    )
    embeddings: str = option(
        "Whether to train the token embeddings too, which adds their size to the adapter", YES, choices=(YES, NO)
    )
    lora_bias: str = option(
        "Biases of the base model to train: none, all, or those of the layers with LoRA matrices",
        NONE,
        choices=(NONE, "all", "lora_only"),
    )
    rslora: str = option("Whether to scale by alpha / sqrt(rank) (rsLoRA)", NO, choices=(YES, NO))
    dora: str = option("Whether to train the magnitude of the weights separately (DoRA)", NO, choices=(YES, NO))


# Options without effect unless the method is LoRA.
LORA_OPTIONS = tuple(field.name for field in fields(LoraOptions) if field.name != "method")


@dataclass(frozen=True, kw_only=True)
class QuantizationOptions:
    """Precision of the base model."""

    quantization: str = option(
        "Precision in which the linear layers of the base model are stored", NONE, choices=(NONE, EIGHT_BIT, NF4, FP4)
    )
    double_quantization: str = option(
        "Whether the scales of 4-bit weights are quantized as well", NO, choices=(YES, NO)
    )
    compute_type: str = option(
        "Precision in which 4-bit layers compute; auto means the precision of the training",
        AUTO,
        choices=(AUTO, "fp32", "bf16", "fp16"),
    )
    precision: str = option(
        "Precision in which the base model computes; auto means bf16 or fp16 on a GPU, and fp32 on a CPU",
        AUTO,
        choices=(AUTO, "fp32", "bf16", "fp16"),
    )
