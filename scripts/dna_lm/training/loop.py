"""One training: a model that is ready, from its first step to its best weights."""

import resource
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from transformers import get_scheduler

from ..base_models.architectures import NOT_DECAYED
from ..classifiers.building import adapter_tensors
from ..data.targets import Target
from ..errors import UserError
from ..processes.devices import Devices
from ..processes.inference import PROGRESS_SECONDS, batches
from ..scores.metrics import score
from ..scores.registry import DEFAULT_METRIC
from .batches import Scored, Sequences, Steps
from .choosing import Best, same_prediction
from .durations import duration
from .losses import Objective
from .micro_batches import deal, most_at_once
from .optimizer_state import begin_with, check_state, full_tensor, gather_gradients, moments
from .options import OptimizationOptions
from .parallel import Parallel

TIME_LIMIT, ENDED, PATIENCE = "time limit", "ended from outside", "patience"
DIVERGED = "choose a smaller learning rate or LoRA alpha"


@dataclass(frozen=True)
class Plan:
    """What one training needs to know, beside the model.

    options: with what was left to the program filled in: a batch size that is not 0, a best metric that is not `auto`.
    truth: of dev, as the target reads it. scores: the names of those that are recorded.
    precision: `fp32`, `bf16` or `fp16`. keep_state: whether the optimizer's moments are kept with the best weights.
    deadline: on time.monotonic's clock, or infinity.
    tokens_at_once: of a micro-batch, see micro_batches.
    epochs_before: of the training runs that this one continues; the orders of their sequences are not used again.
    """

    options: OptimizationOptions
    devices: Devices
    train_set: Sequences
    dev_set: Sequences
    pad_token_id: int
    target: Target
    truth: np.ndarray
    loss: Objective
    scores: tuple[str, ...]
    seed: int
    deadline: float
    precision: str
    keep_state: bool
    tokens_at_once: int
    epochs_before: int = 0


@dataclass
class Trained:
    """The best weights, and a row for each evaluation.

    rows: epoch, train_loss, dev_ and each score, learning_rate, and seconds since the start of the training. The
        train_loss is the mean since the row before, weighted as in training.
    best: the number of the row whose weights are kept.
    outputs: of those weights for dev, the mean over the strands, (n, outputs) float64.
    state: the optimizer's moments of each trained parameter at that row, if they were asked for.
    stopped: why before the last epoch, or nothing.
    same: what the kept weights predict for every sequence of dev, in words, if it is the same for all (see choosing).
    """

    tensors: dict[str, torch.Tensor] = field(default_factory=dict)
    outputs: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    state: dict[str, torch.Tensor] = field(default_factory=dict)
    rows: list[dict[str, float]] = field(default_factory=list)
    best: int = -1
    stopped: str = ""
    same: str = ""
    epochs: float = 0.0
    seconds: float = 0.0
    sequences: int = 0
    tokens: int = 0
    peak_bytes: int = 0


def train(
    model: torch.nn.Module,
    plan: Plan,
    progress: Callable[[str], None],
    state: dict[str, torch.Tensor] | None = None,
) -> Trained:
    """Train in place and return the best weights.

    Several processes each call it, in run_together; the first returns the weights.
    state: an optimizer's moments to begin with (see Trained).
    progress: told how it goes; of several processes, in the first one only.
    Raises UserError when the training diverges, or the state does not belong to the model.
    """
    check_state(state or {}, model)
    return _Training(model, plan, progress, state or {}).run()


