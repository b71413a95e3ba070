"""Hold a network against numbers that its authors' code gave: token ids, hidden states, logits and gradients.

    python dev/check_architecture.py FOLDER [FOLDER ...]

with the Python of the tools environment. FOLDER: a model with random weights (config.json, model.safetensors, tokenizer
files), and beside it inputs.json, expected.safetensors, gradients.safetensors and, if its authors' code has a
classifier, classifier.safetensors. tests/architectures has one of each network; its README says how they were made.
Prints the largest differences and ends with 1 if one is above what rounding explains.
"""

import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from dna_lm.base_models.encoding import Encoder
from dna_lm.base_models.opening import BaseModel, opened_base_model
from dna_lm.errors import UserError
from dna_lm.networks.as_pretrained import load_pretrained

# Rounding in float32, seen between two programs that compute the same; the networks that multiply it are named.
STATES, STATES_OF = 1e-5, {"hyenadna": 5e-5, "caduceus": 2e-5}
PRETRAINING = 3  # times as much for its logits, which are larger
GRADIENTS = 1e-4  # of the largest gradient of a tensor
NO_LIMIT = 10**6


@dataclass
class Found:
    """The largest difference of one kind, and how large it may be."""

    what: str
    difference: float
    allowed: float

    @property
    def passed(self) -> bool:
        return self.difference <= self.allowed  # not so for NaN

    def __str__(self) -> str:
        return f"{self.what:40} {self.difference:10.2g} {self.allowed:10.2g}  {'ok' if self.passed else 'TOO LARGE'}"


