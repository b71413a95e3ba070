"""What is fuzzed: for each reader of bytes that a stranger may have made, spoilt files and what is done with them.

A reader is a strategy that draws files (name -> bytes) and a function that reads them from a folder.
"""

import gzip
import io
import json
import pickletools
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st

from dev.fuzz.mutations import (
    dumped,
    spoilt_archive,
    spoilt_bytes,
    spoilt_fields,
    spoilt_json,
    spoilt_pickle,
    spoilt_safetensors,
)
from dna_lm.base_models.archives import PICKLED, PICKLED_INDEX

DATA = Path(__file__).resolve().parents[2] / "test-data"
MODEL = {path.name: path.read_bytes() for path in sorted((DATA / "tiny-random").iterdir())}
SEQUENCES = ["ACGTACGTAC", "TTTTGGGGNNAC"]


@dataclass(frozen=True)
class Reader:
    """files: draws the files of one example. read: reads them, given their folder."""

    files: st.SearchStrategy[dict[str, bytes]]
    read: Callable[[Path], object]


def _seeds(*names: str) -> list[bytes]:
    return [(DATA / name).read_bytes() for name in names]


def _named(name: str, strategy: st.SearchStrategy[bytes]) -> st.SearchStrategy[dict[str, bytes]]:
    return strategy.map(lambda content: {name: content})


def _text(seeds: list[bytes], delimiter: bytes, lines: int = 12) -> st.SearchStrategy[bytes]:
    """Spoilt text, plain or gzipped; so many lines are enough of each seed."""
    short = [b"\n".join(seed.split(b"\n")[:lines]) + b"\n" for seed in seeds]
    plain = st.sampled_from(short).flatmap(lambda seed: st.one_of(spoilt_bytes(seed), spoilt_fields(seed, delimiter)))
    zipped = plain.map(lambda text: gzip.compress(text, mtime=0))
    return st.one_of(plain, plain, plain, zipped, zipped.flatmap(spoilt_bytes))


def spoilt_model_file(name: str, content: bytes) -> st.SearchStrategy[bytes]:
    if name.endswith(".json"):
        return st.one_of(spoilt_json(json.loads(content)).map(dumped), spoilt_bytes(content))
    return spoilt_safetensors(content) if name.endswith(".safetensors") else spoilt_bytes(content)


@st.composite
def _model_folder(draw) -> dict[str, bytes]:
    name = draw(st.sampled_from(sorted(MODEL)))
    return MODEL | {name: draw(spoilt_model_file(name, MODEL[name]))}


# --- reading ---------------------------------------------------------------------------------------------------------


def read_adapter(folder: Path) -> None:
    from dna_lm.adapters.dataset import load_adapter

    adapter = load_adapter(folder / "adapter.safetensors")
    assert adapter.target and adapter.decision and adapter.members and adapter.strand


def apply_adapter(folder: Path) -> None:
    from dna_lm.adapters.dataset import load_adapter
    from dna_lm.prediction.options import ApplyingOptions
    from dna_lm.prediction.predictor import opened_predictor

    adapter = load_adapter(folder / "adapter.safetensors")
    options = ApplyingOptions(base_model=str(DATA / "tiny-random"), batch_size=2)
    with opened_predictor(adapter, options, lambda _: None) as predictor:
        predictor.predictions(predictor.outputs(SEQUENCES).raw)


def show_adapter(folder: Path) -> None:
    from dna_lm.adapters.dataset import load_adapter
    from dna_lm.data.tables import write_tsv
    from dna_lm.exchange.adapter_report import adapter_report
    from dna_lm.exchange.facts import facts
    from dna_lm.reports.markdown import write

    adapter = load_adapter(folder / "adapter.safetensors")
    write_tsv(facts(adapter), folder / "table")
    write(folder / "report", *adapter_report(adapter))


def import_adapter(folder: Path) -> None:
    from dna_lm.adapters.dataset import load_adapter, save_adapter
    from dna_lm.exchange.importing import import_adapter
    from dna_lm.exchange.options import ImportOptions

    given = {"archive": str(folder / "peft.zip"), "base_model": str(DATA / "tiny-random"), "labels": "a,b"}
    imported = import_adapter(ImportOptions(action="import", **given), lambda _: None)
    save_adapter(imported.adapter, folder / "adapter.safetensors")
    load_adapter(folder / "adapter.safetensors")


def read_archive(folder: Path) -> None:
    from dna_lm.base_models.opening import opened_base_model

    with opened_base_model(str(folder / "model.zip")):
        pass


def convert_pickled_weights(folder: Path) -> None:
    from safetensors import safe_open

    from dna_lm.pickles.converting import convert

    convert(folder, "the model", 10**6)
    written = list(folder.glob("*.safetensors"))
    assert written
    for path in written:
        with safe_open(path, framework="np") as file:
            assert file.keys()


def read_model(folder: Path) -> None:
    from dna_lm.base_models.encoding import Encoder
    from dna_lm.base_models.opening import opened_base_model
    from dna_lm.classifiers.building import new_classifier
    from dna_lm.classifiers.options import LoraOptions

    with opened_base_model(str(folder)) as base:
        encoder = Encoder(base, 50)
        encoder.encode(SEQUENCES)
        new_classifier(base, 2, encoder.tokenizer.pad_token_id, LoraOptions(method="head"))


def read_table(folder: Path) -> None:
    from dna_lm.data.tables import read_labeled
    from dna_lm.preparation.inputs import read_labeled_table

    path = str(folder / "table.csv")
    read_labeled(path, "the table")
    read_labeled_table(path, header=True, sequence_column="sequence", label_column="label", split="random", column=None)


def read_fasta(folder: Path) -> None:
    from dna_lm.data.fasta import read_fasta

    read_fasta(folder / "x.fa", "the FASTA file")


