"""The ladder's models that read nucleotides with a network: known motifs alone, and a small convolutional network.

They are those that fine-tuning adds to a language model (training/branch_parts.py), here each on its own.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from ..adapters.dataset import Adapter
from ..baselines.evaluation_baselines import learned_from
from ..baselines.names import CONVOLUTION, MOTIFS, title
from ..data.packing import PAD
from ..data.targets import Target
from ..errors import UserError
from ..motifs.motif import Motif
from ..processes.children import forkable
from ..processes.devices import DDP, Devices, choose_devices, device
from ..processes.threads import job_threads
from ..scores.registry import EVERY_EPOCH
from ..training.batches import Sequences
from ..training.branch_parts import BATCH, convolution_part, motif_part, outputs_of
from ..training.loop import ENDED, Plan
from ..training.losses import loss_function
from ..training.options import OptimizationOptions
from ..words import BOTH, FORWARD, MOTIF_GROUPS, NONE, RECORDED, VERTEBRATES
from .held_out import held_out


def motif_group(asked: str, adapter: Adapter) -> str:
    """Return the group of organisms whose motifs are looked for, or `none`.

    asked: the option; `recorded` takes that of the adapter's training, and vertebrates if it recorded none.
    """
    if asked != RECORDED:
        return asked
    options = adapter.training.get("options")
    recorded = options.get("motifs") if isinstance(options, dict) else None
    return recorded if recorded in (*MOTIF_GROUPS, NONE) else VERTEBRATES


def nucleotide_rungs(
    target: Target,
    train_sequences: Sequence[str],
    train_truth: np.ndarray,
    sequences: Sequence[str],
    *,
    motifs: Sequence[Motif],
    strand: str,
    seed: int = 42,
    progress: Callable[[str], None] = lambda text: None,
) -> dict[str, np.ndarray]:
    """Train the models on one set of sequences; return the predictions of each, (n, outputs), for another.

    MOTIFS: a linear model on how well known motifs fit the sequence; without motifs there is none. CONVOLUTION: a
    network that starts from random weights. What is chosen, which motifs and which epoch, is chosen on sequences held
    out of the training set.
    motifs: those to look for. strand: the one that is scored; the network learns from
    both strands if both are, else from the given one.
    The other parameters are those of evaluation_baselines.baselines.
    Raises UserError when the system asks the job to end.
    """
    result = {}
    with forkable():
        for name in [MOTIFS, CONVOLUTION] if motifs else [CONVOLUTION]:
            chosen = learned_from(target, train_sequences, train_truth, name, seed)
            texts, truth = [train_sequences[number] for number in chosen], train_truth[chosen]
            progress(f"baseline: {title(name, target.kind)}, trained on {len(texts):,} sequences")
            learned, out = held_out(target, texts, truth, seed)
            parts = {"train": [texts[number] for number in learned], "dev": [texts[number] for number in out]}
            plan = _plan(target, truth[learned], truth[out], seed)
            if name == MOTIFS:
                part, kept = motif_part(plan, parts, truth[learned], motifs, None)
                progress(f"{len(kept)} of {len(motifs):,} known motifs are used")
            else:
                part, stopped = convolution_part(plan, parts, BOTH if strand == BOTH else FORWARD, progress)
                if stopped == ENDED:
                    raise ended()
            result[name] = target.predictions(outputs_of(plan, {name: part}, sequences, strand)[name])
    return result


def ended() -> UserError:
    """Return the error of a job that the system asked to end while a model of the ladder was trained."""
    return UserError(
        "the system asked the job to end while simpler models were trained; run it again with a longer time limit, or "
        'set "Compare with simpler models" to "No" (--baselines no)'
    )


def training_devices(batch_size: int) -> Devices:
    """Return where a model is trained: on a GPU in this process, which has used it before and cannot be forked."""
    if device().type == "cuda":
        return Devices(True, 1, job_threads(), DDP)
    return choose_devices(job_threads(), batch_size)


def _plan(target: Target, learned: np.ndarray, out: np.ndarray, seed: int) -> Plan:
    """learned, out: the truth of the sequences that are learned from, and of those that choose."""
    return Plan(
        options=OptimizationOptions(),
        devices=training_devices(BATCH),
        train_set=Sequences([], target.for_training(learned)),
        dev_set=Sequences([], target.for_training(out)),
        pad_token_id=PAD,
        target=target,
        truth=out,
        loss=loss_function(target, learned),
        scores=EVERY_EPOCH[target.kind],
        seed=seed,
        deadline=math.inf,
        precision="fp32",
        keep_state=False,
        tokens_at_once=0,  # see branch_parts
    )
