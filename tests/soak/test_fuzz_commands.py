"""Test that any input to the commands gives an answer with exact quotes or an error, never a traceback."""

from __future__ import annotations

import json
import os
import runpy
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
from fakes import ARTICLE, DRAFT, FOUNDED, FakeEmbedder, ScriptedGenerator
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from inputs import HISTORY, JSON, QUESTION, TEXT, TURN, assert_quotes
from programs import ROOT, Amount, Figures

from rag import pipeline
from rag.answer_file import ROW
from rag.cli import main
from rag.settings import Settings


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[object, str, str]]:
    """Return a function that runs a command on scripted models: command(*arguments) returns (exit code, stdout, stderr)."""
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "article.txt").write_text(ARTICLE, encoding="utf-8")
    for name, value in {"CORPUS": "corpus", "STORE": "store", "WEIGHTS": "weights"}.items():
        monkeypatch.setenv(f"RAG_{name}", str(tmp_path / value))
    monkeypatch.setenv("RAG_OFFLINE", "1")
    monkeypatch.setenv("RAG_READ_AHEAD", "0")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(pipeline, "open_embedder", lambda settings: FakeEmbedder())
    monkeypatch.setattr(pipeline, "open_generator", lambda settings: ScriptedGenerator([DRAFT]))
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[object, str, str]:
        out, err = StringIO(), StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            try:
                code: object = main(arguments)
            except SystemExit as end:
                code = end.code
        assert "Traceback" not in err.getvalue()
        return code, out.getvalue(), err.getvalue()

    return run


def test_ask_answers_any_text_or_prints_a_one_line_error(command, amount: Amount, figures: Figures) -> None:
    codes: Counter[object] = Counter()

    @settings(max_examples=int(amount(60, 3000)))
    @given(TEXT | st.just("深" * 4001))
    def hold(question: str) -> None:
        code, out, err = command("ask", "--json", "--", question)
        codes[code] += 1
        assert code in (0, 1)
        if code == 0:
            assert_quotes(json.loads(out))
        else:
            assert out == ""
            assert err.startswith("rag: ") and err.count("\n") == 1

    hold()
    figures(tried=sum(codes.values()), exit_codes=dict(codes))


LINE = st.one_of(
    st.fixed_dictionaries(
        {"id": st.integers(0, 3) | TEXT, "question": st.just(FOUNDED) | TEXT}, optional={"history": st.lists(TURN)}
    ).map(json.dumps),
    st.fixed_dictionaries({"id": st.integers(0, 3) | TEXT | JSON, "question": QUESTION}, optional={"history": HISTORY}).map(
        json.dumps
    ),
    JSON.map(json.dumps),
    TEXT.filter(lambda text: not set(text) & set("\r\n")),
)


def test_batch_answers_a_valid_row_among_any_others_and_writes_one_row_per_id(
    command, tmp_path: Path, amount: Amount, figures: Figures
) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    valid = json.dumps({"id": "valid", "question": FOUNDED})
    codes: Counter[object] = Counter()
    answered = 0

    @settings(max_examples=int(amount(40, 1500)))
    @given(st.lists(LINE, max_size=6), st.integers(0, 6))
    def hold(lines: list[str], place: int) -> None:
        nonlocal answered
        lines = [*lines[:place], valid, *lines[place:]]
        source.write_bytes("\n".join(lines).encode("utf-8", "replace"))
        target.unlink(missing_ok=True)
        code, out, _ = command("batch", str(source), str(target))
        codes[code] += 1
        assert (code in (0, 1), out) == (True, "")
        after = target.read_bytes()
        rows = [json.loads(line) for line in after.decode().splitlines() if line]
        assert [row["answerable"] for row in rows if row["id"] == "valid"] == [True]
        assert all(tuple(row) == ROW for row in rows)
        assert len({json.dumps(row["id"]) for row in rows}) == len(rows)
        answered += len(rows)
        command("batch", str(source), str(target))
        assert target.read_bytes() == after  # no question is asked twice

    hold()
    figures(tried=sum(codes.values()), answered=answered, exit_codes=dict(codes))


def test_batch_leaves_a_file_with_other_content_unchanged(command, tmp_path: Path, amount: Amount, figures: Figures) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    codes: Counter[object] = Counter()

    @settings(max_examples=int(amount(20, 750)))
    @given(st.lists(LINE, max_size=6), st.lists(LINE, min_size=1, max_size=2))
    def hold(lines: list[str], foreign: list[str]) -> None:
        held = "\n".join(foreign).encode("utf-8", "replace")
        assume(held.strip())
        source.write_bytes("\n".join(lines).encode("utf-8", "replace"))
        target.write_bytes(held)
        code, out, _ = command("batch", str(source), str(target))
        codes[code] += 1
        assert (code, out, target.read_bytes()) == (1, "", held)

    hold()
    figures(tried=sum(codes.values()), exit_codes=dict(codes))


