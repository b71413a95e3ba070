"""Options of the base model."""

from dataclasses import dataclass

from ..options import INPUT, option
from ..words import BUILT_IN


@dataclass(frozen=True, kw_only=True)
class BaseModelOptions:
    """A base model, and what to call it."""

    base_model: str = option(
        "Base model: a Hugging Face folder or an archive (zip, tar, tar.gz) of one, with config.json, "
        "tokenizer.json and safetensors; or 'built-in' for the tiny one that comes with the tools",
        BUILT_IN,
        kind=INPUT,
    )
    base_model_id: str | None = option("Name of the base model in the adapter and in messages", optional=True)


@dataclass(frozen=True, kw_only=True)
class RevisedBaseModelOptions(BaseModelOptions):
    """A base model whose revision is recorded."""

    base_model_revision: str | None = option("Revision of the base model to record in the adapter", optional=True)
