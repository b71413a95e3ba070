"""The README.md of an exported adapter or model: a model card, as model hubs show it, with code that was tested."""

import json
from pathlib import Path
from string import Template

from ..adapters.dataset import Adapter
from ..adapters.license_words import license_warning
from ..base_models.architectures import symmetric as is_symmetric
from ..base_models.licenses import BASE_MODEL_LICENSE, NOT_STATED
from ..reports.markdown import escape, pipe_table
from ..scores.registry import TITLES
from ..words import BOTH, CLASSES, MULTI_LABEL
from .branch_words import left_out, on_dev, parts_table
from .facts import calibration, dev_scores, thresholds
from .network_words import own_network
from .values import mapping

RECORD_FILE = "dna_lm.json"
# A program that loads and applies the model. "MARK| " stands before lines that only some models need (see _program).
EXAMPLE = Path(__file__).with_name("example_program.py.txt")


def model_card(adapter: Adapter, whole: Adapter, *, pad_token_id: int, member: int, members: int, merged: bool) -> str:
    """Return the text.

    adapter: what the code of the card loads: with one model, and without a branch. whole: what that is from.
    pad_token_id: of the base model's tokenizer.
    member, members: which model of an ensemble it is, from 1, and of how many.
    merged: whether the model stands by itself, or is an adapter to be put on its base model.
    """
    target = adapter.target
    kinds = {
        CLASSES: "tells which of {} classes a sequence has",
        MULTI_LABEL: "tells which of {} labels a sequence has",
    }
    predicts = kinds.get(target.kind, "predicts a number for a sequence").format(len(target.labels))
    base = f"the base model {escape(adapter.base_model['id'])} ({escape(adapter.base_model['architecture'])})"
    what = f"A fine-tuned form of {base}" if merged else f"An adapter for {base}"
    one = (
        f" It is model {member} of an ensemble of {members}, whose predictions are averaged; alone it is less accurate."
        if members > 1
        else ""
    )
    blocks = [
        _header(adapter, merged),
        "# DNA classifier",
        f"{what}. It {predicts}.{one}",
        escape(left_out(whole, merged=merged)),
        *_labels(adapter),
        "## How to load it",
        *_loading(adapter, pad_token_id, merged),
        "## How it was trained",
        *_training(adapter, whole),
        "## Intended use and limits",
        "It is for sequences like those that it was trained on: of the same kind, length and origin. It was not tried "
        "on anything else, and it is no diagnostic tool. Letters other than A, C, G and T mostly are unknown to the "
        "tokenizer. The development set was used to select the weights, so that scores on it are slightly optimistic: "
        "before publishing, put scores on a test set here, where the sequences are from, and under which license.",
        "## License",
        *_license(adapter.license, merged),
        "Made with dna_lm.",
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _header(adapter: Adapter, merged: bool) -> str:
    """Return the metadata as YAML, whose strings are written as JSON's, which are YAML's too."""
    lines = [
        "---",
        "license: unknown # choose one before publishing; that of the base model may set limits",
        *([f"{BASE_MODEL_LICENSE}: {json.dumps(adapter.license)}"] if adapter.license else []),
        f"base_model: {json.dumps(adapter.base_model['id'])}",
        f"library_name: {'transformers' if merged else 'peft'}",
        "pipeline_tag: text-classification",
        f"tags: [biology, dna, genomics{'' if merged else ', lora'}]",
        "---",
    ]
    return "\n".join(lines)


def _license(license: str, merged: bool) -> list[str]:
    """Return what the base model's license means for the adapter or the merged model."""
    if not license:
        return [
            f"The license of the base model is {NOT_STATED} in the record: look it up where the base model is from "
            "before you publish this or use it commercially."
        ]
    needs = "whose weights this model contains" if merged else "without which the adapter cannot be used"
    return [f"License of the base model, {needs}: {escape(license)}.", *license_warning(license, merged)]


def _labels(adapter: Adapter) -> list[str]:
    target = adapter.target
    if not target.labels:
        return [
            f"Its output times {target.spread:.7g} plus {target.mean:.7g}, the standard deviation and the mean of the "
            "training numbers, is the number in their unit."
        ]
    cuts = dict(thresholds(adapter))
    header = ["output", "label", *(["threshold"] if cuts else [])]
    rows = [
        [str(number), label, *([f"{cuts[label]:.4g}" if label in cuts else ""] if cuts else [])]
        for number, label in enumerate(target.labels)
    ]
    return [pipe_table(header, rows, texts=2)]


def _loading(adapter: Adapter, pad_token_id: int, merged: bool) -> list[str]:
    base = adapter.base_model
    sha = f"SHA-256 of its weights: `{escape(base['weights_sha256'])}`"
    text = (
        f"`{RECORD_FILE}` has the labels in the order of the outputs, how sequences are read, and the record of the "
        "training."
    )
    if not merged:
        text += f" The base model has to be the one that it was trained on; {sha}."
    return [own_network(adapter), f"```python\n{_program(adapter, pad_token_id, merged)}\n```", text]


def _program(adapter: Adapter, pad_token_id: int, merged: bool) -> str:
    """Return EXAMPLE for an adapter, without the marks before lines and without the lines that are for others."""
    target, own, base = adapter.target, bool(own_network(adapter)), adapter.base_model
    symmetric = is_symmetric(base["architecture"], mapping(base.get("settings")))
    holds = {
        "adapter": not merged,
        "network": own,
        "merged network": merged and own,
        "merged model of transformers": merged and not own,
        "adapter of network": not merged and own,
        "adapter of transformers": not merged and not own,
        "k-mers": adapter.kmer != -1,
        "both strands": adapter.strand == BOTH and not symmetric,
        "one strand": adapter.strand != BOTH or symmetric,
        "labels": bool(target.labels),
        "number": not target.labels,
    }
    marked = [line.rpartition("| ") for line in EXAMPLE.read_text(encoding="utf-8").splitlines()]
    return Template("\n".join(line for mark, _, line in marked if not mark or holds[mark])).substitute(
        record=RECORD_FILE,
        base=json.dumps(adapter.base_model["id"]),
        outputs=target.outputs,
        pad_token_id=pad_token_id,
        k=adapter.kmer,
        max_length=adapter.max_length,
        no_special=", add_special_tokens=False" if symmetric else "",
        function="softmax" if target.kind == CLASSES else "sigmoid",
        scaled=_scaled(adapter),
    )


def _scaled(adapter: Adapter) -> str:
    scaled = 'answer / task["temperature"]' if adapter.decision.temperature != 1 else "answer"
    return f"{scaled}, dim=0" if adapter.target.kind == CLASSES else scaled


def _training(adapter: Adapter, whole: Adapter) -> list[str]:
    training = adapter.training
    counts = training["sequences"]
    text = f"On {adapter.trained_on}"
    if counts["dev"] > 0:
        text += f"; {counts['dev']:,} others, the development set, were used to select the weights"
    blocks = [text + "."]
    scores = dev_scores(adapter)
    if on_dev(whole) and whole.members == 1:
        blocks += parts_table(whole)
    elif scores:
        rows = [(TITLES.get(name, name), f"{value:.4g}") for name, value in scores.items()]
        blocks.append(pipe_table(["score on the development set", "value"], rows))
    record = calibration(adapter)
    if record:
        decided = [f"temperature {adapter.decision.temperature:.4g}"] + (["thresholds"] if thresholds(adapter) else [])
        count = record.get("sequences")
        on = f" on {count:,} labeled sequences" if type(count) is int else ""
        blocks.append(f"Calibrated{on}: {' and '.join(decided)}.")
    settings = {
        **{
            name: value
            for name, value in adapter.peft.items()
            if name in ("method", "r", "lora_alpha", "target_modules")
        },
        **mapping(training.get("options")),
    }
    if settings:
        rows = [(name, _short(value)) for name, value in sorted(settings.items())]
        blocks.append(pipe_table(["setting", "value"], rows, texts=2))
    versions = mapping(training.get("versions"))
    if versions:
        blocks.append(
            "Versions: " + escape(", ".join(f"{name} {_short(value)}" for name, value in versions.items())) + "."
        )
    return blocks


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return " ".join(text.split())[:200]
