"""One training: transformers' Trainer on a model that is ready, from its first step to its best weights."""

import math
import resource
import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from accelerate import DistributedType, PartialState
from torch.nn.parallel import DistributedDataParallel
from transformers import (
    DataCollatorWithPadding,
    PreTrainedTokenizerBase,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from ..classifiers.classifier import adapter_tensors
from ..classifiers.devices import FSDP, Devices
from ..classifiers.inference import PROGRESS_SECONDS
from ..classifiers.processes import environment
from ..data.targets import Target
from ..errors import UserError
from ..options import YES
from ..scores.metrics import ERRORS, score
from .batches import Scored, Sequences, Shuffled
from .optimizer_state import begin_with, check_state, gather_gradients, moments, whole

# Tokens that go through the model at once, about (docs/training.md has the figures).
TOKENS_AT_ONCE = {"cpu": 512, "cuda": 32768}
# On a CPU, narrow models take more tokens, as many as are these numbers in a layer; each of several processes twice as
# many: that is faster, and jobs of more cores have more memory as a rule.
NUMBERS_AT_ONCE = 512 * 256
TIME_LIMIT, ENDED, PATIENCE = "time limit", "ended from outside", "patience"


@dataclass(frozen=True)
class Plan:
    """What one training needs to know, beside the model: the options of the same names, and what follows from them.

    scores: the names of those that are recorded; best_metric: the one of them that chooses, never `auto`.
    deadline: on time.monotonic's clock, or infinity.
    epochs_before: of the trainings that this one goes on from; the orders of their sequences are not used again.
    """

    target: Target
    truth: np.ndarray
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    learning_rate: float
    schedule: str
    warmup: float
    epochs: int
    batch_size: int
    accumulation: int
    weight_decay: float
    gradient_checkpointing: str
    evaluations: int
    scores: tuple[str, ...]
    best_metric: str
    patience: int
    seed: int
    deadline: float
    precision: str
    keep_state: bool
    epochs_before: int = 0


@dataclass
class Trained:
    """The best weights, and a row for each evaluation.

    rows: epoch, train_loss, dev_ and each score, learning_rate, and seconds since the start of the training.
    best: the number of the row whose weights are kept.
    state: the optimizer's moments of each trained parameter at that row, if they were asked for.
    stopped: why before the last epoch, or nothing.
    """

    tensors: dict[str, torch.Tensor] = field(default_factory=dict)
    state: dict[str, torch.Tensor] = field(default_factory=dict)
    rows: list[dict[str, float]] = field(default_factory=list)
    best: int = -1
    stopped: str = ""
    epochs: float = 0.0
    seconds: float = 0.0
    sequences: int = 0
    tokens: int = 0
    peak_bytes: int = 0


def train(
    model: torch.nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    train_set: Sequences,
    dev_set: Sequences,
    plan: Plan,
    devices: Devices,
    progress: Callable[[str], None],
    state: dict[str, torch.Tensor] | None = None,
) -> Trained:
    """Train in place and return the best weights.

    Several processes each call it, in run_together; the first returns the weights.
    state: an optimizer's moments to begin with (see Trained).
    progress: told how it goes; of several processes, in the first one only.
    Raises UserError when the training diverges, or the state does not belong to the model.
    """
    if devices.processes == 1:
        with environment():  # alone, whatever started this process
            return _train(model, tokenizer, train_set, dev_set, plan, devices, progress, state, rank=0)
    rank = torch.distributed.get_rank()
    return _train(model, tokenizer, train_set, dev_set, plan, devices, progress, state, rank)


def _train(
    model: torch.nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    train_set: Sequences,
    dev_set: Sequences,
    plan: Plan,
    devices: Devices,
    progress: Callable[[str], None],
    state: dict[str, torch.Tensor] | None,
    rank: int,
) -> Trained:
    check_state(state or {}, model)
    part = sequences_at_once(plan.batch_size, train_set.lengths(), model.config.hidden_size, devices)
    parts = plan.batch_size // devices.processes // part * plan.accumulation
    steps = math.ceil(math.ceil(len(train_set) / (part * devices.processes)) / parts)
    watch = _Watch(plan, steps, progress if rank == 0 else lambda _: None, state or {})
    scored = Scored(dev_set)
    sharded = devices.processes > 1 and devices.parallel == FSDP
    _leave_shared(model)
    with tempfile.TemporaryDirectory(prefix="training_") as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            learning_rate=plan.learning_rate,
            lr_scheduler_type=plan.schedule if plan.schedule != "constant" else "constant_with_warmup",
            warmup_steps=round(plan.warmup * steps * plan.epochs),
            num_train_epochs=plan.epochs,
            per_device_train_batch_size=part,
            per_device_eval_batch_size=part,
            gradient_accumulation_steps=parts,
            gradient_checkpointing=plan.gradient_checkpointing == YES,
            gradient_checkpointing_kwargs={"use_reentrant": False},
            weight_decay=plan.weight_decay,
            # The watch asks for evaluations and keeps the best weights in memory: no checkpoint is written.
            eval_strategy="no",
            save_strategy="no",
            logging_strategy="no",
            seed=plan.seed,
            data_seed=plan.seed,
            use_cpu=not devices.cuda,
            # accelerate would first make float32 of the whole model; see compute_loss_context_manager.
            bf16=plan.precision == "bf16" and not sharded,
            fp16=plan.precision == "fp16",
            ddp_backend="gloo" if devices.processes > 1 and not devices.cuda else None,
            ddp_find_unused_parameters=False,
            fsdp=sharded,
            report_to="none",
            disable_tqdm=True,
            remove_unused_columns=False,
            dataloader_pin_memory=devices.cuda,
        )
        arguments._n_gpu = min(1, arguments.n_gpu)  # Trainer would else use threads for all that it sees
        trainer = _Trainer(
            model=model,
            args=arguments,
            train_dataset=train_set,
            eval_dataset=scored,
            data_collator=DataCollatorWithPadding(tokenizer),
            compute_metrics=lambda prediction: watch.score(scored.mean_over_strands(_finite(prediction.predictions))),
            callbacks=[watch],
            loss=plan.loss,
            autocast=torch.bfloat16 if plan.precision == "bf16" and sharded else None,
            train_order=Shuffled(train_set.lengths(), plan.batch_size, plan.seed, plan.epochs_before),
        )
        torch.manual_seed(plan.seed + rank)  # each process leaves out other numbers in dropout
        trainer.remove_callback(PrinterCallback)  # prints dictionaries; the watch says sentences
        watch.trainer = trainer
        with watch.listening():
            trainer.train()
    return watch.result


