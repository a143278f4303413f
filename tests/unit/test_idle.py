"""Idle work continues after a failure, is not done on servers, and is not counted in waiting times."""

import json
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from fakes import SENTENCE, ScriptedGenerator, asked
from waiting import wait_for

from rag.errors import Cancelled, GenerationError
from rag.generation import Prompt
from rag.results import Progress
from rag.serving.idle import Idle
from rag.serving.suggestions import Suggestions
from rag.serving.turns import Turns
from rag.text.script import to_simplified

ROBOT = "宇樹科技的機器人在春節晚會上跳了舞。"
QUESTION = "宇樹科技的機器人在春節晚會上做了什麼？"


def failing(prompt: Prompt) -> str:
    """Fail at SENTENCE, which comes before ROBOT; return QUESTION for ROBOT, and ROBOT, its answer, for other prompts."""
    said = asked(prompt)
    if said.endswith(to_simplified(SENTENCE)):
        raise GenerationError("The engine failed: no memory.")
    return QUESTION if said == to_simplified(ROBOT) else ROBOT


def rows(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_translating_continues_after_a_sentence_at_which_the_engine_fails(make_rag, tmp_path: Path) -> None:
    rag = make_rag(ScriptedGenerator([failing]))
    assert rag.translate() == 10
    translations = {row["sentence"]: row["english"] for row in rows(tmp_path / "store" / "english.jsonl")}
    assert len(translations) == 10
    assert [sentence for sentence, english in translations.items() if not english] == [SENTENCE]
    assert rag.translate() == 0


def test_writing_questions_continues_after_a_sentence_at_which_the_engine_fails(make_rag, tmp_path: Path) -> None:
    answering = make_rag(ScriptedGenerator([failing])).answering()
    path = tmp_path / "questions.jsonl"
    suggestions = Suggestions(None, path)
    wanted = [(answering.index.sentences[number].text, language) for number, language in suggestions.missing(answering.index)]
    idle = Idle(lambda: answering, Turns(), suggestions, tmp_path / "english.jsonl")
    idle.start(answering.index)
    wait_for(lambda: not idle._thread.is_alive(), 20)
    found = {(row["sentence"], row["language"]): row["question"] for row in rows(path)}
    assert list(found) == wanted
    assert found[SENTENCE, "zh-Hans"] == found[SENTENCE, "en"] == ""
    assert found[ROBOT, "zh-Hans"] == QUESTION


@pytest.mark.parametrize(
    ("changes", "begun"),
    [
        ({"read_ahead": True}, True),
        ({"read_ahead": False}, False),
        ({"read_ahead": True, "base_url": "http://127.0.0.1:9/v1"}, False),
        ({"read_ahead": True, "base_url": "http://127.0.0.1:9/v1", "engine": "openai"}, False),
        ({"read_ahead": True, "base_url": "http://127.0.0.1:9/v1", "engine": "llama_cpp"}, True),
    ],
    ids=["own engine", "turned off", "server", "openai", "not the server"],
)
def test_idle_work_starts_only_if_it_is_enabled_and_no_server_generates(
    make_rag, monkeypatch, changes: dict[str, object], begun: bool
) -> None:
    started: list[Idle] = []
    monkeypatch.setattr(Idle, "start", lambda idle, index: started.append(idle))
    assert make_rag(**changes).warm().answer("深度求索成立於哪一年？").answerable
    assert bool(started) is begun


def test_idle_work_does_not_change_the_expected_waiting_time(make_rag, monkeypatch, tmp_path: Path) -> None:
    now = [100.0]
    monkeypatch.setattr("rag.serving.turns.time", SimpleNamespace(monotonic=lambda: now[0]))

    class Slow(ScriptedGenerator):
        def read(self, prompt: Prompt, stop) -> None:
            super().read(prompt, stop)
            now[0] += 60.0

    generator, turns = Slow(), Turns()
    answering = make_rag(generator).answering()
    Idle(lambda: answering, turns, Suggestions(None, tmp_path / "q.jsonl"), tmp_path / "english.jsonl").read_ahead()
    assert len(generator.readings) > 3
    assert list(turns.wait("reader", lambda: False)) == []
    assert next(turns.wait("next", lambda: False)).expected_s == pytest.approx(5.0)


def test_idle_work_is_done_once_for_each_version_of_an_article(make_rag, corpus: Path, tmp_path: Path) -> None:
    rag = make_rag(ScriptedGenerator([failing]), read_ahead=True).warm()

    def translated() -> set[str]:
        return {row["sentence"] for row in rows(tmp_path / "store" / "english.jsonl")}

    wait_for(lambda: not rag._idle._thread.is_alive(), 20)
    assert ROBOT in translated()
    thread = rag._idle._thread
    assert rag.warm()._idle._thread is thread
    added = "蘇州博物館的新館由建築師貝聿銘設計。"
    (corpus / "article.txt").write_text(f"{added}\n{ROBOT}\n", encoding="utf-8")
    rag.warm()
    wait_for(lambda: not rag._idle._thread.is_alive(), 20)
    assert added in translated()


def test_a_question_that_interrupts_idle_work_is_not_reported_as_waiting(make_rag) -> None:
    class Slow(ScriptedGenerator):
        def read(self, prompt: Prompt, stop) -> None:
            super().read(prompt, stop)
            while not stop():
                time.sleep(0.001)
            raise Cancelled("The answer was stopped.")

    generator = Slow()
    rag = make_rag(generator, read_ahead=True).warm()
    wait_for(lambda: generator.readings)
    stages = [event.stage for event in rag.stream("深度求索成立於哪一年？") if isinstance(event, Progress)]
    assert "waiting" not in stages and "reading" in stages
