"""What the evaluation turns off is really off."""

from collections.abc import Callable

from fakes import DRAFT, FOUNDED, ScriptedGenerator

from rag.pipeline import Rag
from rag.settings import Settings
from rag.variants import Remembering, Unfolded

SIMPLIFIED, TRADITIONAL = "财政收入", "財政收入"


def test_without_folding_simplified_words_are_not_found_in_a_traditional_text(
    make_rag: Callable[..., Rag], chosen: Settings
) -> None:
    folded, embedder = make_rag().search_index()
    unfolded = Unfolded(chosen, embedder, ScriptedGenerator()).answering().index
    assert folded.lexical(folded.analyse(SIMPLIFIED), 9) == folded.lexical(folded.analyse(TRADITIONAL), 9) != []
    assert unfolded.lexical(unfolded.analyse(TRADITIONAL), 9) != []
    assert unfolded.lexical(["财政"], 9) == []


def test_variants_that_share_a_prompt_share_its_draft_and_verdict(make_rag: Callable[..., Rag]) -> None:
    scripted = ScriptedGenerator([DRAFT])
    remembering = Remembering(scripted)
    texts = {make_rag(remembering).answer(FOUNDED).text for _ in range(3)}
    assert texts == {make_rag(ScriptedGenerator([DRAFT])).answer(FOUNDED).text}
    assert (len(scripted.prompts), len(scripted.chosen)) == (1, 1)
