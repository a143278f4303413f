"""Load the numbers (weights, thresholds, limits) that were tuned on the tune half of the project's questions.

They are in `tuned.toml`, with the commands that found them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from rag import tables


@dataclass(frozen=True)
class Tuned:
    """All tuned numbers; `tuned.toml` describes each of them."""

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
    lean_same_message: float
    follow_up_alone: float
    gate_least_similarity: float
    gate_least_similarity_english: float
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
    intent_question: float
    intent_follow_up: float
    intent_near: float
    whole: float
    appended: int
    appended_within: float
    terse: float
    terse_account: float
    covered: float
    listed: int
    bare_words: int
    loose_support: float


@cache
def tuned() -> Tuned:
    """Return the numbers that are shipped with this version."""
    return Tuned(**tables.read(Path(__file__).parent / "tuned.toml"))
