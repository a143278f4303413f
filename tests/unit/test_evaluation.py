"""What the evaluation turns off is really off."""

from collections.abc import Callable

from fakes import ScriptedGenerator

from rag.evaluation import Unfolded
from rag.pipeline import Rag
from rag.settings import Settings

SIMPLIFIED, TRADITIONAL = "财政收入", "財政收入"


def test_without_folding_simplified_words_are_not_found_in_a_traditional_text(
    make_rag: Callable[..., Rag], chosen: Settings
) -> None:
    folded, embedder = make_rag().search_index()
    unfolded = Unfolded(chosen, embedder, ScriptedGenerator()).answering().index
    assert folded.lexical(folded.analyse(SIMPLIFIED), 9) == folded.lexical(folded.analyse(TRADITIONAL), 9) != []
    assert unfolded.lexical(unfolded.analyse(TRADITIONAL), 9) != []
    assert unfolded.lexical(["财政"], 9) == []
