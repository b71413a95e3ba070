"""How much memory and time a training will take, told before it starts.

A few sequences of random tokens go through the model itself, forwards and backwards, on the device and in the precision
of the training. What autograd keeps of them grows by the same amount with each sequence, and so does the time, so that
one sequence and a few of them give both for any batch. That holds for every architecture, adapter and quantization,
where formulas in the sizes of a model (such as Korthikanti et al. 2022, arXiv:2205.05198, for the activations) hold for
one kind of layer. Nothing is trained, and torch's random numbers go on as if nothing had been.
"""

import contextlib
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import torch
from torch import nn

from ..errors import UserError
from ..processes.inference import batches, forward
from .durations import duration

# Bytes a trained parameter takes beside its value, all in float32: its gradient and the two moments of AdamW
# (Loshchilov and Hutter 2019); the copy of the best evaluation, which one process keeps; and in each of several
# processes a value of its own and what DDP adds up in.
TRAINED_BYTES, BEST_BYTES, TOGETHER_BYTES = 12, 4, 8
# Memory that a training takes over what autograd keeps, for gradients of activations and the allocator. The C library's
# leaves gaps between tensors of less than 32 MB that no other tensor fills: more than twice the size of the tensors.
# Measured on the CPU by dev/bench/estimates.py; on GPUs not yet.
ACTIVATIONS = {"cpu": 3.3, "cuda": 1.25}
# Share of it that gradient checkpointing leaves on the CPU, where the gaps remain; on a GPU it leaves far less.
CHECKPOINTED = 0.6
# What libraries take that are loaded only when training begins (the trainer, the optimizer, metrics): bytes.
PROCESS = {"cpu": 160e6, "cuda": 0}
# Bytes of what was there before the training that each of several forked processes has a copy of, since Python writes
# to its objects when it uses them. Measured on the CPU (two processes: 20 to 46 MB each).
COPIED = 40e6
# Seconds a trained parameter adds to a step (AdamW, clipping), on the CPU and on a GPU.
STEP_SECONDS = {"cpu": 5e-9, "cuda": 1e-10}
# Tokens of a trial, at most, and tries of which the fastest counts: another program may disturb one.
TRIAL_TOKENS = 512
TRIES = 1
UNLIMITED = 1 << 60  # what a version 1 control group without limit has is about 1 << 63


