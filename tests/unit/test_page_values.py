"""How the page converts and renders values, tested without a browser."""

import json
from pathlib import Path

import pytest

from rag import errors, tables
from rag.errors import RagError
from rag.evaluation.measures import Question
from rag.ui import conversation, feedback, render, strings
from rag.ui.live import Live
from rag.ui.strings import languages, preferred, say

ANSWER = {
    "text": "杭州<b>起步</b>早。[1]",
    "answerable": True,
    "language": "zh-Hant",
    "engine": "scripted",
    "passages": [],
    "citations": [{"marker": 1, "quote": "起步早。", "source": "a.txt", "start": 2, "end": 6, "sentence": 0, "support": 0.9}],
    "timings": {"retrieve_s": 0.1, "first_token_s": 1, "total_s": 2, "prompt_tokens": 5, "completion_tokens": 6},
}
TURN = {"question": "<i>為什麼</i>？", "state": "answered", "answer": ANSWER}


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("zh-TW,zh;q=0.9,en;q=0.8", "zh-Hant"),
        ("zh-CN", "zh-Hans"),
        ("zh-HK", "zh-Hant"),
        ("zh-Hans-HK,zh;q=0.9", "zh-Hans"),
        ("zh-Hans-MO", "zh-Hans"),
        ("en-GB,zh;q=0.5", "en"),
        ("fr", "en"),
        ("", "en"),
        ("zh;q=0.1,en;q=0.9", "en"),
        ("zh-Hant-HK;q=oops,zh-CN", "zh-Hans"),
        ("en; q=0.5, zh-TW", "zh-Hant"),
        ("fr, zh-CN;Q=0", "en"),
    ],
)
def test_the_language_of_the_page_is_chosen_by_the_accept_language_header(header: str, language: str) -> None:
    assert preferred(header) == language


def test_every_language_has_the_same_strings() -> None:
    codes = [code for _, code in languages()]
    assert codes == ["en", "zh-Hant", "zh-Hans"]
    words = [set(table) for table in tables.read(Path(strings.__file__).parent / "strings.toml").values()]
    assert words[0] == words[1] == words[2]
    assert [say("send", code) for code in codes] == ["Ask", "提問", "提问"]


def test_html_in_a_question_and_an_answer_is_escaped() -> None:
    html = render.turns([TURN], "en")
    assert "<i>" not in html
    assert "<b>" not in html
    assert "&lt;b&gt;起步&lt;/b&gt;" in html
    assert 'data-quote="起步早。"' in html


def test_the_history_has_no_citation_marks_and_no_broken_turns() -> None:
    assert conversation.history([TURN, {"question": "x", "state": "broken"}]) == [
        {"role": "user", "content": "<i>為什麼</i>？"},
        {"role": "assistant", "content": "杭州<b>起步</b>早。"},
    ]


def test_the_history_includes_declined_questions_but_no_small_talk() -> None:
    declined = {**TURN, "state": "declined", "answer": {**ANSWER, "answerable": False, "reason": "not in the text"}}
    greeting = {**TURN, "state": "declined", "answer": {**ANSWER, "answerable": False, "reason": "small talk"}}
    assert conversation.history([declined, greeting]) == conversation.history([TURN])
    assert conversation.history([greeting]) == []


def test_a_decline_shows_what_was_searched_for_and_small_talk_is_not_shown_as_a_decline() -> None:
    answer = {**ANSWER, "answerable": False, "reason": "not in the text", "passages": [{}, {}]}
    declined = render.turn({"question": "長" * 70, "state": "declined", "answer": answer}, 1, "en")
    assert f"Looked for “{'長' * 59}…” in the 2 passages nearest to it." in declined
    greeting = {"question": "hi", "state": "declined", "answer": {**answer, "reason": "small talk"}}
    assert "Not in the article" not in render.turn(greeting, 1, "en")


@pytest.mark.parametrize("language", [code for _, code in languages()])
def test_every_error_is_shown_in_the_readers_language_with_its_message_in_the_details(language: str) -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, RagError)]
    for kind in set(kinds) - {errors.Cancelled}:
        live = Live.asked("為什麼？", language)
        live.broken(kind("It ran out of memory."))
        plain, details = render.turn(live.turn, 1, language).split("<details>")
        assert say(f"error_{kind.__name__}", language) in plain
        assert "memory" not in plain
        assert "It ran out of memory." in details


def test_the_message_of_an_unexpected_error_is_not_shown() -> None:
    live = Live.asked("為什麼？", "en")
    live.broken(KeyError("secret"))
    shown = render.turn(live.turn, 1, "en")
    assert say("unforeseen", "en") in shown and "KeyError" in shown
    assert "secret" not in shown


def test_markdown_has_quotes_as_footnotes() -> None:
    text = conversation.to_markdown([TURN])
    assert "[^1-1]: “起步早。” (a.txt, 2–6)" in text
    assert "早。[^1-1]" in text


def test_markup_in_questions_answers_and_quotes_is_escaped_in_markdown() -> None:
    citation = {**ANSWER["citations"][0], "quote": "![圖](http://evil.example/q.png)"}
    answer = {**ANSWER, "text": "見 ![圖](http://evil.example/p.png)，[2024] 年。[1]", "citations": [citation]}
    assert conversation.to_markdown([{"question": "第一行\n===\n- 第三行", "state": "answered", "answer": answer}]) == (
        "## 第一行 === - 第三行\n\n"
        r"見 !\[圖\](http://evil.example/p.png)，\[2024\] 年。[^1-1]"
        "\n\n"
        r"[^1-1]: “!\[圖\](http://evil.example/q.png)” (a.txt, 2–6)"
        "\n"
    )


def test_invalid_turns_stored_by_a_browser_are_dropped_and_unfinished_ones_are_stopped() -> None:
    assert conversation.restored("no") == []
    assert conversation.restored([1, {"question": 3}, {"question": "q", "state": "asked"}]) == [
        {"question": "q", "state": "stopped"}
    ]


def test_feedback_is_exported_as_evaluation_rows_without_a_truncated_line(tmp_path: Path) -> None:
    path = tmp_path / "feedback.jsonl"
    feedback.record(path, "為什麼？", ANSWER, False, "wrong place")
    path.write_bytes(path.read_bytes() + b'{"question": "cut')
    (row,) = feedback.export(path)
    assert Question.of(row).evidence == (("起步早。",),)
    assert (row["helpful"], row["reason"], row["question"]) == (False, "wrong place", "為什麼？")
    assert json.loads(path.read_text(encoding="utf-8").splitlines()[0])["answer"]["text"] == ANSWER["text"]
