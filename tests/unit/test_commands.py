"""The command line, and the public names of the package."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import rag
from rag.cli import main


def test_wrong_usage_exits_with_2() -> None:
    with pytest.raises(SystemExit) as ended:
        main(["ask"])
    assert ended.value.code == 2


def test_an_error_is_one_sentence_on_standard_error_and_exits_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ask", "   "]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "rag: The question is empty; write what you want to know.\n"


def test_json_prints_one_json_object_and_nothing_else(make_rag, monkeypatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("rag.pipeline.Rag", lambda settings: make_rag())
    assert main(["ask", "深度求索成立於哪一年？", "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["text"] == "深度求索成立於2023年。[1]"
    assert set(value["citations"][0]) == {"marker", "quote", "source", "start", "end", "sentence", "support"}
    assert set(value["timings"]) >= {"retrieve_s", "first_token_s", "total_s", "prompt_tokens", "completion_tokens"}


def test_the_translate_command_translates_each_sentence_only_once(
    make_rag, monkeypatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("rag.pipeline.Rag", lambda settings: make_rag())
    assert main(["translate"]) == main(["translate"]) == 0
    printed = capsys.readouterr()
    assert printed.out == ""
    assert [line for line in printed.err.splitlines() if "English" in line] == [
        "10 sentences lacked an English translation; the translations are now stored with the index.",
        "0 sentences lacked an English translation; the translations are now stored with the index.",
    ]


def test_the_package_exports_exactly_the_listed_names() -> None:
    assert sorted(rag.__all__) == [
        "Answer",
        "Citation",
        "Document",
        "Evidence",
        "Final",
        "Passage",
        "Progress",
        "Rag",
        "RagError",
        "Settings",
        "Timings",
        "Token",
        "answer",
        "stream",
    ]
    assert all(hasattr(rag, name) for name in rag.__all__)


def test_importing_the_package_loads_no_model_library() -> None:
    code = "import sys, rag; print(sorted({'torch', 'gradio', 'transformers', 'faiss'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(rag.__file__).parent.parent
    )
    assert done.stdout.strip() == "[]"