class Recorded:
    """A folder with what the authors' code gave."""

    def __init__(self, folder: Path):
        self.inputs = json.loads((folder / "inputs.json").read_text(encoding="utf-8"))
        self.expected = load_file(folder / "expected.safetensors")
        self.gradients = load_file(folder / "gradients.safetensors")
        head = folder / "classifier.safetensors"
        self.head = load_file(head) if head.exists() else {}
        # Of networks that read padding in their authors' code, what each sequence gives alone is what is right.
        self.alone = "unpadded.0.last_hidden_state" in self.expected

    def left_padded(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor] | None:
        """Return the token ids of all sequences, padded on the left, the mask and the hidden states, if recorded."""
        left = "_left_padded" if "input_ids_left_padded" in self.inputs else ""
        if self.alone or not (left or "input_ids_right_padded" in self.inputs):
            return None
        ids, mask = (torch.tensor(self.inputs[f"{name}{left}"]) for name in ("input_ids", "attention_mask"))
        return ids, mask, self.expected[f"last_hidden_state{left}"]

    def batch(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the token ids of all sequences, padded on the right, and the mask."""
        right = "_right_padded" if "input_ids_right_padded" in self.inputs else ""
        ids = torch.tensor(self.inputs[f"input_ids{right}"])
        named = f"attention_mask{right}"
        mask = self.inputs.get(named) or [sorted(row, reverse=True) for row in self.inputs["attention_mask"]]
        return ids, torch.tensor(mask)

    def states(self, mask: torch.Tensor) -> list[torch.Tensor]:
        """Return the hidden states of each sequence, (tokens, width)."""
        if self.alone:
            return [self.expected[f"unpadded.{number}.last_hidden_state"] for number in range(len(mask))]
        whole = self.expected.get("right_padded.last_hidden_state", self.expected["last_hidden_state"])
        return [states[kept.bool()] for states, kept in zip(whole, mask, strict=True)]

    def expected_gradients(self) -> dict[str, torch.Tensor]:
        prefix = "unpadded." if self.alone else ""
        named = {name: value for name, value in self.gradients.items() if name.startswith("unpadded.") == self.alone}
        return {name.removeprefix(prefix): value for name, value in named.items()}


def main() -> None:
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    results = [found for folder in sys.argv[1:] for found in check(Path(folder))]
    if not results:
        sys.exit(__doc__)
    sys.exit(0 if all(found.passed for found in results) else 1)


def check(folder: Path) -> list[Found]:
    """Print and return the differences of one folder."""
    recorded = Recorded(folder)
    print(folder)
    with opened_base_model(str(folder)) as base:
        found = [_tokens(base, recorded)]
        model = load_pretrained(base.folder, base.config()).eval()
        allowed = STATES_OF.get(base.architecture, STATES)
        found += _states(model, recorded, allowed)
        found.append(_gradients(model, recorded))
        if recorded.head:
            found.append(_classifier(folder, base, recorded, allowed))
    print(*found, sep="\n", flush=True)
    return found


def _tokens(base: BaseModel, recorded: Recorded) -> Found:
    """Return how many of the sequences, and of the texts beside them, are read as other token ids."""
    encoder = Encoder(base, NO_LIMIT, None)
    tokenizer = encoder.tokenizer
    ids, mask = recorded.batch()
    wrong = 0
    for text, row, kept in zip(recorded.inputs["sequences"], ids, mask, strict=True):
        wrong += list(tokenizer(text, verbose=False)["input_ids"]) != row[kept.bool()].tolist()
    settings = json.loads((base.folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    special = "ids_bos_eos" if settings.get("add_eos_token") else "ids_bos_only"
    for case in recorded.inputs.get("tokenizer_cases", ()):
        wanted = case.get("input_ids", case.get(special))
        wrong += list(tokenizer(case["text"], verbose=False)["input_ids"]) != wanted
    return Found("texts read as other token ids", wrong, 0)


def _states(model, recorded: Recorded, allowed: float) -> list[Found]:
    """Compare hidden states and logits of pretraining, in a batch and alone."""
    ids, mask = recorded.batch()
    wanted = recorded.states(mask)
    kind = next(name for name in ("mlm_logits", "lm_logits") if name in recorded.expected)
    with torch.no_grad():
        together = model.base_model(input_ids=ids, attention_mask=mask).last_hidden_state
        alone = [model.base_model(input_ids=row[kept.bool()][None]) for row, kept in zip(ids, mask, strict=True)]
        logits = model(input_ids=ids, attention_mask=mask).logits
    in_batch = [states[kept.bool()] for states, kept in zip(together, mask, strict=True)]
    by_itself = [one.last_hidden_state[0] for one in alone]
    found = [
        Found("hidden states, in a batch", _largest(in_batch, wanted), allowed),
        Found("hidden states, each sequence alone", _largest(by_itself, wanted), allowed),
    ]
    if left := recorded.left_padded():
        ids_left, mask_left, states_left = left
        with torch.no_grad():
            given = model.base_model(input_ids=ids_left, attention_mask=mask_left).last_hidden_state
        kept = mask_left.bool()
        found.append(Found("hidden states, padded on the left", _largest([given[kept]], [states_left[kept]]), allowed))
    recorded_logits = recorded.expected[kind]
    if recorded.alone:  # recorded for a batch that is padded on the left: only the longest sequence has no padding
        longest = int(mask.sum(dim=1).argmax())
        logits, recorded_logits = logits[longest], recorded_logits[longest]
    else:
        logits, recorded_logits = logits[mask.bool()], recorded_logits[_mask_of(recorded)]
    return [*found, Found("logits of pretraining", _largest([logits], [recorded_logits]), PRETRAINING * allowed)]


def _mask_of(recorded: Recorded) -> torch.Tensor:
    return torch.tensor(recorded.inputs["attention_mask"]).bool()


def _gradients(model, recorded: Recorded) -> Found:
    """Compare the gradients of the sum of squares of the hidden states of all tokens."""
    ids, mask = recorded.batch()
    model.zero_grad()
    states = model.base_model(input_ids=ids, attention_mask=mask).last_hidden_state
    (states[mask.bool()] ** 2).sum().backward()
    named = dict(model.named_parameters())
    relative = [
        float((named[name].grad - wanted).abs().max() / wanted.abs().max())
        for name, wanted in recorded.expected_gradients().items()
    ]
    return Found("gradients, relative", max(relative), GRADIENTS)


def _classifier(folder: Path, base: BaseModel, recorded: Recorded, allowed: float) -> Found:
    """Compare the logits of the classifier with the head that is beside the model."""
    from transformers import AutoModelForSequenceClassification

    ids, mask = recorded.batch()
    with tempfile.TemporaryDirectory() as name:
        save_file(load_file(folder / "model.safetensors") | recorded.head, Path(name) / "model.safetensors")
        config = base.config()
        config.num_labels = 3
        model = AutoModelForSequenceClassification.from_pretrained(name, config=config, local_files_only=True).eval()
    with torch.no_grad():
        logits = model(input_ids=ids, attention_mask=mask).logits
    wanted = recorded.expected["unpadded.classifier_logits" if recorded.alone else "classifier_logits"]
    return Found("logits of the classifier", _largest([logits], [wanted]), allowed)


def _largest(found: list[torch.Tensor], wanted: list[torch.Tensor]) -> float:
    return max(float((one - other).abs().max()) for one, other in zip(found, wanted, strict=True))


if __name__ == "__main__":
    try:
        main()
    except UserError as problem:
        sys.exit(str(problem))
