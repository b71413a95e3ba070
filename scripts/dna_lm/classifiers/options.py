"""Options of what is trained, and of the numbers that a base model is kept in."""

from dataclasses import dataclass

from ..options import option
from ..words import AUTO, FULL, HEAD_ONLY, LARGEST_RANK, LORA, NO, NONE, YES


@dataclass(frozen=True, kw_only=True)
class LoraOptions:
    """What is trained."""

    method: str = option(
        "What is trained beside the classification head: LoRA matrices, nothing, or all weights of the base model",
        LORA,
        choices=(
            LORA,
            HEAD_ONLY,
            FULL,
        ),
    )
    lora_r: int = option("LoRA rank", 16, minimum=1, maximum=LARGEST_RANK)
    lora_alpha: float = option("LoRA alpha: the update is scaled by alpha / rank", 16.0, minimum=0.001)
    lora_dropout: float = option("Dropout on the input of the LoRA matrices", 0.0, minimum=0, maximum=0.9)
    target_modules: str = option(
        "Names of the linear layers that get LoRA matrices, separated by commas; 'auto' takes those of the attention",
        AUTO,
    )
    experts: str = option(
        "Whether the experts of a mixture model get LoRA matrices too; models without experts are the same either way",
        YES,
        choices=(
            YES,
            NO,
        ),
    )
    embeddings: str = option(
        "Whether the embeddings of the tokens are trained too, which adds their size to the adapter",
        YES,
        choices=(
            YES,
            NO,
        ),
    )
    lora_bias: str = option(
        "Biases of the base model that are trained: none, all, or those of the layers with LoRA matrices",
        NONE,
        choices=(
            NONE,
            "all",
            "lora_only",
        ),
    )
    rslora: str = option(
        "Whether to scale by alpha / sqrt(rank) (rsLoRA)",
        NO,
        choices=(
            YES,
            NO,
        ),
    )
    dora: str = option(
        "Whether to train the magnitude of the weights apart (DoRA)",
        NO,
        choices=(
            YES,
            NO,
        ),
    )


@dataclass(frozen=True, kw_only=True)
class QuantizationOptions:
    """Precision of the base model."""

    quantization: str = option(
        "Precision in which the linear layers of the base model are kept",
        NONE,
        choices=(
            NONE,
            "8bit",
            "4bit-nf4",
            "4bit-fp4",
        ),
    )
    double_quantization: str = option(
        "Whether the scales of 4-bit weights are quantized as well",
        NO,
        choices=(
            YES,
            NO,
        ),
    )
    compute_type: str = option(
        "Numbers that 4-bit layers compute with; auto takes the precision of the training",
        AUTO,
        choices=(
            AUTO,
            "fp32",
            "bf16",
            "fp16",
        ),
    )
    precision: str = option(
        "Numbers that the base model computes with; auto takes the shorter ones of a GPU, and fp32 on a CPU",
        AUTO,
        choices=(
            AUTO,
            "fp32",
            "bf16",
            "fp16",
        ),
    )
