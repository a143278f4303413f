"""The command line, and the public names of the package."""

import subprocess
import sys
from pathlib import Path

import pytest

import rag
from rag.cli import main


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