PARAGRAPH = st.fixed_dictionaries(
    {
        "context": TEXT | st.just(ARTICLE) | JSON,
        "qas": st.lists(
            st.fixed_dictionaries({"id": TEXT, "question": QUESTION, "answers": st.just([{"text": "2023"}]) | JSON}), max_size=2
        )
        | JSON,
    }
)
WHOLE = {"context": ARTICLE, "qas": [{"id": "1", "question": FOUNDED, "answers": [{"text": "2023"}]}]}
SQUAD = st.lists(PARAGRAPH, max_size=3).map(lambda more: {"data": [{"paragraphs": [WHOLE, *more]}]}) | st.lists(
    PARAGRAPH, max_size=2
).map(lambda some: {"data": [{"paragraphs": some}]})


def test_eval_measures_any_squad_file_or_prints_one_error(command, tmp_path: Path, amount: Amount, figures: Figures) -> None:
    path = tmp_path / "squad.json"
    codes: Counter[object] = Counter()

    @settings(max_examples=int(amount(30, 1000)))
    @given(SQUAD | JSON, st.sampled_from([(), ("--limit", "1"), ("--answers", "1")]))
    def hold(squad: object, more: tuple[str, ...]) -> None:
        path.write_text(json.dumps(squad), encoding="utf-8")
        code, out, err = command("eval", "--squad", str(path), "--json", *more)
        codes[code] += 1
        assert code in (0, 1)
        if code == 0:
            json.loads(out)
        else:
            assert (out, err.count("rag: ")) == ("", 1)

    hold()
    figures(tried=sum(codes.values()), exit_codes=dict(codes))


VALUE = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["0", "1", "-1", "1e9", "nan", "auto", "openai", "never", "http://[", "/dev/null", "/", "~", "/proc/none"]
)


def test_any_settings_work_or_are_refused_with_an_error(
    command, monkeypatch: pytest.MonkeyPatch, amount: Amount, figures: Figures
) -> None:
    names = sorted(Settings.__dataclass_fields__.keys() - {"store", "weights"})
    codes: Counter[object] = Counter()
    whole = dict(os.environ)

    @settings(max_examples=int(amount(60, 2000)))
    @given(st.dictionaries(st.sampled_from(names), VALUE, min_size=1, max_size=2))
    def hold(chosen: dict[str, str]) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(os, "environ", whole | {f"RAG_{name.upper()}": value for name, value in chosen.items()})
            code, out, err = command("ask", "--json", FOUNDED)
        codes[code] += 1
        assert code in (0, 1)
        assert json.loads(out) if code == 0 else (out == "" and err.splitlines()[-1].startswith("rag: "))

    hold()
    figures(tried=sum(codes.values()), exit_codes=dict(codes))


def test_the_rebuild_script_indexes_any_bytes_or_prints_an_error(
    command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, amount: Amount, figures: Figures
) -> None:
    codes: Counter[object] = Counter()

    @settings(max_examples=int(amount(30, 1000)))
    @given(
        st.dictionaries(
            st.sampled_from(["a.txt", "文 b.txt"]),
            st.binary(max_size=40) | TEXT.map(lambda t: t.encode("utf-8", "replace")),
            min_size=1,
        )
    )
    def hold(files: dict[str, bytes]) -> None:
        for name, data in files.items():
            (tmp_path / name).write_bytes(data)
        monkeypatch.setattr(sys, "argv", ["rebuild.py", *files])
        out, err = StringIO(), StringIO()
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
            runpy.run_path(str(ROOT / "index" / "rebuild.py"), run_name="__main__")
        codes[ended.value.code] += 1
        assert ended.value.code in (0, 1)
        assert ("Rebuilt " in out.getvalue() or "Nothing changed" in out.getvalue()) == (ended.value.code == 0)
        assert ended.value.code == 0 or err.getvalue().startswith("rag: ")

    hold()
    figures(tried=sum(codes.values()), exit_codes=dict(codes))


OPTIONS = ("--json", "--limit", "list", "verify", "fetch", "-1", "0", "1", "--split", "all", "--help", "--seed", "--answers")
FILES = ("article", "rows.jsonl", "out.jsonl", "/dev/null", "/", "missing")
WORDS = st.lists(
    st.one_of(st.sampled_from(OPTIONS + FILES), st.text(st.characters(exclude_characters="\0"), max_size=12)), max_size=4
)
COMMANDS = st.sampled_from([["ask"], ["batch"], ["eval", "--squad"], ["weights"], ["doctor"], ["feedback"], []])


def test_any_command_line_arguments_end_with_a_known_exit_code(
    command, tmp_path: Path, amount: Amount, figures: Figures
) -> None:
    (tmp_path / "article").write_text(ARTICLE, encoding="utf-8")
    (tmp_path / "rows.jsonl").write_text(json.dumps({"id": 1, "question": FOUNDED}) + "\n", encoding="utf-8")
    codes: Counter[object] = Counter()

    @settings(max_examples=int(amount(60, 2000)))
    @given(COMMANDS, WORDS)
    def hold(name: list[str], words: list[str]) -> None:
        code, _, _ = command(*name, *words)
        codes[code] += 1
        assert code in (0, 1, 2), (name, words)

    hold()
    figures(tried=sum(codes.values()), exit_codes=dict(codes))
