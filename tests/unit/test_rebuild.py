"""The rebuild script indexes the given sources and prints what it did."""

import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import ARTICLE, FakeEmbedder

from rag import pipeline, weights
from rag.documents import read_corpus
from rag.store import Recipe, load
from rag.tuned import tuned

SCRIPT = Path(__file__).parents[2] / "index" / "rebuild.py"


@pytest.fixture
def rebuild(monkeypatch: pytest.MonkeyPatch, corpus: Path, tmp_path: Path) -> Callable[..., int]:
    """Return a function that runs the script on the small article: rebuild(*arguments) returns its exit code."""
    monkeypatch.setenv("RAG_CORPUS", str(corpus))
    monkeypatch.setenv("RAG_STORE", str(tmp_path / "store"))
    monkeypatch.setattr(pipeline, "open_embedder", lambda settings: FakeEmbedder())
    monkeypatch.setattr(weights, "identity", lambda name: FakeEmbedder().identity)

    def run(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", [str(SCRIPT), *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(SCRIPT), run_name="__main__")
        return int(ended.value.code)

    return run


def test_the_script_prints_why_it_built_and_detects_an_unchanged_index_without_a_model(
    rebuild, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "store"
    assert rebuild() == 0
    why, what = capsys.readouterr().out.splitlines()
    assert why == f"The index file {store / 'current.json'} is missing."
    assert what.startswith(f"Rebuilt {store}: 5 passages, 10 sentences; 15 of 15 texts embedded (")
    monkeypatch.setattr(pipeline, "open_embedder", lambda settings: pytest.fail("a model was loaded"))
    assert rebuild() == 0
    assert capsys.readouterr().out.startswith(f"Nothing changed: 5 passages, 10 sentences in {store} (")


def test_several_sources_are_stored_in_one_index(rebuild, corpus, tmp_path: Path) -> None:
    other = tmp_path / "其他 文章.txt"
    other.write_text("上海的外資企業最多。", encoding="utf-8")
    assert rebuild(other, corpus) == 0
    sources = read_corpus(corpus, other)
    index = load(tmp_path / "store", Recipe.of(sources, "bigrams", tuned().longest_passage))
    assert [document.text for document in index.documents] == [ARTICLE, "上海的外資企業最多。"]


def test_setting_rag_corpus_is_advised_only_after_indexing_other_sources(
    rebuild, corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "其他 文章.txt"
    other.write_text("上海的外資企業最多。", encoding="utf-8")
    assert rebuild(other, corpus) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "To ask about it, set RAG_CORPUS to a folder with only these sources."
    assert rebuild(other) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"To ask about it, set RAG_CORPUS to {other}."
    for own in ([corpus], []):
        assert rebuild(*own) == 0
        assert "RAG_CORPUS" not in capsys.readouterr().out


def test_the_script_imports_no_large_library_before_main() -> None:
    code = (
        f"import runpy, sys; runpy.run_path({str(SCRIPT)!r}); print(sorted({{'numpy', 'faiss', 'opencc'}} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_missing_source_exits_with_1_and_prints_one_sentence(
    rebuild, corpus, tmp_path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rebuild(corpus, tmp_path / "gone.txt") == 1
    assert capsys.readouterr().err == (
        f"rag: The corpus {tmp_path / 'gone.txt'} does not exist; put a UTF-8 text file there, or set RAG_CORPUS.\n"
    )
    assert not (tmp_path / "store").exists()
