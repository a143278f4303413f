"""The index in use matches the current article."""

import json
import shutil
from collections.abc import Callable

import pytest
from fakes import ARTICLE, DRAFT, FOUNDED, SENTENCE, FakeEmbedder, ScriptedGenerator, assert_exact
from stores import replace

from rag import library
from rag.documents import Document
from rag.errors import CorpusError, IndexStoreError
from rag.pipeline import Rag
from rag.settings import Settings
from rag.store import load, rebuild
from rag.tuned import tuned

Maker = Callable[..., Rag]


def test_an_index_rebuilt_by_another_process_is_used_for_the_next_answer(make_rag: Maker, chosen: Settings) -> None:
    rag = make_rag(ScriptedGenerator([DRAFT]), rebuild="never")
    rebuild(chosen.store, [Document("article.txt", ARTICLE)], FakeEmbedder(), tuned().longest_passage)
    assert rag.answer(FOUNDED).citations[0].start == ARTICLE.index(SENTENCE)
    edited = "新的第一段。\n" + ARTICLE
    (chosen.corpus / "article.txt").write_text(edited, encoding="utf-8")
    rebuild(chosen.store, [Document("article.txt", edited)], FakeEmbedder(), tuned().longest_passage)
    answer = rag.answer(FOUNDED)
    assert_exact(answer, edited)
    assert answer.citations[0].start == edited.index(SENTENCE)


