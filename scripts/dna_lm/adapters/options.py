"""Options of the base model that an adapter was trained on."""

from dataclasses import dataclass

from ..options import INPUT, MANY, option
from ..words import RECORDED


@dataclass(frozen=True, kw_only=True)
class AdapterBaseModelOptions:
    """Where the base model of an adapter is found."""

    base_model: str = option(
        "Base model that the adapter was trained on: 'recorded' finds the one in the adapter's record, if it is "
        "built in or given by --installed; a Hugging Face folder or an archive (zip, tar, tar.gz) of one; or "
        "'built-in'",
        RECORDED,
        kind=INPUT,
    )
    base_model_id: str | None = option("Name of the base model in the adapter and in messages", optional=True)
    installed: list[str] | None = option(
        "An installed base model, for --base-model recorded",
        kind=MANY,
        optional=True,
        form="ID=FOLDER",
    )
