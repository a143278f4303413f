"""A stored index that does not match its inputs is stale, and a rebuild embeds only the texts that it lacks."""

from pathlib import Path

import numpy as np
import pytest
from fakes import ARTICLE, FakeEmbedder
from stores import LONGEST, REMEDY, article, build_of, failure, recipe

from rag import index as index_module
from rag import store as store_module
from rag.documents import Document
from rag.store import FORMAT, Recipe, load, rebuild


def test_an_unchanged_article_is_not_embedded_again(store: Path) -> None:
    embedder = FakeEmbedder()
    before = (store / "current.json").read_bytes()
    done = rebuild(store, article(), embedder, LONGEST)
    assert (done.why, done.embedded, embedder.embedded) == ("", 0, [])
    assert (done.passages, done.sentences, done.rows) == (5, 10, 15)
    assert (store / "current.json").read_bytes() == before


def test_a_changed_source_makes_the_index_stale(store: Path) -> None:
    said = f"The index in {build_of(store)} is stale: the source article.txt has changed{REMEDY}"
    assert failure(store, recipe(ARTICLE + "新的一句。")) == said


def test_an_added_or_removed_source_makes_the_index_stale(store: Path) -> None:
    more = [*article(), Document("more.txt", "更多。")]
    assert failure(store, Recipe.of(more, "bigrams", LONGEST)).endswith(f"the source more.txt has changed{REMEDY}")
    rebuild(store, more, FakeEmbedder(), LONGEST)
    assert failure(store).endswith(f"is stale: the source more.txt has changed{REMEDY}")


def test_another_embedder_makes_the_index_stale(store: Path) -> None:
    said = failure(store, recipe(identity="another-embedder"))
    assert said == f"The index in {build_of(store)} is stale: it was built with embedder bigrams…, not another-embe…{REMEDY}"


def test_another_length_of_passages_makes_the_index_stale(store: Path) -> None:
    said = failure(store, recipe(longest=50))
    assert said == f"The index in {build_of(store)} is stale: its passages have up to 100 characters, not 50{REMEDY}"


def test_an_index_of_another_format_raises_an_error_with_both_numbers_until_it_is_rebuilt(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "FORMAT", FORMAT + 1)
    assert failure(store) == f"The index in {build_of(store)} has format {FORMAT}; expected {FORMAT + 1}{REMEDY}"
    rebuild(store, article(), FakeEmbedder(), LONGEST)
    load(store, recipe())


def test_a_rebuild_after_an_edit_embeds_only_the_edited_sentence_and_its_passage(store: Path) -> None:
    embedder = FakeEmbedder()
    edited = ARTICLE.replace("跳了舞", "扭了秧歌")
    done = rebuild(store, article(edited), embedder, LONGEST)
    touched = "宇樹科技的機器人在春節晚會上扭了秧歌。"
    assert embedder.embedded == [touched + "王興興是宇樹科技的創始人。", touched]
    assert (done.embedded, done.rows) == (2, 15)
    assert (
        done.why == f"The index in {store / done.why.split('/')[-1].split(' ')[0]} is stale: the source article.txt has changed"
    )
    fresh, _ = store_module.build(article(edited), FakeEmbedder(), LONGEST)
    found = load(store, recipe(edited))
    np.testing.assert_array_equal(found.vectors.reconstruct_n(0, 15), fresh.vectors.reconstruct_n(0, 15))


def test_many_vectors_are_quantised_and_reused_unchanged_by_a_rebuild(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_module, "EXACT_UP_TO", 100)
    many = "".join(f"第{number}家企業在{number * 37 % 101}號街，做第{number * 53 % 211}種生意。\n" for number in range(300))
    rebuild(tmp_path, article(many), FakeEmbedder(dimensions=32), LONGEST)
    before = load(tmp_path, recipe(many)).vectors
    assert (type(before).__name__, before.ntotal) == ("IndexRefine", 300)
    kept = before.reconstruct_n(0, 300)
    embedder = FakeEmbedder(dimensions=32)
    assert rebuild(tmp_path, article(many + "新的一家。"), embedder, LONGEST).embedded == 1
    assert embedder.embedded == ["新的一家。"]
    np.testing.assert_array_equal(load(tmp_path, recipe(many + "新的一家。")).vectors.reconstruct_n(0, 300), kept)


def test_vectors_of_another_embedder_are_not_reused(store: Path) -> None:
    embedder = FakeEmbedder(identity="another")
    assert rebuild(store, article(), embedder, LONGEST).embedded == 15
    assert len(embedder.embedded) == 15


def test_vectors_are_reused_if_only_the_length_of_passages_changed(store: Path) -> None:
    embedder = FakeEmbedder()
    done = rebuild(store, article(), embedder, longest=5)
    assert (done.embedded, done.passages, done.rows) == (0, 10, 10)
