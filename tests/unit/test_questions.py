"""Invalid questions and histories raise an error that says what is wrong; unusual but valid ones are answered."""

from collections.abc import Callable

import pytest
from fakes import DRAFT, FOUNDED, ScriptedGenerator

from rag.errors import QuestionError
from rag.pipeline import Rag
from rag.question import LONGEST_HISTORY, LONGEST_QUESTION, checked_question

Maker = Callable[..., Rag]
FORM = 'A turn of the history has the wrong form; expected {"role": "user" or "assistant", "content": text}.'
LIST = 'The history has the wrong form; expected a list of {"role": …, "content": …}.'


@pytest.mark.parametrize(
    ("history", "said"),
    [
        ("text", LIST),
        (b"bytes", LIST),
        ({"role": "user", "content": "x"}, LIST),
        (7, LIST),
        (None, LIST),
        (["text"], FORM),
        ([{}], FORM),
        ([("user", "x")], FORM),
        ([{"role": "system", "content": "x"}], FORM),
        ([{"role": "user", "content": None}], FORM),
        ([{"role": "user", "content": ["x"]}], FORM),
        ([{"role": ["user"], "content": "x"}], FORM),
        ([{"role": "user"}], FORM),
    ],
)
def test_a_history_of_the_wrong_form_raises_an_error(make_rag: Maker, history: object, said: str) -> None:
    with pytest.raises(QuestionError) as error:
        make_rag().answer(FOUNDED, history)  # type: ignore[arg-type]
    assert str(error.value) == said


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("", "The question is empty; write what you want to know."),
        (" \n\t\u3000", "The question is empty; write what you want to know."),
        ("\u200b\x00\x1b", "The question is empty; write what you want to know."),
        ("\u200b\u202e", "The question is empty; write what you want to know."),
        ("杭" * 100_000, "The question has 100,000 characters; the maximum is 4,000. Shorten it."),
        (None, "The question is of type NoneType; expected a string."),
        (b"bytes", "The question is of type bytes; expected a string."),
        (7, "The question is of type int; expected a string."),
    ],
)
def test_an_invalid_question_raises_an_error_before_any_work(make_rag: Maker, question: object, said: str) -> None:
    generator = ScriptedGenerator()
    with pytest.raises(QuestionError) as error:
        make_rag(generator).stream(question)  # type: ignore[arg-type]
    assert str(error.value) == said
    assert generator.prompts == []


def test_a_question_of_the_maximum_length_is_answered(make_rag: Maker) -> None:
    question = (FOUNDED * 400)[:LONGEST_QUESTION]
    assert len(question) == LONGEST_QUESTION
    assert make_rag(ScriptedGenerator([DRAFT])).answer(question).answerable


def test_a_very_long_history_is_truncated_not_rejected(make_rag: Maker) -> None:
    history = [{"role": "user", "content": f"{number}" + "杭州" * 50_000} for number in range(LONGEST_HISTORY + 50)]
    _, turns = checked_question(FOUNDED, history)
    assert [turn["content"][:3] for turn in turns] == [f"{number}杭州"[:3] for number in range(50, LONGEST_HISTORY + 50)]
    assert {len(turn["content"]) for turn in turns} == {LONGEST_QUESTION}
    assert make_rag(ScriptedGenerator([DRAFT])).answer(FOUNDED, history).answerable


@pytest.mark.parametrize("odd", ["\ud800", "\udfff", "a\udc80b", "\ud83d"])
def test_a_question_and_a_history_with_lone_surrogates_are_answered(make_rag: Maker, odd: str) -> None:
    history = [{"role": "user", "content": f"宇樹{odd}科技？"}]
    answer = make_rag(ScriptedGenerator([DRAFT])).answer(f"深度求索{odd}成立於哪一年？", history)
    answer.text.encode("utf-8")
    assert answer.citations
