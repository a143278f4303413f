"""Define the values that the parsers of numbers yield."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

LOOSE = 10
"""Number words up to this value are also used loosely: "one of them", "十分"."""


class Reading(NamedTuple):
    """The value of a number in a text, and whether the text states it or only may mean it."""

    value: Decimal
    stated: bool
