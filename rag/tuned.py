"""Hold the numbers that were tuned on the tune half of the project's questions.

They lie in `tuned.toml`, beside the command that found them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from rag import tables


@dataclass(frozen=True)
class Tuned:
    """Hold every tuned number; `tuned.toml` says what each one does."""

    longest_passage: int
    passages: int
    reading: int
    reading_summary: int
    context: float
    inherited: float
    similarity: float
    paragraph: float
    rank_constant: float
    dense: float
    lexical: float
    lean_bias: float
    lean_pointer: float
    lean_length: float
    lean_nearest: float
    lean_threshold: float
    lean_beside: float
    alone: float
    gate_hopeless: float
    gate_hopeless_english: float
    gate_bias: float
    gate_judged: float
    gate_invented: float
    gate_account: float
    gate_probed_bias: float
    gate_probed_judge: float
    gate_probed_draft: float
    gate_probed_share: float
    gate_threshold: float
    cover: float
    support: float
    near: float
    near_across: float
    doubted: float
    steering: float
    steering_behind: float
    steering_near: float
    whole: float
    beside: int
    beside_within: float
    terse: float
    terse_account: float
    told: float
    listed: int
    bare_words: int
    loose: float


@cache
def tuned() -> Tuned:
    """Return the numbers that this version ships."""
    return Tuned(**tables.read(Path(__file__).parent / "tuned.toml"))
