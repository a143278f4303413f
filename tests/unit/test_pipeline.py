"""The pipeline as its users see it, with scripted models."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from fakes import ScriptedGenerator, asked

from rag.errors import Cancelled, GenerationError, PromptTooLongError, QuestionError
from rag.results import Evidence, Final, Progress, Token

QUESTION = "深度求索成立於哪一年？"


def test_stream_yields_the_evidence_first_then_tokens_and_last_the_checked_answer(make_rag) -> None:
    events = list(make_rag().stream(QUESTION))
    assert isinstance(events[0], Evidence)
    assert "深度求索成立於2023年7月17日" in events[0].sentences[0].quote
    assert "".join(e.text for e in events if isinstance(e, Token)) == "深度求索成立於2023年。"
    assert [e.stage for e in events if isinstance(e, Progress)] == ["reading", "reading", "checking", "checking"]
    assert isinstance(events[-1], Final)


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


def test_a_question_that_the_judge_finds_unanswered_is_declined_with_the_nearest_sentence(make_rag) -> None:
    answer = make_rag(ScriptedGenerator(chances=lambda prompt: 0.01)).answer(QUESTION)
    assert (answer.answerable, answer.reason) == (False, "not in the text")
    assert answer.text.startswith("文中沒有說明這一點。最接近的內容是：")
    assert answer.citations[0].quote == "深度求索成立於2023年7月17日，總部設在杭州。"


def test_small_talk_does_not_call_the_engine(make_rag) -> None:
    generator = ScriptedGenerator()
    assert make_rag(generator).answer("你好").reason == "small talk"
    assert generator.prompts == []


def test_the_prompt_of_a_follow_up_contains_the_previous_question(make_rag) -> None:
    generator = ScriptedGenerator()
    history = [{"role": "user", "content": "宇樹科技是誰創立的？"}, {"role": "assistant", "content": "王興興。"}]
    make_rag(generator).answer("深度求索呢？", history)
    assert "已经回答过：宇树科技是谁创立的？" in asked(generator.prompts[0])


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ("", "empty"),
        (" \n\t ", "empty"),
        ("\u200b\u202e", "empty"),
        ("長" * 100_000, "100,000 characters"),
        (5, "of type int; expected a string"),
    ],
)
def test_an_invalid_question_raises_an_error_with_the_reason(make_rag, question, message: str) -> None:
    with pytest.raises(QuestionError, match=message):
        make_rag().answer(question)


@pytest.mark.parametrize("history", ["x", [1], [{"role": "system", "content": "x"}], [{"role": "user"}], {"role": "user"}])
def test_an_invalid_history_raises_an_error(make_rag, history) -> None:
    with pytest.raises(QuestionError, match="history has the wrong form"):
        make_rag().answer(QUESTION, history)


def test_a_question_with_control_characters_and_lone_surrogates_is_answered(make_rag) -> None:
    answer = make_rag().answer("深度求索\x00成立\ud800於哪一年？")
    assert answer.answerable
    answer.text.encode("utf-8")


def test_an_engine_failure_raises_an_error_and_the_next_question_is_answered(make_rag) -> None:
    rag = make_rag(ScriptedGenerator([GenerationError("The engine failed."), "深度求索成立於2023年。"]))
    with pytest.raises(GenerationError, match="The engine failed"):
        rag.answer(QUESTION)
    assert rag.answer(QUESTION).answerable


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


def test_concurrent_questions_each_get_their_own_answer(make_rag) -> None:
    rag = make_rag(ScriptedGenerator([lambda prompt: asked(prompt).rsplit("问题：", 1)[1] + "："]), read_ahead=False)
    rag.warm()
    questions = [f"深度求索成立於2023年，這是第{'甲乙丙丁戊己庚辛壬癸'[n]}次說" for n in range(10)]
    with ThreadPoolExecutor(10) as pool:
        for question, answer in zip(questions, pool.map(rag.answer, questions), strict=True):
            assert question[-4:] in answer.text


def test_a_waiting_question_reports_its_place_in_the_queue(make_rag) -> None:
    generator = ScriptedGenerator(hold=threading.Event())
    rag = make_rag(generator)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(rag.answer, QUESTION)
        assert generator.started.wait(5)
        second = rag.stream(QUESTION)
        place = next(second)
        assert isinstance(place, Progress)
        assert (place.stage, place.place) == ("waiting", 1)
        generator.hold.set()
        assert first.result().answerable
    assert isinstance(list(second)[-1], Final)


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
