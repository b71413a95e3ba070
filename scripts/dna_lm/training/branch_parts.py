"""Training of the classifiers that read nucleotides, each on its own."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from ..adapters.dataset import Adapter
from ..baselines.evaluation_baselines import STRENGTHS, learned_from
from ..baselines.kmer_baseline import kmer_features
from ..baselines.names import CONVOLUTION, KMERS, MOTIFS
from ..branch.codes import nucleotide_codes
from ..branch.convolution import Convolution
from ..branch.linear import linear
from ..branch.motif_scores import MotifScores
from ..branch.network import Branch, KmerPart, MotifPart, both_strands, of_strand
from ..branch.of_adapter import branch_of
from ..branch.record import saved
from ..branch.selecting import selected
from ..classifiers.building import load_tensors
from ..data.packing import PAD, codes_of
from ..data.sequences import reverse_complement
from ..motifs.motif import Motif
from ..processes.engine import Engine
from ..processes.inference import PROGRESS_SECONDS
from ..words import BOTH
from .batches import Sequences, Tokens
from .choosing import LOSS
from .launching import trained
from .loop import Plan

# Sequences whose scores of motifs are on the way at once.
SCORED_AT_ONCE = 1_000
# How the convolution is trained: as many epochs as give this many steps, within limits; the best one is kept.
STEPS, FEWEST_EPOCHS, MOST_EPOCHS, BATCH, LEARNING_RATE, PATIENCE = 1500, 8, 30, 32, 0.003, 10
# Nucleotides that go through it at once, padding included.
NUCLEOTIDES_AT_ONCE = 8192


@dataclass(frozen=True)
class Parts:
    """The classifiers by name, and their outputs for dev, (n, outputs), the mean over the strands.

    tensors, record: as an adapter keeps them (see branch/record.py); the weights are not decided yet.
    """

    modules: dict[str, nn.Module]
    outputs: dict[str, np.ndarray]
    tensors: dict[str, torch.Tensor]
    record: dict[str, Any]


def trained_parts(
    plan: Plan,
    sequences: Mapping[str, Sequence[str]],
    truth: np.ndarray,
    motifs: Sequence[Motif],
    source: str,
    strands: str,
    progress: Callable[[str], None],
) -> Parts:
    """Train each part on the training sequences; what is left open is chosen on dev.

    plan: of the language model; its target, loss, seed, devices and deadline are these parts' as well.
    sequences: normalized, of `train` and of `dev`. truth: of train, as Target.read gives it.
    motifs: those to look for; none: there is no such part. source: where they are from.
    strands: `both`, or `forward`: the convolution reads them.
    """
    weights = plan.loss.weights(torch.as_tensor(plan.train_set.wanted)).numpy()
    linear_weights = None if (weights == weights[0]).all() else weights
    modules: dict[str, nn.Module] = {}
    kept: list[Motif] = []
    if motifs:
        modules[MOTIFS], kept = motif_part(plan, sequences, truth, motifs, linear_weights)
        progress(f"{len(kept)} of {len(motifs):,} known motifs are used")
    modules[KMERS] = _kmer_part(plan, sequences, truth, linear_weights)
    modules[CONVOLUTION], _ = convolution_part(plan, sequences, strands, progress)
    outputs = outputs_of(plan, modules, sequences["dev"], strands)
    return Parts(modules, outputs, *saved(Branch(modules, dict.fromkeys(modules, 1.0)), kept, source))


def parts_of(plan: Plan, adapter: Adapter, dev: Sequence[str], strands: str) -> Parts | None:
    """Return the parts of an adapter as they are, or None if it has none.

    dev: normalized sequences. The other parameters are those of trained_parts.
    Raises UserError for an adapter that this program has not made.
    """
    branch = branch_of(adapter)
    if branch is None:
        return None
    modules = dict(branch.parts.items())
    return Parts(modules, outputs_of(plan, modules, dev, strands), adapter.branch, adapter.task["branch"])


def outputs_of(
    plan: Plan, modules: Mapping[str, nn.Module], sequences: Sequence[str], strands: str
) -> dict[str, np.ndarray]:
    """Return the outputs of each part, (n, outputs) float64, the mean over the strands.

    sequences: normalized. strands: `both`, `forward` or `reverse`.
    """
    alone = {
        number: Branch({name: module}, {name: 1.0}).eval() for number, (name, module) in enumerate(modules.items())
    }
    with Engine(alone, PAD, processes=plan.devices.processes, read_out=both_strands) as engine:
        both = engine.outputs(nucleotide_codes(sequences), list(alone))
    return dict(zip(modules, of_strand(both, strands).mean(axis=0), strict=True))


def _loss_on_dev(plan: Plan) -> Callable[[np.ndarray], float]:
    wanted = torch.as_tensor(plan.dev_set.wanted)
    weights = plan.loss.weights(wanted)

    def loss(outputs: np.ndarray) -> float:
        losses = plan.loss.losses(torch.from_numpy(outputs.astype(np.float32)), wanted)
        return float((weights * losses).sum() / weights.sum())

    return loss


def motif_part(
    plan: Plan,
    sequences: Mapping[str, Sequence[str]],
    truth: np.ndarray,
    motifs: Sequence[Motif],
    weights: np.ndarray | None,
) -> tuple[MotifPart, list[Motif]]:
    """Return the part and the motifs that it keeps; weights: of the training sequences, None if all are alike.

    The other parameters are those of trained_parts.
    """
    chosen = learned_from(plan.target, sequences["train"], truth, MOTIFS, plan.seed)
    texts = [sequences["train"][number] for number in chosen], sequences["dev"]
    log_odds = [motif.log_odds() for motif in motifs]
    with Engine({0: MotifScores(log_odds).eval()}, PAD, processes=plan.devices.processes, read_out=_scores) as engine:
        scores = tuple(_scored(engine, part, len(motifs)) for part in texts)
    del engine  # and with it the tables of all motifs
    numbers, model = selected(
        plan.target, scores, truth[chosen], _loss_on_dev(plan), None if weights is None else weights[chosen]
    )
    part = MotifPart([log_odds[number] for number in numbers], plan.target.outputs)
    part.set(model)
    return part, [motifs[number] for number in numbers]


def _scored(engine: Engine, sequences: Sequence[str], motifs: int) -> np.ndarray:
    """Return the scores of motifs, (n, motifs) float64, which scikit-learn would make of others in a second copy."""
    result = np.empty((len(sequences), motifs))
    for first in range(0, len(sequences), SCORED_AT_ONCE):
        part = sequences[first : first + SCORED_AT_ONCE]
        result[first : first + len(part)] = engine.outputs(nucleotide_codes(part))[0]
    return result


def _scores(model: nn.Module, codes: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Read out the scores of motifs, (n, motifs) float32."""
    return model(codes, mask.sum(dim=1))


