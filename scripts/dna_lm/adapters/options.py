"""Options of the base model that an adapter was trained on."""

from dataclasses import dataclass

from ..options import INPUT, MANY, option
from ..words import RECORDED


@dataclass(frozen=True, kw_only=True)
class AdapterBaseModelOptions:
    """Where the base model of an adapter is found."""

    base_model: str = option(
        "Base model that the adapter was trained on: 'recorded' finds it by the adapter's record, if it is "
        "built in or among those of --installed; a Hugging Face folder or an archive (zip, tar, tar.gz) of "
        "one; or 'built-in'",
        RECORDED,
        kind=INPUT,
    )
    base_model_id: str | None = option("What to call the base model in the adapter and in messages", optional=True)
    installed: list[str] | None = option(
        "A base model that is installed here, where --base-model recorded looks",
        kind=MANY,
        optional=True,
        form="ID=FOLDER",
    )