def _leave_shared(model: torch.nn.Module) -> None:
    """Keep DDP from writing what is not trained, which it does to make it the same in all processes: it is.

    Forked processes share that memory until one writes.
    """
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    rest = [name for name, _ in (*model.named_parameters(), *model.named_buffers()) if name not in trained]
    DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(model, rest)


def sequences_at_once(batch_size: int, lengths: np.ndarray, hidden_size: int, devices: Devices) -> int:
    """Return how many sequences of a process's share of a batch go through the model at once: a divisor of the share.

    lengths: of the sequences in tokens; hidden_size: the model's, numbers to a token. The gradients of the parts are
    added up. On a CPU, small parts stay in its caches and take less memory.
    """
    share = batch_size // devices.processes
    tokens = TOKENS_AT_ONCE["cuda" if devices.cuda else "cpu"]
    if not devices.cuda:
        numbers = NUMBERS_AT_ONCE if devices.processes == 1 else 2 * NUMBERS_AT_ONCE
        tokens = max(tokens, numbers // hidden_size)
    most = max(1, int(tokens / np.quantile(lengths, 0.9)))
    return max(part for part in range(1, share + 1) if share % part == 0 and part <= most)


class _Trainer(Trainer):
    """Trainer with our loss and our order of sequences."""

    def __init__(self, *, loss, train_order: Shuffled, autocast: torch.dtype | None, **keywords):
        self.autocast = autocast
        super().__init__(**keywords)
        self.loss = loss
        self.train_order = train_order
        self.model_accepts_loss_kwargs = False  # the loss is a mean over a batch

    def create_accelerator_and_postprocess(self):
        if self.args.fsdp and self.args.use_cpu:
            # accelerate shards for GPUs alone, though torch can do it on CPUs as well: that is for testing.
            PartialState().distributed_type = DistributedType.MULTI_GPU
        super().create_accelerator_and_postprocess()

    def compute_loss_context_manager(self):
        if self.autocast is None:
            return super().compute_loss_context_manager()
        return torch.autocast(self.args.device.type, dtype=self.autocast)

    def _get_train_sampler(self, train_dataset=None):
        return self.train_order

    def floating_point_ops(self, inputs) -> int:
        return 0  # nobody is told of them, and counting goes through all modules for each part of a batch

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        wanted = inputs.pop("labels")
        logits = model(**inputs).logits.float()
        loss = self.loss(logits, wanted)
        if not torch.isfinite(loss):
            raise UserError(
                f"the training diverged: after {self.state.global_step} steps the loss is no longer a number, at a "
                f"learning rate of {self._get_learning_rate():.3g}; choose a smaller learning rate or LoRA alpha"
            )
        return (loss, {"logits": logits}) if return_outputs else loss


class _Watch(TrainerCallback):
    """Says how the training goes, asks for evaluations, keeps the best weights, and ends the training early."""

    def __init__(self, plan: Plan, steps: int, progress: Callable[[str], None], first_state: dict[str, torch.Tensor]):
        self.plan = plan
        self.first_state = first_state
        self.progress = progress
        self.result = Trained()
        self.trainer: Any = None
        # The steps within an epoch, from 1, after which dev is scored.
        self.scored_steps = {round(part * steps / plan.evaluations) for part in range(1, plan.evaluations + 1)} - {0}
        self.steps = steps
        self.since_best = 0
        self.asked_to_end = False
        self.started = self.said = time.monotonic()

    def listening(self):
        return _Signals(self)

    def score(self, outputs: np.ndarray) -> dict:
        """Score the outputs of dev, (n, outputs); for Trainer there is nothing to add to its own figures."""
        self.scores = score(self.plan.target, self.plan.truth, self.plan.target.answers(outputs))
        return {}

    # --- Trainer's events --------------------------------------------------------------------------------------------

    def on_train_begin(self, args, state, control, **_):
        self.started = self.said = time.monotonic()
        begin_with(self.first_state, self._model(), self._optimizer())
        gather_gradients(self._model())

    def on_step_end(self, args, state, control, **_):
        now = time.monotonic()
        if state.global_step == 1:
            self.progress(f"first step after {now - self.started:.1f} s of training")
        if reason := self._reason_to_end(now):
            self.result.stopped = reason
            control.should_training_stop = True
            # Ended from outside, there may be little time: what was scored before is good enough.
            ask = reason == TIME_LIMIT or not self.result.rows
            control.should_evaluate = control.should_log = ask
            return
        step = (state.global_step - 1) % self.steps + 1
        if step in self.scored_steps:
            control.should_evaluate = control.should_log = True
        if now - self.said > PROGRESS_SECONDS:
            self.said = now
            left = (now - self.started) / state.global_step * (state.max_steps - state.global_step)
            self.progress(f"epoch {state.epoch:.2f} of {self.plan.epochs}, at most {_duration(left)} left")

    def on_log(self, args, state, control, logs, **_):
        if "loss" in logs:
            self.logged = logs

    def on_evaluate(self, args, state, control, **_):
        plan, result, scores = self.plan, self.result, self.scores
        seconds = time.monotonic() - self.started
        result.rows.append(
            {
                "epoch": round(state.epoch, 3),
                "train_loss": self.logged["loss"],
                **{f"dev_{name}": scores[name] for name in plan.scores},
                "learning_rate": self.logged["learning_rate"],
                "seconds": round(seconds, 1),
            }
        )
        value = scores[plan.best_metric]
        merit = -math.inf if math.isnan(value) else -value if plan.best_metric in ERRORS else value
        # Of equal ones the first is kept: the others took more training for nothing.
        if result.best < 0 or merit > self.best:
            self.best, self.since_best = merit, 0
            result.best = len(result.rows) - 1
            # All processes are asked, since each may have a part; the first one's result is the one that is written.
            tensors = self._tensors()
            moved = moments(self._model(), self._optimizer()) if plan.keep_state else {}
            if state.is_world_process_zero:
                result.tensors, result.state = tensors, moved
        else:
            self.since_best += 1
        shown = "" if plan.best_metric == "loss" else f", {plan.best_metric} {value:.4f}"
        self.progress(
            f"epoch {state.epoch:.4g} of {plan.epochs}: train loss {self.logged['loss']:.4f}, dev loss "
            f"{scores['loss']:.4f}{shown}{'' if self.since_best else ' (best)'}, {_duration(seconds)}"
        )
        if plan.patience and self.since_best >= plan.patience and not result.stopped:
            result.stopped = PATIENCE if state.global_step < state.max_steps else ""
            control.should_training_stop = True

    def on_train_end(self, args, state, control, **_):
        result = self.result
        result.epochs = state.epoch
        result.peak_bytes = _peak_bytes()
        result.seconds = time.monotonic() - self.started
        result.sequences = round(state.epoch * len(self.trainer.train_dataset))
        result.tokens = round(state.epoch * self.trainer.train_order.lengths.mean(axis=1).sum())

    # --- helpers -----------------------------------------------------------------------------------------------------

    def _reason_to_end(self, now: float) -> str:
        """All processes must end at the same step: each says what it knows, and the highest counts for all."""
        known = 2 if self.asked_to_end else 1 if now > self.plan.deadline else 0
        if torch.distributed.is_initialized():
            shared = torch.tensor([known], device=self.trainer.args.device)
            torch.distributed.all_reduce(shared, op=torch.distributed.ReduceOp.MAX)
            known = int(shared)
        return ("", TIME_LIMIT, ENDED)[known]

    def _tensors(self) -> dict[str, torch.Tensor]:
        return {name: whole(tensor) for name, tensor in adapter_tensors(self._model()).items()}

    def _model(self) -> torch.nn.Module:
        """Return the model as it is trained, on a GPU or in parts."""
        return self.trainer.accelerator.unwrap_model(self.trainer.model_wrapped)

    def _optimizer(self) -> torch.optim.Optimizer:
        return getattr(self.trainer.optimizer, "optimizer", self.trainer.optimizer)


class _Signals:
    """While the training goes on, SIGTERM and SIGINT end it at the next step instead of ending the process.

    Once they have, they are ignored: what is left to do is to write what was trained, and they often come twice.
    """

    def __init__(self, watch: _Watch):
        self.watch = watch
        self.before: dict[int, Any] = {}

    def __enter__(self):
        def ask(_number, _frame):
            self.watch.asked_to_end = True

        for number in (signal.SIGTERM, signal.SIGINT):
            self.before[number] = signal.signal(number, ask)

    def __exit__(self, *_):
        for number, handler in self.before.items():
            signal.signal(number, signal.SIG_IGN if self.watch.asked_to_end else handler)


def _finite(outputs: np.ndarray) -> np.ndarray:
    if not np.isfinite(outputs).all():
        raise UserError(
            "the training diverged: the model's outputs are no longer numbers; choose a smaller learning rate or LoRA "
            "alpha"
        )
    return outputs.astype(np.float64)


def _peak_bytes() -> int:
    """Of the GPU if there is one, else of this process."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux counts in KiB


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
