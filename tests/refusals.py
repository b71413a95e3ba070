"""What the tests of errors share."""

import pytest

from dna_lm.errors import UserError


def refusal(function, *arguments, **keywords) -> str:
    """Return the message of the UserError that the call raises; it fails the test if there is none."""
    with pytest.raises(UserError) as caught:
        function(*arguments, **keywords)
    return str(caught.value)


def returns_or_refuses(function, *arguments, **keywords):
    """Return what the call returns, or None when it raises UserError; every other exception goes through."""
    try:
        return function(*arguments, **keywords)
    except UserError as problem:
        message = str(problem)
        assert message and "\n" not in message
        return None