class _Training:
    """A training in one process, alone or with others that do the same at the same time."""

    def __init__(
        self,
        model: torch.nn.Module,
        plan: Plan,
        progress: Callable[[str], None],
        state: dict[str, torch.Tensor],
    ):
        options = plan.options
        self.plan, self.scored = plan, Scored(plan.dev_set)
        size = min(options.batch_size * options.accumulation, len(plan.train_set))
        self.steps = Steps(plan.train_set.lengths(), size, plan.seed, plan.epochs_before)
        self.most_at_once = most_at_once(options.batch_size, plan.devices)
        self.all_steps = len(self.steps) * options.epochs
        # The steps within an epoch, from 1, after which dev is scored.
        parts = range(1, options.evaluations + 1)
        self.scored_steps = {round(part * len(self.steps) / options.evaluations) for part in parts} - {0}
        self.parallel = Parallel(model, plan.devices, plan.precision)
        self.progress = progress if self.parallel.rank == 0 else lambda _: None
        self.optimizer = _optimizer(model, options)
        begin_with(state, model, self.optimizer)
        gather_gradients(model)
        self.schedule = get_scheduler(
            options.schedule if options.schedule != "constant" else "constant_with_warmup",
            self.optimizer,
            num_warmup_steps=round(options.warmup * self.all_steps),
            num_training_steps=self.all_steps,
        )
        self.best = Best(options.best_metric, options.patience * len(self.steps))
        self.result = Trained()
        self.done = 0  # steps
        self.losses = np.zeros(2)  # sums since the last evaluation, of this process: weighted losses, and weights
        self.asked_to_end = False
        self.started = self.reported = time.monotonic()

    @property
    def epoch(self) -> float:
        return self.done / len(self.steps)

    def run(self) -> Trained:
        torch.manual_seed(self.plan.seed + self.parallel.rank)  # each process leaves out other numbers in dropout
        self.started = self.reported = time.monotonic()
        with _Signals(self):
            self._train()
        result = self.result
        result.epochs = self.epoch
        result.seconds = time.monotonic() - self.started
        result.peak_bytes = _peak_bytes()
        return result

    def _train(self) -> None:
        self.parallel.model.train()
        for epoch in range(self.plan.options.epochs):
            for number, (numbers, strands) in enumerate(self.steps.of(epoch), start=1):
                self._step(numbers, strands)
                self.result.stopped = self._reason_to_end()
                if self.result.stopped:
                    # Ended from outside, there may be little time: what was scored before is good enough.
                    if self.result.stopped == TIME_LIMIT or not self.result.rows:
                        self._evaluate()
                    return
                if number in self.scored_steps:
                    self._evaluate()
                    if self.done < self.all_steps and self.best.enough(self.done):
                        self.result.stopped = PATIENCE
                        return
                self._say_how_far()

    # --- a step ------------------------------------------------------------------------------------------------------

    def _step(self, numbers: np.ndarray, strands: np.ndarray) -> None:
        plan, parallel = self.plan, self.parallel
        lengths = self.steps.lengths[numbers, strands]
        wanted = torch.as_tensor(plan.train_set.wanted[numbers])
        weights = plan.loss.weights(wanted)
        # The gradients are averaged over the processes: the sum of a step's losses is wanted.
        share = parallel.processes / float(weights.sum())
        shares = deal(lengths, parallel.processes, plan.tokens_at_once, self.most_at_once)[parallel.rank]
        for number, chosen in enumerate(shares, start=1):
            idle = not len(chosen)
            if idle:  # other processes wait for this one's gradients: those of a sequence that counts 0
                chosen = np.array([lengths.argmin()])
            weight = (weights[chosen] * (not idle)).to(parallel.device)
            with parallel.adding_up(last=number == len(shares)):
                outputs = parallel.outputs(plan.train_set.tokens(numbers[chosen], strands[chosen]), plan.pad_token_id)
                loss = (weight * plan.loss.losses(outputs, wanted[chosen].to(parallel.device))).sum()
                self.losses += self._finite(loss), float(weight.sum())
                parallel.backward(loss * share)
        if parallel.step(self.optimizer, plan.options.max_grad_norm):
            self.schedule.step()
        self.done += 1
        self.result.sequences += len(numbers)
        self.result.tokens += int(lengths.sum())
        if self.done == 1:
            self.progress(f"first step after {time.monotonic() - self.started:.1f} s of training")

    def _finite(self, loss: torch.Tensor) -> float:
        value = float(loss.detach())
        if not np.isfinite(value):
            raise UserError(
                f"the training diverged: after {self.done} steps the loss is no longer a number, at a learning rate of "
                f"{self.schedule.get_last_lr()[0]:.3g}; {DIVERGED}"
            )
        return value

    def _reason_to_end(self) -> str:
        """All processes must end at the same step: each says what it knows, and the highest counts for all."""
        late = time.monotonic() > self.plan.deadline and self.done < self.all_steps
        return ("", TIME_LIMIT, ENDED)[self.parallel.highest(2 if self.asked_to_end else int(late))]

    def _say_how_far(self) -> None:
        now = time.monotonic()
        if now - self.reported > PROGRESS_SECONDS and self.done < self.all_steps:
            self.reported = now
            left = (now - self.started) / self.done * (self.all_steps - self.done)
            self.progress(f"epoch {self.epoch:.2f} of {self.plan.options.epochs}, at most {duration(left)} left")

    # --- an evaluation -----------------------------------------------------------------------------------------------

    def _evaluate(self) -> None:
        plan, result, target = self.plan, self.result, self.plan.target
        outputs = self._dev_outputs()
        predictions = target.predictions(outputs)
        scores = score(target, plan.truth, predictions)
        losses, weights = self.parallel.total(self.losses)
        self.losses = np.zeros(2)
        seconds = time.monotonic() - self.started
        row = {"epoch": round(self.epoch, 3), "train_loss": float(losses / weights)}
        row |= {f"dev_{name}": scores[name] for name in plan.scores}
        row |= {"learning_rate": self.schedule.get_last_lr()[0], "seconds": round(seconds, 1)}
        result.rows.append(row)
        better = self.best.better(scores, self.done)
        if better:
            result.best = len(result.rows) - 1
            # All processes are asked, since each may have a part; the first one's result is the one that is written.
            tensors = {name: full_tensor(tensor) for name, tensor in adapter_tensors(self.parallel.model).items()}
            moved = moments(self.parallel.model, self.optimizer) if plan.keep_state else {}
            if self.parallel.rank == 0:
                result.tensors, result.outputs, result.state = tensors, outputs, moved
                result.same = same_prediction(target, predictions)
        best = plan.options.best_metric
        shown = best if best != "loss" else DEFAULT_METRIC[target.kind]
        self.progress(
            f"epoch {self.epoch:.4g} of {plan.options.epochs}: training loss {row['train_loss']:.4f}, development loss "
            f"{scores['loss']:.4f}, {shown} {scores[shown]:.4f}{' (best)' if better else ''}, {duration(seconds)}"
        )

    def _dev_outputs(self) -> np.ndarray:
        """Return the outputs for the sequences of dev, the mean over their strands, (n, outputs) float64."""
        parallel, scored = self.parallel, self.scored
        groups = batches(scored.lengths, len(scored.lengths), self.plan.tokens_at_once)
        assigned = groups[parallel.rank :: parallel.processes]
        outputs = np.zeros((len(scored.lengths), self.plan.target.outputs))
        parallel.model.eval()
        with torch.no_grad():
            for number in range(-(-len(groups) // parallel.processes)):
                # With FSDP the processes compute each layer together: one that has nothing left computes all the same.
                chosen = assigned[number] if number < len(assigned) else groups[-1]
                tokens = self.plan.dev_set.tokens(scored.numbers[chosen], scored.strands[chosen])
                found = parallel.outputs(tokens, self.plan.pad_token_id).double().cpu().numpy()
                if number < len(assigned):
                    outputs[chosen] = found
        parallel.model.train()
        outputs = parallel.total(outputs)
        if not np.isfinite(outputs).all():
            raise UserError(f"the training diverged: the model's outputs are no longer numbers; {DIVERGED}")
        return scored.mean_over_strands(outputs)


def _optimizer(model: torch.nn.Module, options: OptimizationOptions) -> torch.optim.Optimizer:
    """Return AdamW; biases, norms and other vectors, and NOT_DECAYED, do not decay."""
    decaying, others = [], []
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            decays = parameter.ndim > 1 and not NOT_DECAYED & {*name.split(".")}
            (decaying if decays else others).append(parameter)
    groups = [
        {"params": decaying, "weight_decay": options.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=options.learning_rate, fused=True)


class _Signals:
    """While the training goes on, SIGTERM and SIGINT end it at the next step instead of ending the process.

    Once they have, they are ignored: what is left to do is to write what was trained, and they often come twice.
    """

    def __init__(self, training: _Training):
        self.training = training
        self.before: dict[int, Any] = {}

    def __enter__(self):
        def ask(_number, _frame):
            self.training.asked_to_end = True

        for number in (signal.SIGTERM, signal.SIGINT):
            self.before[number] = signal.signal(number, ask)

    def __exit__(self, *_):
        for number, handler in self.before.items():
            signal.signal(number, signal.SIG_IGN if self.training.asked_to_end else handler)


def _peak_bytes() -> int:
    """Of the GPU if there is one, else of this process."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux counts in KiB
