"""The one exception for what a user can mend."""


class UserError(Exception):
    """A mistake in the input or the options.

    The text is one line that says what is wrong, where (file, line, column) and how to mend it. The command line
    prints it after `error: ` and exits with 2.
    """

    def __init__(self, message: str):
        # A file name or a label in the message may hold line breaks; the message stays one line.
        super().__init__(" ".join(str(message).split()))