@dataclass(frozen=True)
class Estimate:
    """Memory at the peak of a training in bytes, and its time in seconds until its last epoch.

    The memory is that of the computer for a training on the CPU, and else that of each GPU.

    fixed: bytes of each process that do not depend on the batch: program, weights, gradients and optimizer. What
        processes share is counted in equal parts.
    sequence: bytes of activations that each of the longest sequences adds.
    checkpointed: the same with gradient checkpointing.
    at_once: of the longest sequences, how many go through the model at once in each process.
    checkpointing: whether the model has gradient checkpointing on.
    longest: tokens of the longest sequence.
    """

    bytes: int
    seconds: float
    fixed: int
    sequence: int
    checkpointed: int
    at_once: int
    checkpointing: bool
    processes: int = 1
    longest: int = 1

    def fitting(self, available: int) -> int:
        """Return how many of the longest sequences fit at once into the memory of that many bytes; 0 if none does."""
        room = available / self.processes - self.fixed
        each = self.checkpointed if self.checkpointing else self.sequence
        return max(0, min(self.at_once, int(room // max(1, each))))

    @property
    def sentence(self) -> str:
        """One sentence for a report."""
        return f"about {gigabytes(self.bytes)} of memory and {duration(max(1, self.seconds))}"


@dataclass(frozen=True)
class Workload:
    """What goes through the model in a training.

    lengths: of the training sequences, in tokens.
    most, tokens: sequences and tokens that go through the model at once in each process, at most (see micro_batches).
    scored_tokens: tokens that all evaluations on the development split read, both strands counted.
    precision: `fp32`, or `bf16` or `fp16` of autocast.
    processes: that train together, each with a batch of its own; on the CPU they are forked from this one.
    """

    lengths: Sequence[int] | np.ndarray
    most: int
    epochs: int
    tokens: int
    scored_tokens: int = 0
    precision: str = "fp32"
    processes: int = 1


def estimate(model: nn.Module, work: Workload) -> Estimate:
    """Return what a training needs.

    model: as it is going to be trained: with its adapter, on its device, quantized, with gradient checkpointing or not.
    """
    lengths = np.sort(np.asarray(work.lengths, dtype=np.int64))
    groups = batches(lengths, work.most, work.tokens)
    sizes = np.array([len(group) for group in groups])
    widths = np.array([lengths[group[0]] for group in groups])
    at_once = int(min(work.most, len(lengths), max(1, work.tokens // lengths[-1])))
    device = next(model.parameters()).device
    start = _memory_in_use(device)
    trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    with _trial(model, work.precision) as run:
        longest = int(lengths[-1])
        one, two = (run.kept_bytes(count, longest) for count in (1, 2))
        width = int(np.median(widths))
        several = max(2, min(int(sizes.max()), TRIAL_TOKENS // width))
        time_one, time_several = (run.seconds(count, width) for count in (1, several))
        forward = run.seconds(several, width, backward=False) / (several * width)
    share = ACTIVATIONS.get(device.type, ACTIVATIONS["cuda"])
    sequence = share * (two - one)
    layers = _layers(model)
    # A layer's input is kept of each, and one layer at a time is computed again (Chen et al. 2016, arXiv:1604.06174).
    checkpointed = sequence / layers + share * layers * longest * model.config.hidden_size * 4
    if device.type == "cpu":
        checkpointed = max(checkpointed, CHECKPOINTED * sequence)
    # The same for any batch: what adapters of experts make of the weights, and copies of weights in autocast's type.
    constant = share * max(0, 2 * one - two)
    shared = start + PROCESS.get(device.type, 0) + trained * BEST_BYTES
    apart = work.processes if device.type == "cpu" else 1
    fixed = shared / apart + trained * TRAINED_BYTES + constant
    if apart > 1:
        fixed += COPIED + trained * TOGETHER_BYTES
    checkpointing = bool(_checkpointing(model))
    needed = fixed + at_once * (checkpointed if checkpointing else sequence)
    per_sequence = max(0.0, time_several - time_one) / (several - 1)
    overhead = max(0.0, time_one - per_sequence) + trained * STEP_SECONDS.get(device.type, STEP_SECONDS["cuda"])
    epoch = len(widths) * overhead + float((sizes * widths).sum()) * per_sequence / width
    seconds = (work.epochs * epoch + work.scored_tokens * forward) / work.processes
    return Estimate(
        bytes=round(needed * apart),
        seconds=seconds,
        fixed=round(fixed),
        sequence=round(sequence),
        checkpointed=round(checkpointed),
        at_once=at_once,
        checkpointing=checkpointing,
        processes=apart,
        longest=longest,
    )


def available_memory(device: torch.device | str = "cpu") -> int:
    """Return the bytes that this process may take in all, what it has now counted in.

    On the CPU the least of: the limits of its control groups, Galaxy's GALAXY_MEMORY_MB, and what the machine has free.
    """
    device = torch.device(device)
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0] + torch.cuda.memory_reserved(device)
    limits = [psutil.virtual_memory().available + psutil.Process().memory_info().rss, *_group_limits()]
    megabytes = os.environ.get("GALAXY_MEMORY_MB", "")
    if megabytes.isdecimal() and int(megabytes):
        limits.append(int(megabytes) << 20)
    return min(limits)


def check_fits(needed: Estimate, available: int, *, full: bool = False, quantizable: bool = False) -> None:
    """Raise UserError with the figures, and with what helps, when a training needs more memory than there is.

    needed: with as few sequences at once as there can be. full: whether all weights are trained; quantizable: whether
    the base model could be kept in fewer bits.
    """
    if needed.bytes <= available:
        return
    room = available / needed.processes - needed.fixed
    advice = []
    if not needed.checkpointing and needed.checkpointed < needed.sequence and room >= needed.checkpointed:
        advice.append('set "Gradient checkpointing" (--gradient-checkpointing yes)')
    if room > 0:
        advice.append(f'reduce the "Maximum length (tokens)" (--max-length) below {needed.longest}')
    if full:
        advice.append('set "Weights to train" to LoRA matrices (--method lora)')
    if quantizable:
        advice.append('set "Quantization of the base model" to 4 bits (--quantization 4bit-nf4)')
    advice.append("choose a smaller base model")
    where = f" in each of {needed.processes} processes" if needed.processes > 1 else ""
    raise UserError(
        f"the training needs about {needed.bytes / 1e9:.2f} GB of memory for one sequence of {needed.longest} tokens "
        f"at once{where}, and {available / 1e9:.2f} GB are available: {', '.join(advice)}, or give the job more memory"
    )


class _Trial:
    """A model on batches of random tokens."""

    def __init__(self, model: nn.Module, precision: str):
        self.model = model
        self.device = next(model.parameters()).device
        self.dtype = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]

    def kept_bytes(self, count: int, width: int) -> int:
        """Return the bytes that autograd keeps of a batch without gradient checkpointing, parameters aside."""
        own = {tensor.untyped_storage().data_ptr() for tensor in (*self.model.parameters(), *self.model.buffers())}
        kept: dict[int, int] = {}

        def keep(tensor: torch.Tensor) -> torch.Tensor:
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in own:
                kept[storage.data_ptr()] = storage.nbytes()
            return tensor

        switched = _checkpointing(self.model)
        for module in switched:
            module.gradient_checkpointing = False
        try:
            with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
                result = self._logits(count, width)  # held, so that no storage is given to two tensors in turn
            del result
        finally:
            for module in switched:
                module.gradient_checkpointing = True
        return sum(kept.values())

    def seconds(self, count: int, width: int, backward: bool = True) -> float:
        """Return the time of a step on a batch, or of scoring it; the first try, which also warms up, never counts."""
        times = []
        for _ in range(TRIES + 1):
            self._wait()
            start = time.perf_counter()
            with contextlib.nullcontext() if backward else torch.no_grad():
                logits = self._logits(count, width)
                if backward:
                    logits.float().logsumexp(-1).sum().backward()
            self._wait()
            times.append(time.perf_counter() - start)
        return min(times[1:])

    def _logits(self, count: int, width: int) -> torch.Tensor:
        # Any tokens but those with a meaning of their own, which are the first of a vocabulary.
        vocabulary = self.model.config.vocab_size
        tokens = torch.randint(min(5, vocabulary - 1), vocabulary, (count, width), device=self.device)
        with torch.autocast(self.device.type, self.dtype or torch.bfloat16, enabled=self.dtype is not None):
            return forward(self.model, tokens, torch.ones_like(tokens)).logits

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


@contextlib.contextmanager
def _trial(model: nn.Module, precision: str):
    """Give a trial of a model, and leave the model and torch's random numbers as they were."""
    mode = model.training
    gradients = [parameter.grad for parameter in model.parameters()]
    try:
        with torch.random.fork_rng():
            model.train()
            yield _Trial(model, precision)
    finally:
        model.train(mode)
        for parameter, gradient in zip(model.parameters(), gradients, strict=True):
            parameter.grad = gradient


def _layers(model: nn.Module) -> int:
    return max(1, getattr(model.config, "num_hidden_layers", 1))


def _checkpointing(model: nn.Module) -> list[nn.Module]:
    """Return the modules that have gradient checkpointing on."""
    return [module for module in model.modules() if getattr(module, "gradient_checkpointing", False) is True]


def _memory_in_use(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    return psutil.Process().memory_info().rss


def _group_limits(groups: str = "/proc/self/cgroup", mounted: str = "/sys/fs/cgroup") -> list[int]:
    """Return the memory limits in bytes of the control groups that this process is in, of version 1 and 2.

    A group's limit holds for the groups in it. In a container, the mounted folder is the container's own group.
    """
    try:
        lines = Path(groups).read_text().splitlines()
    except OSError:
        return []
    limits = []
    for line in lines:
        number, controllers, path = line.split(":", 2)
        if number == "0":
            top, name = Path(mounted), "memory.max"
        elif "memory" in controllers.split(","):
            top, name = Path(mounted, "memory"), "memory.limit_in_bytes"
        else:
            continue
        folder = top / path.lstrip("/")
        for group in (folder, *folder.parents):
            with contextlib.suppress(OSError, ValueError):
                limits.append(int((group / name).read_text()))
            if group == top:
                break
    return [limit for limit in limits if 0 < limit < UNLIMITED]


def gigabytes(count: float) -> str:
    """Write bytes as 1.6 GB."""
    return f"{count / 1e9:.1f} GB"
