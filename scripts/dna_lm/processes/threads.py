"""Settings of the process, made before torch and transformers are imported."""

import contextlib
import ctypes
import os

from ..compat import leave_out, left_out

# Numbers of glibc's mallopt (malloc.h).
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3


def default_threads() -> int:
    """Return how many cores Galaxy lets a job use (GALAXY_SLOTS), or 1."""
    text = os.environ.get("GALAXY_SLOTS", "1")
    return int(text) if text.isdecimal() and int(text) > 0 else 1


def limit_threads(threads: int) -> int:
    """Set the number of CPU threads of the libraries that are imported after this, and return it.

    threads: 0 takes Galaxy's GALAXY_SLOTS, or 1.
    """
    threads = threads or default_threads()
    # OpenMP and MKL read these when they are loaded; more threads than cores slow training down up to 20 times.
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = str(threads)
    # OpenMP's threads otherwise spin while they wait for each other, which on a busy machine takes cores from others.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # The tokenizers library takes all cores of the machine, unless it is told to do without threads.
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    return threads


def job_threads() -> int:
    """Return how many CPU threads the job has, as limit_threads set it, whatever torch was told since."""
    text = os.environ.get("OMP_NUM_THREADS", "")
    return int(text) if text.isdecimal() and int(text) > 0 else default_threads()


def _keep_freed_memory() -> None:
    """Let the C library keep memory that was freed: tensors of like sizes are made again in each step of a training.

    Otherwise it gives those of several megabytes back to the system, which has to clear them for the next step.
    """
    with contextlib.suppress(OSError, AttributeError):  # not glibc
        library = ctypes.CDLL(None)
        library.mallopt(M_MMAP_THRESHOLD, 32 << 20)
        library.mallopt(M_TRIM_THRESHOLD, 100 << 20)


def configure_torch(threads: int, quantized: bool = False, offline: bool = True) -> None:
    """Set the number of CPU threads (see limit_threads) and keep torch and transformers quiet and offline.

    quantized: whether bitsandbytes will be used. offline: False where something is to be fetched from the hub.
    """
    threads = limit_threads(threads)
    _keep_freed_memory()
    if not quantized:
        leave_out("bitsandbytes")
    if offline:
        os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["MPLBACKEND"] = "Agg"
    import torch
    import transformers

    with left_out("sklearn"):  # half a second, for a way to generate text
        import transformers.generation.candidate_generator  # noqa: F401

    torch.set_num_threads(threads)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