def test_an_edited_article_is_indexed_before_the_next_answer(
    make_rag: Maker, chosen: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    rag = make_rag(ScriptedGenerator([DRAFT]))
    rag.answer(FOUNDED)
    edited = "新的第一段。\n" + ARTICLE
    (chosen.corpus / "article.txt").write_text(edited, encoding="utf-8")
    assert_exact(rag.answer(FOUNDED), edited)
    assert "is stale: the source article.txt has changed" in capsys.readouterr().err


def test_an_edited_names_file_is_used_for_the_next_question(make_rag: Maker, chosen: Settings) -> None:
    rag = make_rag()
    assert rag.answering().english.names.annotate("深度求索") == "深度求索"
    table = chosen.corpus / "article.names.toml"
    table.write_text('[names]\n"深度求索" = ["DeepSeek"]\n', encoding="utf-8")
    assert rag.answering().english.names.annotate("深度求索") == " DeepSeek (深度求索)"


def test_an_invalid_names_file_raises_an_error_until_it_is_removed(make_rag: Maker, chosen: Settings) -> None:
    rag = make_rag()
    table = chosen.corpus / "article.names.toml"
    table.write_text("[names", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"The names file .*article\.names\.toml cannot be read"):
        rag.answer(FOUNDED)
    table.unlink()
    assert rag.answer(FOUNDED).answerable


def test_an_edited_translations_file_is_used_for_the_next_question(make_rag: Maker, chosen: Settings) -> None:
    rag = make_rag()
    assert rag.answering().english.translation_of(SENTENCE) == ""
    (chosen.corpus / "article.english.jsonl").write_text(
        json.dumps({"sentence": SENTENCE, "english": "Founded in 2023."}), encoding="utf-8"
    )
    assert rag.answering().english.translation_of(SENTENCE) == "Founded in 2023."


def test_a_build_caused_by_a_question_reports_its_reason_and_progress(
    make_rag: Maker, chosen: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(chosen.store)
    make_rag(ScriptedGenerator([DRAFT])).answer(FOUNDED)
    told = capsys.readouterr().err
    assert told.startswith(f"The index file {chosen.store / 'current.json'} is missing. Building the index.\n")
    assert "index: 100%" in told and "15/15" in told


def test_an_article_edited_while_its_index_is_loaded_is_indexed_for_the_next_answer(
    make_rag: Maker, chosen: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    edited = "新的第一段。\n" + ARTICLE

    def load_slowly(*arguments: object) -> object:
        index = load(*arguments)  # type: ignore[arg-type]
        (chosen.corpus / "article.txt").write_text(edited, encoding="utf-8")
        return index

    rag = make_rag(ScriptedGenerator([DRAFT]))
    rag.rebuild()
    monkeypatch.setattr(library, "load", load_slowly)
    assert_exact(rag.answer(FOUNDED), ARTICLE)
    assert_exact(rag.answer(FOUNDED), edited)


def test_an_article_edited_just_before_its_index_is_built_is_indexed_for_the_next_answer(
    make_rag: Maker, chosen: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    edited = "新的第一段。\n" + ARTICLE

    def load_slowly(*arguments: object) -> object:
        (chosen.corpus / "article.txt").write_text(edited, encoding="utf-8")
        return load(*arguments)  # type: ignore[arg-type]

    shutil.rmtree(chosen.store)
    monkeypatch.setattr(library, "load", load_slowly)
    rag = make_rag(ScriptedGenerator([DRAFT]))
    assert_exact(rag.answer(FOUNDED), ARTICLE)
    assert_exact(rag.answer(FOUNDED), edited)


def test_an_index_that_another_process_replaces_after_the_build_is_built_once_more(
    make_rag: Maker, chosen: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = [Document("article.txt", "上海的外資企業最多。")]
    others = [lambda: rebuild(chosen.store, other, FakeEmbedder(), tuned().longest_passage)]

    def rebuild_beside(*arguments: object) -> object:
        done = rebuild(*arguments)  # type: ignore[arg-type]
        while others:
            others.pop()()
        return done

    shutil.rmtree(chosen.store)
    monkeypatch.setattr(library, "rebuild", rebuild_beside)
    assert_exact(make_rag(ScriptedGenerator([DRAFT])).answer(FOUNDED), ARTICLE)


def test_an_index_just_built_is_not_loaded_again(make_rag: Maker, chosen: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(chosen.store)
    rag = make_rag(ScriptedGenerator([DRAFT]))
    index, _ = rag.search_index()
    monkeypatch.setattr(library, "load", lambda *arguments: pytest.fail("it was loaded again"))
    assert rag.search_index()[0] is index


def test_an_edited_title_is_used_at_once(make_rag: Maker, chosen: Settings) -> None:
    rag = make_rag()
    assert [document.title for document in rag.documents] == [""]
    (chosen.corpus / "article.toml").write_text('title = "六小龍"', encoding="utf-8")
    assert [document.title for document in rag.documents] == ["六小龍"]


def test_a_missing_index_raises_an_error_and_is_not_built_if_rebuild_is_never(make_rag: Maker, chosen: Settings) -> None:
    shutil.rmtree(chosen.store)
    rag = make_rag(rebuild="never")
    with pytest.raises(IndexStoreError) as error:
        rag.answer(FOUNDED)
    missing = chosen.store / "current.json"
    assert str(error.value) == f"The index file {missing} is missing; run python index/rebuild.py, or set RAG_REBUILD=auto."
    assert not chosen.store.exists()


def test_a_damaged_index_is_rebuilt_and_reported(make_rag: Maker, chosen: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    make_rag(ScriptedGenerator([DRAFT])).answer(FOUNDED)
    path = next(chosen.store.rglob("vectors.faiss"))
    replace(path, path.read_bytes()[:-7])
    assert make_rag(ScriptedGenerator([DRAFT])).answer(FOUNDED).answerable
    assert f"The index file {path} is damaged" in capsys.readouterr().err


def test_a_deleted_corpus_raises_a_corpus_error(make_rag: Maker, chosen: Settings) -> None:
    (chosen.corpus / "article.txt").unlink()
    with pytest.raises(CorpusError):
        make_rag().answer(FOUNDED)


@pytest.mark.parametrize("documents", [(), (Document("a.txt", " \n"), Document("b.txt", "---\n"))])
def test_documents_in_memory_without_text_raise_a_corpus_error(chosen: Settings, documents: tuple[Document, ...]) -> None:
    with pytest.raises(CorpusError, match="The documents contain no text; expected at least one sentence"):
        Rag(chosen, FakeEmbedder(), ScriptedGenerator(), documents=documents).answer(FOUNDED)


def test_a_document_whose_text_is_not_a_string_raises_a_corpus_error() -> None:
    with pytest.raises(CorpusError, match="The text of the source a is of type NoneType; expected a string"):
        Document("a", None)  # type: ignore[arg-type]
