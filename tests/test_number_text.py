import math

import numpy as np
import pytest

from dna_lm.reports.number_text import number_text


@pytest.mark.parametrize("value", [None, math.nan, np.float32("nan"), math.inf])
def test_a_dash_stands_for_what_is_undefined(value):
    assert number_text(value) == number_text(value, ",") == "–"


def test_numbers_have_their_format():
    assert (number_text(0.12345), number_text(np.int64(1234), ","), number_text(-2, "+.1f")) == (
        "0.123",
        "1,234",
        "-2.0",
    )
