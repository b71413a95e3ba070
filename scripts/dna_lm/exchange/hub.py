"""Fetching a base model from the Hugging Face hub: a pinned commit, every file held against the hub's own sums.

HF_ENDPOINT names another server that speaks the same interface, HF_TOKEN the right to see private models.
"""

import hashlib
import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from ..base_models.archives import PICKLED, PICKLED_INDEX, is_convertible, is_pickled_part, pickled_weights
from ..base_models.installed_files import sha256_of_file
from ..base_models.licenses import of_header
from ..base_models.opening import CONFIG, INDEX, WEIGHTS, check_settings, is_model_file, read_json
from ..compat import download_rest
from ..errors import UserError

ENDPOINT = "https://huggingface.co"


@dataclass(frozen=True)
class HubModel:
    """What the hub says of a model at a commit.

    commit: 40 hexadecimal digits. pipeline_tag: the hub's name of the model's task; may be empty.
    license: as its page states it; may be empty.
    sums: of each wanted file, its SHA-256, or the SHA-1 by which git calls a small file. bytes: the size of each.
    """

    commit: str
    pipeline_tag: str
    license: str
    sums: dict[str, str]
    bytes: dict[str, int]


def fetch(
    model: str,
    revision: str,
    folder: Path,
    max_bytes: float,
    progress: Callable[[str], None],
    converted: Collection[str] = (),
) -> HubModel:
    """Download the files that a base model consists of into a folder, and verify each.

    Pickled weights are among them only if the model has no safetensors.
    What an earlier call left in the folder is not fetched again, and a file that broke off is gone on with.
    max_bytes: for all files together. converted: the SHA-256 of pickled weights that need not be fetched,
        if they are all that the model has.
    Raises UserError for a model or revision that is not there, one without weights that can be used, with code of its
    own or over the limit, a file that is not as the hub says, and a hub that does not answer.
    """
    # Imported here: the library reads HF_ENDPOINT and the like when it is imported.
    from huggingface_hub import HfApi, hf_hub_url
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError
    from huggingface_hub.utils import disable_progress_bars

    disable_progress_bars()
    endpoint = os.environ.get("HF_ENDPOINT", ENDPOINT)
    source = f"the model {model!r} on {endpoint}"
    try:
        described = _described(HfApi(endpoint=endpoint), model, revision, source)
        total = sum(described.bytes.values())
        if total > max_bytes:
            raise UserError(
                f"{source} has {total / 1e9:.3g} GB, more than the {max_bytes / 1e9:g} GB allowed; raise the limit"
            )
        pickled = {name for name in described.sums if is_convertible(name)}
        known = {described.sums[name] for name in pickled - {PICKLED_INDEX}} <= set(converted)
        # The settings first, so that code of its own is refused before gigabytes are fetched.
        for name in sorted(described.sums, key=lambda name: (name != CONFIG, _is_large(name), name)):
            if known and name in pickled:
                continue
            progress(f"fetching {name} ({described.bytes[name] / 1e6:.1f} MB)")
            file = folder / name
            if not (file.exists() and _sum(file, described.sums[name]) == described.sums[name]):
                _download(
                    hf_hub_url(model, name, revision=described.commit, endpoint=endpoint), file, described.bytes[name]
                )
            if _sum(file, described.sums[name]) != described.sums[name]:
                file.unlink()
                raise UserError(
                    f"{source}: {name} is not what the hub says it is (its checksum is another), so it was altered on "
                    "the way; fetch it again, from the hub itself"
                )
            if name.endswith("config.json"):
                check_settings(read_json(file, source), source)
        return described
    except GatedRepoError:
        raise UserError(f"{source} is gated: accept its terms there, and set HF_TOKEN to a token of yours") from None
    except RevisionNotFoundError:
        raise UserError(f"{source} has no revision {revision!r}; choose a branch, tag or commit that it has") from None
    except RepositoryNotFoundError:
        raise UserError(f"{source} is not there, or is private; see the spelling, or set HF_TOKEN") from None
    except UserError:
        raise
    except Exception as problem:  # the client's own exceptions, those of its HTTP library, and what JSON can spoil
        raise UserError(
            f"{source} cannot be fetched ({type(problem).__name__}: {problem}); run the job again, which goes on where "
            "it broke off"
        ) from None


def _download(url: str, file: Path, size: int) -> None:
    """Download a file, beginning where an earlier call was broken off: the rest is appended to `<file>.partial`."""
    partial = file.with_name(file.name + ".partial")
    try:
        with open(partial, "r+b" if partial.exists() else "wb") as part:
            start = part.seek(0, os.SEEK_END)
            if start > size:
                start = part.truncate(part.seek(0))
            download_rest(url, part, start, size)
    except OSError:  # what the server answered was not the rest of this file; a connection's end is no OSError
        partial.unlink(missing_ok=True)
        raise
    os.replace(partial, file)


def _described(api, model: str, revision: str, source: str) -> HubModel:
    info = api.model_info(model, revision=revision, files_metadata=True, timeout=60)
    files = {file.rfilename: file for file in info.siblings or ()}
    wanted = {name for name in files if "/" not in name and is_model_file(name)}
    weights = {name for name in wanted if name.endswith(".safetensors")}
    if WEIGHTS in weights:  # others beside it are copies in another precision, or of parts
        wanted -= weights - {WEIGHTS} | {INDEX}
    elif INDEX in wanted:
        wanted -= {name for name in weights if not name.startswith("model-")}
    if CONFIG not in wanted:
        raise UserError(f"{source} has no {CONFIG}; choose a model that transformers saved")
    if not weights:
        pickled = {PICKLED} & files.keys() or {name for name in files if is_convertible(name)}
        if not pickled or pickled == {PICKLED_INDEX} or not pickled & {PICKLED, PICKLED_INDEX}:
            other = pickled_weights(files)
            why = f": its weights are pickles ({other}), which can run code" if other else ""
            raise UserError(
                f"{source} has neither safetensors nor a whole {PICKLED}{why}; choose a model that has, or convert it "
                "and install an archive"
            )
        wanted = wanted - {INDEX} | pickled
    sums, sizes = {}, {}
    for name in wanted:
        file = files[name]
        sums[name] = file.lfs.sha256 if file.lfs else file.blob_id
        sizes[name] = file.lfs.size if file.lfs else file.size
        if not isinstance(sums[name], str) or not isinstance(sizes[name], int):
            raise UserError(
                f"{source}: the hub gives no checksum of {name}, so it cannot be verified; fetch it elsewhere"
            )
    if not isinstance(info.sha, str) or len(info.sha) != 40:
        raise UserError(f"{source}: the hub does not say which commit {revision!r} is; give a commit")
    return HubModel(info.sha, info.pipeline_tag or "", _license(info), sums, sizes)


def _license(info) -> str:
    """Return the license that the header of the model's card states, or else its tags."""
    tags = [tag.removeprefix("license:") for tag in info.tags or () if str(tag).startswith("license:")]
    return of_header(info.card_data.to_dict() if info.card_data else {}) or of_header({"license": tags})


def _is_large(name: str) -> bool:
    return name.endswith(".safetensors") or name == PICKLED or is_pickled_part(name)


def _sum(file: Path, like: str) -> str:
    """Return the checksum of a file of the kind of another: SHA-256, or git's SHA-1 of a blob."""
    if len(like) == 64:
        return sha256_of_file(file)
    digest = hashlib.sha1(f"blob {file.stat().st_size}\0".encode(), usedforsecurity=False)
    digest.update(file.read_bytes())
    return digest.hexdigest()
