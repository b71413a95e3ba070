"""The one exception for what a user can mend, and how to tell that memory or disk were too small."""

import errno

MEMORY, DISK = "memory", "disk"
# Writing fails with these on a disk without room, where a quota is reached, and at the limit of a file's size.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

# Letters of a message: a label, a name or a header that it quotes may be megabytes long.
LONGEST_MESSAGE = 1500


class UserError(Exception):
    """A mistake in the input or the options.

    The text is one line that says what is wrong, where (file, line, column) and how to mend it. The command line
    prints it after `error: ` and exits with 2.
    """

    def __init__(self, message: str):
        # A file name or a label in the message may hold line breaks and what steers a terminal; the message stays one
        # line that can be read.
        text = _shortened(" ".join(str(message).split()))
        # Once more: an escaped letter takes up to ten.
        super().__init__(_shortened("".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)))


def _shortened(text: str) -> str:
    half = LONGEST_MESSAGE // 2
    return f"{text[:half]} ... {text[-half:]}" if len(text) > LONGEST_MESSAGE else text


def lack(problem: BaseException) -> str:
    """Return what was too small, `memory` or `disk`, if that is what an exception is about, else nothing.

    torch and safetensors have exceptions of their own for it, told from others by their text only.
    """
    text = str(problem)
    if isinstance(problem, MemoryError) or type(problem).__name__ == "OutOfMemoryError" or "can't allocate" in text:
        return MEMORY
    number = getattr(problem, "errno", None)
    if any(number == full or f"(os error {full})" in text for full in FULL):
        return DISK
    return ""
