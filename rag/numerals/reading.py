"""Hold what a number is that was read in a text."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

LOOSE = 10
"""Up to it, words for numbers are used loosely: "one of them", "十分"."""


class Reading(NamedTuple):
    """Hold the value of a number, and whether it is stated or only may be meant."""

    value: Decimal
    stated: bool
