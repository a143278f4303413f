"""Several readers of one chatbot: waiting, cancelling, engine failures, reading ahead, status and counters."""

import threading
import time
from collections.abc import Callable

import pytest
from fakes import DRAFT, FOUNDED, ScriptedGenerator, asked
from waiting import wait_for

from rag.english import English
from rag.errors import Cancelled, CorpusError, GenerationError
from rag.pipeline import Rag
from rag.results import Answer
from rag.settings import Settings
from rag.text.script import to_simplified, to_traditional

Maker = Callable[..., Rag]
SENTENCE = "深度求索成立於2023年7月17日，總部設在杭州。"


def test_the_error_of_an_engine_is_raised_unchanged_and_the_next_question_is_answered(make_rag: Maker) -> None:
    rag = make_rag(ScriptedGenerator([GenerationError("The engine failed: out of memory."), DRAFT]))
    with pytest.raises(GenerationError) as error:
        rag.answer(FOUNDED)
    assert str(error.value) == "The engine failed: out of memory."
    assert rag.answer(FOUNDED).answerable


def test_the_question_after_an_unexpected_error_of_the_engine_is_answered(make_rag: Maker) -> None:
    rag = make_rag(ScriptedGenerator([RuntimeError("not an error of ours"), DRAFT]))
    with pytest.raises(RuntimeError):
        rag.answer(FOUNDED)
    assert rag.answer(FOUNDED).answerable


def test_an_answer_that_takes_too_long_is_stopped_with_an_error(make_rag: Maker) -> None:
    generator = ScriptedGenerator([DRAFT], hold=threading.Event())
    rag = make_rag(generator, timeout_s=0.2)
    rag.warm()
    with pytest.raises(GenerationError) as error:
        rag.answer(FOUNDED)
    assert str(error.value) == "The answer took longer than 0.2 s; ask again, or raise RAG_TIMEOUT_S."
    assert not isinstance(error.value, Cancelled)
    assert generator.stopped
    generator.hold.set()
    assert rag.answer(FOUNDED).answerable


def test_close_cancels_the_answer_in_progress_and_closes_the_engine(make_rag: Maker) -> None:
    generator = ScriptedGenerator([DRAFT], hold=threading.Event())
    rag = make_rag(generator)
    failures: list[BaseException] = []

    def work() -> None:
        try:
            rag.answer(FOUNDED)
        except Cancelled as error:
            failures.append(error)

    worker = threading.Thread(target=work)
    worker.start()
    assert generator.started.wait(5)
    rag.close()
    worker.join(5)
    assert len(failures) == 1
    assert generator.closed


def test_a_waiting_question_reports_its_place_and_can_be_withdrawn(make_rag: Maker) -> None:
    generator = ScriptedGenerator([DRAFT], hold=threading.Event())
    rag = make_rag(generator)
    first = threading.Thread(target=rag.answer, args=(FOUNDED,))
    first.start()
    assert generator.started.wait(5)
    waiting = rag.stream(FOUNDED, cancelled=lambda: True)
    place = next(waiting)
    assert (place.type, place.stage, place.place) == ("progress", "waiting", 1)
    with pytest.raises(Cancelled) as error:
        next(waiting)
    assert str(error.value) == "The question was withdrawn while it waited."
    generator.hold.set()
    first.join(5)
    assert rag.answer(FOUNDED).answerable


TOPICS = {
    "深度求索成立於哪一年？": SENTENCE,
    "浙江大學為杭州培養了什麼？": "浙江大學為杭州培養了大量的人才。",
    "王興興是誰的創始人？": "王興興是宇樹科技的創始人。",
    "杭州的房價與深圳相比如何？": "與深圳相比，杭州的房價更低。",
}