def _kmer_part(
    plan: Plan, sequences: Mapping[str, Sequence[str]], truth: np.ndarray, weights: np.ndarray | None
) -> KmerPart:
    chosen = learned_from(plan.target, sequences["train"], truth, KMERS, plan.seed)
    train = kmer_features([sequences["train"][number] for number in chosen])
    dev = kmer_features(list(sequences["dev"]))
    loss, chosen_weights = _loss_on_dev(plan), None if weights is None else weights[chosen]
    models = [linear(plan.target, train, truth[chosen], strength, chosen_weights) for strength in STRENGTHS[KMERS]]
    part = KmerPart(plan.target.outputs)
    part.set(min(models, key=lambda model: loss(model.outputs(dev))))
    return part


def convolution_part(
    plan: Plan, sequences: Mapping[str, Sequence[str]], strands: str, progress: Callable[[str], None]
) -> tuple[Convolution, str]:
    """Return the part, and why its training stopped before the last epoch, or nothing (see loop.Trained).

    The parameters are those of trained_parts.
    """
    torch.manual_seed(plan.seed)
    part = Convolution(plan.target.outputs)
    model = Branch({CONVOLUTION: part}, {CONVOLUTION: 1.0})
    sets = {name: _read(sequences[name], strands) for name in ("train", "dev")}
    steps = -(-len(sequences["train"]) // BATCH)
    options = replace(
        plan.options,
        learning_rate=LEARNING_RATE,
        schedule="linear",
        warmup=0.05,
        epochs=min(MOST_EPOCHS, max(FEWEST_EPOCHS, -(-STEPS // steps))),
        batch_size=BATCH,
        accumulation=1,
        weight_decay=0.01,
        max_grad_norm=1.0,
        evaluations=1,
        best_metric=LOSS,
        patience=PATIENCE,
    )
    result = trained(
        model,
        replace(
            plan,
            options=options,
            train_set=Sequences(sets["train"], plan.train_set.wanted),
            dev_set=Sequences(sets["dev"], plan.dev_set.wanted),
            pad_token_id=PAD,
            precision="fp32",
            keep_state=False,
            tokens_at_once=NUCLEOTIDES_AT_ONCE,
        ),
        _seldom(lambda text: progress(f"convolutional network: {text}")),
    )
    load_tensors(model, result.tensors)
    best = result.rows[result.best]
    progress(
        f"convolutional network: epoch {best['epoch']:g} of {options.epochs} had the lowest loss on sequences that "
        f"it does not learn from, {best['dev_loss']:.4f}"
    )
    return part, result.stopped


def _seldom(progress: Callable[[str], None]) -> Callable[[str], None]:
    """Return a function that passes on what it is told every few seconds; epochs of a small network are many."""
    told = time.monotonic()

    def tell(text: str) -> None:
        nonlocal told
        if time.monotonic() - told > PROGRESS_SECONDS:
            told = time.monotonic()
            progress(text)

    return tell


def _read(sequences: Sequence[str], strands: str) -> list[Tokens]:
    """Return the codes of the strand given, or of both."""
    read = [sequences, map(reverse_complement, sequences)] if strands == BOTH else [sequences]
    return [Tokens(map(codes_of, texts)) for texts in read]