def read_bed(folder: Path) -> None:
    from dna_lm.data.intervals import read_intervals

    read_intervals(folder / "x.bed", "the intervals")


def read_motifs(folder: Path) -> None:
    from dna_lm.motifs.reading import read_motifs

    for motif in read_motifs(folder / "motifs.txt"):
        assert abs(motif.probabilities.sum(axis=1) - 1).max() < 1e-12 and motif.log_odds().shape == (motif.width, 4)


ADAPTERS = _seeds(*(path.name for path in sorted(DATA.glob("adapter*.safetensors"))))
ON_TINY_RANDOM = _seeds("adapter_tiny_random.safetensors", "adapter_number.safetensors", "adapter_several.safetensors")


def _unpacked(name: str) -> dict[str, bytes]:
    with zipfile.ZipFile(DATA / name) as packed:
        return {name: packed.read(name) for name in packed.namelist() if not name.endswith("/")}


def _pickled_weights() -> list[dict[str, bytes]]:
    """Small weights as torch.save writes them: a zip, the format before, and in parts."""
    import torch

    numbers = torch.arange(12.0).reshape(3, 4)
    weights = {
        "a": numbers,
        "t": numbers.t(),
        "h": torch.ones(2, dtype=torch.half),
        "p": torch.nn.Parameter(numbers[1:, ::2]),
        "i": torch.arange(3),
    }
    state = torch.nn.Linear(2, 3).state_dict()  # with versions in an attribute
    files = []
    for value, is_zip in ((state | weights, True), (state, True), (weights, False), (state, False)):
        buffer = io.BytesIO()
        torch.save(value, buffer, _use_new_zipfile_serialization=is_zip)
        files.append({PICKLED: buffer.getvalue()})
    first, second = (f"pytorch_model-0000{number}-of-00002.bin" for number in (1, 2))
    placed = dict.fromkeys(state, first) | dict.fromkeys(weights, second)
    index = json.dumps({"metadata": {}, "weight_map": placed}).encode()
    return [*files, {first: files[1][PICKLED], second: files[2][PICKLED], PICKLED_INDEX: index}]


@st.composite
def _spoilt_pickled_weights(draw, seeds: list[dict[str, bytes]]) -> dict[str, bytes]:
    files = dict(draw(st.sampled_from(seeds)))
    name = draw(st.sampled_from(sorted(files)))
    content = files[name]
    if name == PICKLED_INDEX:
        return files | {name: draw(st.one_of(spoilt_json(json.loads(content)).map(dumped), spoilt_bytes(content)))}
    if not draw(st.integers(0, 3)):
        return files | {name: draw(spoilt_bytes(content))}
    if content.startswith(b"PK"):  # a valid zip of a spoilt pickle
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            members = {member: packed.read(member) for member in packed.namelist()}
        chosen = next(member for member in members if member.endswith("/data.pkl"))
        members[chosen] = draw(spoilt_pickle(members[chosen]))
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as packed:
            for member, part in members.items():
                packed.writestr(zipfile.ZipInfo(member), part)
        return files | {name: buffer.getvalue()}
    ends, rest = [0], io.BytesIO(content)
    for _ in range(5):  # the pickles that such a file begins with
        list(pickletools.genops(rest))
        ends.append(rest.tell())
    chosen = draw(st.sampled_from([0, 1, 2, 3, 3, 3, 3, 4]))
    start, end = ends[chosen], ends[chosen + 1]
    return files | {name: content[:start] + draw(spoilt_pickle(content[start:end])) + content[end:]}


PACKED = _unpacked("tiny-random.zip")
PEFT = [_unpacked("peft_exported.zip"), _unpacked("peft_foreign.zip")]

READERS = {
    "adapter": Reader(
        _named("adapter.safetensors", st.sampled_from(ADAPTERS).flatmap(lambda c: spoilt_safetensors(c, "dna_lm"))),
        read_adapter,
    ),
    "applied-adapter": Reader(
        _named(
            "adapter.safetensors", st.sampled_from(ON_TINY_RANDOM).flatmap(lambda c: spoilt_safetensors(c, "dna_lm"))
        ),
        apply_adapter,
    ),
    "shown-adapter": Reader(
        _named("adapter.safetensors", st.sampled_from(ADAPTERS).flatmap(lambda c: spoilt_safetensors(c, "dna_lm"))),
        show_adapter,
    ),
    "imported-adapter": Reader(
        _named(
            "peft.zip",
            st.sampled_from(PEFT).flatmap(lambda files: spoilt_archive(files, spoilt_model_file)),
        ),
        import_adapter,
    ),
    "archive": Reader(_named("model.zip", spoilt_archive(PACKED, spoilt_model_file)), read_archive),
    "model": Reader(_model_folder(), read_model),
    "pickled-weights": Reader(
        st.deferred(lambda: _spoilt_pickled_weights(_pickled_weights())), convert_pickled_weights
    ),
    "table": Reader(
        _named(
            "table.csv",
            st.one_of(
                _text(_seeds("train.csv", "annotated.csv", "located.csv"), b","),
                _text(_seeds("number_dev.tabular", "annotated.tabular"), b"\t"),
            ),
        ),
        read_table,
    ),
    "fasta": Reader(_named("x.fa", _text(_seeds("CTCF.fa", "new.fa", "located.fa"), b":")), read_fasta),
    "bed": Reader(
        _named("x.bed", _text(_seeds("peaks_a.narrowPeak", "peaks_b.bed", "blacklist.bed"), b"\t")), read_bed
    ),
    "motifs": Reader(
        _named("motifs.txt", _text(_seeds("motifs.meme", "motifs.jaspar", "motifs.transfac"), b" ", 48)), read_motifs
    ),
}
