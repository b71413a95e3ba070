"""Fuzz the readers of bytes that a stranger may have made: each spoilt file must be read or refused in one line.

    python3 dev/environments.py run checks python dev/fuzz/run.py [--minutes 10] [--seed 0] [reader ...]

A failure is every exception but UserError, a message of several lines or of more than 2,000 letters, and a file that
takes more than 20 seconds of computing. The files of each kind of failure, made as small as Hypothesis can, are left in
`.local/fuzz/<reader>/<number>`, and the traceback beside them. Exit code 1 if there is any.
"""

import argparse
import contextlib
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
os.environ.update(OMP_NUM_THREADS="1", HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")

from hypothesis import HealthCheck, Phase, given, seed, settings  # noqa: E402
from hypothesis.errors import FlakyFailure  # noqa: E402

from dna_lm.errors import UserError  # noqa: E402

SECONDS_FOR_ONE = 20
LETTERS_OF_A_MESSAGE = 2000
ADDRESS_SPACE = 12 * 2**30  # a file that makes a reader take more memory than that is a failure, too
EXAMPLES = 200  # of one round; the clock is looked at after each
ROUND = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate, Phase.shrink],
    print_blob=False,
)


class Failure(Exception):
    """A reader broke its promise; the text is the same for each file that breaks it in the same place."""


def attempt(read, folder: Path, counts: Counter) -> None:
    """Read the files in a folder. Raises Failure."""
    signal.setitimer(signal.ITIMER_PROF, SECONDS_FOR_ONE)  # of computing: the machine may be busy, or stopped
    try:
        read(folder)
        counts["read"] += 1
    except UserError as problem:
        counts["refused"] += 1
        message = str(problem)
        if len(message.splitlines()) != 1 or len(message) > LETTERS_OF_A_MESSAGE:
            where = traceback.extract_tb(problem.__traceback__)[-1]
            raise Failure(f"a message of {where.filename}:{where.lineno} has lines or is long") from problem
    except KeyboardInterrupt:
        raise
    except BaseException as problem:  # also the panics of Rust libraries, which are no Exceptions
        own = [frame for frame in traceback.extract_tb(problem.__traceback__) if "dna_lm" in frame.filename]
        place = f"{own[-1].filename}:{own[-1].lineno}" if own else "?"
        raise Failure(f"{type(problem).__name__} in {place}") from problem
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def one_round(reader, number: int, known: dict, counts: Counter, end: float) -> tuple[Failure, dict[str, bytes]] | None:
    """Try EXAMPLES files; return a failure that is not known yet, with the smallest files that were found for it."""
    last: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory(prefix="fuzz_") as temporary:

        @seed(number)
        @ROUND
        @given(files=reader.files)
        def spoil(files):
            folder = Path(tempfile.mkdtemp(dir=temporary))
            try:
                for file, content in files.items():
                    (folder / file).write_bytes(content)
                attempt(reader.read, folder, counts)
            except Failure as failure:
                if str(failure) not in known and time.monotonic() < end:
                    last.clear()
                    last.update(files)
                    raise
            finally:
                shutil.rmtree(folder)

        try:
            with contextlib.redirect_stdout(sys.stderr):
                spoil()
        except (Failure, FlakyFailure) as failure:
            return failure, last
    return None


def fuzz(name: str, minutes: float, start: int) -> int:
    """Fuzz one reader; return how many kinds of failure there were."""
    from dev.fuzz.readers import READERS

    known: dict[str, int] = {}
    counts: Counter = Counter()
    place = PROJECT / ".local" / "fuzz" / name
    shutil.rmtree(place, ignore_errors=True)
    end, said, number = time.monotonic() + 60 * minutes, time.monotonic(), start
    while time.monotonic() < end:
        if found := one_round(READERS[name], number, known, counts, end + 60):
            failure, files = found
            known[str(failure)] = len(known) + 1
            kept = place / str(len(known))
            kept.mkdir(parents=True)
            for file, content in files.items():
                (kept / file).write_bytes(content)
            (kept / "traceback.txt").write_text("".join(traceback.format_exception(failure)), errors="replace")
            print(f"{name}: {failure}; see {kept}", flush=True)
        number += 1
        if time.monotonic() - said > 60:
            said = time.monotonic()
            print(f"{name}: {told(counts, known)}", flush=True)
    print(f"{name}: in {minutes:g} minutes {told(counts, known)}", flush=True)
    return len(known)


def told(counts: Counter, known: dict) -> str:
    return f"{counts['read']} files read, {counts['refused']} refused in one line, {len(known)} kinds of failure"


def main() -> int:
    from dev.fuzz.readers import READERS

    line = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    line.add_argument("--minutes", type=float, default=10, help="for each reader")
    line.add_argument("--seed", type=int, default=0, help="another seed gives other files")
    line.add_argument("reader", nargs="*", choices=[[], *READERS], help="default: all")
    options = line.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))

    def too_slow(*_):
        raise TimeoutError(f"more than {SECONDS_FOR_ONE} s")

    signal.signal(signal.SIGPROF, too_slow)
    failures = [fuzz(name, options.minutes, options.seed) for name in options.reader or READERS]
    return 1 if any(failures) else 0


if __name__ == "__main__":
    sys.exit(main())