def test_concurrent_readers_get_their_own_answers_while_prompts_run_one_at_a_time(make_rag: Maker) -> None:
    working = threading.Lock()

    def draft(prompt: object) -> str:
        assert working.acquire(blocking=False), "two prompts at once"
        try:
            time.sleep(0.001)
            question = asked(prompt).rsplit("：", 1)[1]  # type: ignore[arg-type]
            return next(said for known, said in TOPICS.items() if known[-4:-1] == to_traditional(question)[-4:-1])
        finally:
            working.release()

    rag = make_rag(ScriptedGenerator([draft])).warm()
    got: list[tuple[str, Answer]] = []

    def reader(question: str) -> None:
        got.append((question, rag.answer(question)))

    workers = [threading.Thread(target=reader, args=(question,)) for question in TOPICS for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(20)
    assert len(got) == 32
    for question, answer in got:
        assert TOPICS[question] in [citation.quote for citation in answer.citations]
        assert answer.text.startswith(TOPICS[question])


def test_reading_ahead_reads_each_sentence_in_both_languages(make_rag: Maker) -> None:
    generator = ScriptedGenerator()
    rag = make_rag(generator)
    rag.read_ahead()
    sentences = [sentence.text for sentence in rag.search_index()[0].sentences]
    expected = [("你根据", to_simplified(text)) for text in sentences] + [("You", English().render(text)) for text in sentences]
    prompts = generator.readings[1:]  # the first is the judge's
    assert len(prompts) == len(expected)
    for prompt, (system, sentence) in zip(prompts, expected, strict=True):
        assert prompt.messages[0]["content"].startswith(system)
        assert asked(prompt).endswith(sentence)


def test_reading_ahead_reads_the_whole_prompt_of_an_example_question(make_rag: Maker, chosen: Settings) -> None:
    (chosen.corpus / "article.examples.toml").write_text(
        f'[examples]\nzh-Hans = ["{to_simplified(FOUNDED)}"]\n', encoding="utf-8"
    )
    generator = ScriptedGenerator([DRAFT])
    rag = make_rag(generator)
    rag.read_ahead()
    rag.answer(FOUNDED)
    assert generator.readings[1].messages == generator.prompts[0].messages


def test_the_number_of_sentences_read_ahead_is_limited(make_rag: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.serving.idle.AHEAD", 3)
    generator = ScriptedGenerator()
    make_rag(generator).read_ahead()
    assert len(generator.readings) == 1 + 2 * 3


def test_a_large_corpus_is_read_ahead_but_nothing_is_generated_for_it_in_idle_time(
    make_rag: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.serving.idle.LARGEST", 9)
    generator = ScriptedGenerator()
    rag = make_rag(generator, read_ahead=True).warm()
    wait_for(lambda: len(generator.readings) == 21 and not rag._idle._thread.is_alive())
    assert generator.prompts == []


def test_reading_ahead_begins_with_the_judges_examples(make_rag: Maker) -> None:
    generator = ScriptedGenerator([DRAFT])
    rag = make_rag(generator, read_ahead=True).warm()
    wait_for(lambda: generator.readings)
    rag.answer(FOUNDED)
    assert generator.readings[0].messages[:-1] == generator.chosen[0].messages[:-1]
    assert len(generator.readings[0].messages) > 10


def test_one_of_the_prompts_read_ahead_is_a_prefix_of_the_draft_prompt(make_rag: Maker) -> None:
    generator = ScriptedGenerator([DRAFT])
    rag = make_rag(generator, read_ahead=True).warm()
    wait_for(lambda: len(generator.readings) >= 21)
    rag.answer(FOUNDED)
    drafted = next(prompt for prompt in generator.prompts if to_simplified(FOUNDED) in asked(prompt))
    beginnings = [prompt for prompt in generator.readings[:21] if asked(drafted).startswith(asked(prompt))]
    assert len(beginnings) == 1
    assert asked(beginnings[0]).endswith(to_simplified(SENTENCE))
    assert beginnings[0].messages[0] == drafted.messages[0]


def test_status_is_warming_before_loading_then_ready_or_broken(make_rag: Maker, chosen: Settings) -> None:
    rag = make_rag()
    assert rag.status() == ("warming", "The models are loading.")
    assert rag.warm().status() == ("ready", "")
    broken = make_rag(corpus=chosen.corpus / "gone")
    with pytest.raises(CorpusError) as error:
        broken.warm()
    assert broken.status() == ("broken", str(error.value))


def test_status_is_broken_only_after_two_engine_failures_in_a_row(make_rag: Maker) -> None:
    failure = GenerationError("The engine failed: out of memory.")
    rag = make_rag(ScriptedGenerator([failure, DRAFT, failure, failure, DRAFT]))
    states = []
    for fails in (True, False, True, True, False):
        if fails:
            with pytest.raises(GenerationError):
                rag.answer(FOUNDED)
        else:
            rag.answer(FOUNDED)
        states.append(rag.status())
    assert states == [("ready", "")] * 3 + [("broken", str(failure)), ("ready", "")]


def test_status_is_broken_after_an_unexpected_loading_error_until_loading_succeeds(
    make_rag: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("/home/me: out of memory")

    rag = make_rag()
    with monkeypatch.context() as patched, pytest.raises(RuntimeError):
        patched.setattr("rag.pipeline.embed_examples", fails)
        rag.warm()
    assert rag.status() == (
        "broken",
        "The models or the index could not be loaded (RuntimeError); see the log.",
    )
    assert rag.warm().status() == ("ready", "")


def test_status_is_broken_while_the_sources_are_missing(make_rag: Maker, chosen: Settings) -> None:
    rag = make_rag().warm()
    article = chosen.corpus / "article.txt"
    article.rename(chosen.corpus / "article.bak")
    state, why = rag.status()
    assert state == "broken"
    assert why == f"The corpus {chosen.corpus} contains no .txt file; put a UTF-8 text file there."
    (chosen.corpus / "article.bak").rename(article)
    assert rag.status() == ("ready", "")


def outcomes(rag: Rag) -> dict[str, int]:
    """Return the number of questions by outcome."""
    lines = (line.split('"') for line in rag.metrics().splitlines() if line.startswith("rag_questions_total{"))
    return {parts[1]: int(parts[2].removeprefix("} ")) for parts in lines}


def test_a_stream_closed_before_the_answer_is_counted_as_stopped(make_rag: Maker) -> None:
    rag = make_rag(ScriptedGenerator([DRAFT]))
    events = rag.stream(FOUNDED)
    next(events)
    events.close()  # type: ignore[attr-defined]
    assert outcomes(rag) == {"answered": 0, "declined": 0, "stopped": 1, "broken": 0}


def test_an_answered_question_is_counted_only_as_answered(make_rag: Maker) -> None:
    rag = make_rag(ScriptedGenerator([DRAFT]))
    rag.answer(FOUNDED)
    assert outcomes(rag) == {"answered": 1, "declined": 0, "stopped": 0, "broken": 0}


def test_an_unexpected_error_is_counted_and_logged_without_its_message(
    make_rag: Maker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="rag")
    rag = make_rag(ScriptedGenerator([RuntimeError("/home/me: no such file")]))
    with pytest.raises(RuntimeError):
        rag.answer(FOUNDED)
    assert outcomes(rag) == {"answered": 0, "declined": 0, "stopped": 0, "broken": 1}
    assert '"error": "RuntimeError"' in caplog.text
    assert "/home/me" not in caplog.text
