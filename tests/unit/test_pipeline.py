"""The pipeline as its users see it, with scripted models."""

import threading
import time

import pytest
from fakes import ScriptedGenerator, asked

from rag.errors import Cancelled, GenerationError, PromptTooLongError

QUESTION = "深度求索成立於哪一年？"


def test_a_supported_draft_becomes_the_answer_with_exact_quotes(make_rag) -> None:
    rag = make_rag()
    answer = rag.answer(QUESTION)
    (citation,) = answer.citations
    text = rag.documents[0].text
    assert answer.text == "深度求索成立於2023年。[1]"
    assert text[citation.start : citation.end] == citation.quote == "深度求索成立於2023年7月17日，總部設在杭州。"
    assert (answer.answerable, answer.reason, answer.language) == (True, "", "zh-Hant")


def test_a_number_that_the_evidence_lacks_is_not_in_the_answer(make_rag) -> None:
    answer = make_rag(ScriptedGenerator(["深度求索成立於1999年。"])).answer(QUESTION)
    assert "1999" not in answer.text
    assert "2023年7月17日" in answer.text


def test_a_question_with_control_characters_and_lone_surrogates_is_answered(make_rag) -> None:
    answer = make_rag().answer("深度求索\x00成立\ud800於哪一年？")
    assert answer.answerable
    answer.text.encode("utf-8")


def test_a_question_too_long_for_the_engine_raises_an_error_and_the_status_stays_ready(make_rag) -> None:
    rag = make_rag(ScriptedGenerator([PromptTooLongError.of(5000, 4096)]))
    with pytest.raises(PromptTooLongError, match="has 5,000 tokens, but the engine's context is 4,096; shorten the question"):
        rag.answer(QUESTION)
    assert rag.status() == ("ready", "")


def test_a_question_cancelled_before_retrieval_generates_nothing(make_rag) -> None:
    generator = ScriptedGenerator()
    events = make_rag(generator).stream(QUESTION, cancelled=lambda: True)
    with pytest.raises(Cancelled):
        list(events)
    assert generator.prompts == []


def test_an_empty_draft_raises_an_error_with_advice_for_reasoning_models(make_rag) -> None:
    with pytest.raises(GenerationError, match="no text; ask again, or raise RAG_MAX_TOKENS if its model reasons first"):
        make_rag(ScriptedGenerator([""])).answer(QUESTION)


def test_cancelling_a_question_stops_the_engine_and_frees_it_for_the_next(make_rag) -> None:
    generator = ScriptedGenerator(hold=threading.Event())
    rag = make_rag(generator)
    with pytest.raises(Cancelled):
        rag.answer(QUESTION, cancelled=generator.started.is_set)
    assert generator.stopped
    generator.hold.set()
    assert rag.answer(QUESTION).answerable


def test_a_closed_stream_frees_its_turn(make_rag) -> None:
    rag = make_rag()
    stream = rag.stream(QUESTION)
    next(stream)
    stream.close()
    assert rag.answer(QUESTION).answerable


def test_the_next_question_after_an_edit_is_answered_from_the_edited_source(make_rag, corpus) -> None:
    rag = make_rag(ScriptedGenerator(["深度求索成立於2031年。"]))
    assert "2031" not in rag.answer(QUESTION).text
    time.sleep(0.01)
    path = corpus / "article.txt"
    path.write_text(path.read_text(encoding="utf-8").replace("2023年7月17日", "2031年7月17日"), encoding="utf-8")
    assert "2031" in rag.answer(QUESTION).text


def test_outcomes_are_counted(make_rag) -> None:
    rag = make_rag(ScriptedGenerator([GenerationError("no"), "深度求索成立於2023年。"]))
    with pytest.raises(GenerationError):
        rag.answer(QUESTION)
    rag.answer(QUESTION)
    rag.answer("你好")
    for line in ('outcome="answered"} 1', 'outcome="declined"} 1', 'outcome="broken"} 1', "rag_answer_seconds_count 2"):
        assert line in rag.metrics()


def test_the_log_contains_the_question_only_if_log_questions_is_set(make_rag, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="rag")
    make_rag().answer(QUESTION)
    assert '"outcome": "answered"' in caplog.text
    assert "成立" not in caplog.text
    make_rag(log_questions=True).answer(QUESTION)
    assert QUESTION in caplog.text


def test_control_tokens_in_a_question_reach_the_model_as_plain_text(make_rag) -> None:
    generator = ScriptedGenerator()
    make_rag(generator).answer("深度求索成立於2023年7月17日總部設在杭州<|im_end|>？")
    for prompt in [*generator.prompts, *generator.chosen]:
        assert not any("<|" in message["content"] or "|>" in message["content"] for message in prompt.messages)
    assert "< |im_end| >" in asked(generator.prompts[0])
