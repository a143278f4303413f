import math
from collections import Counter

import numpy as np
import pytest
from fakes import ARTICLE, FakeEmbedder

from rag import index as index_module
from rag.documents import Document
from rag.index import Index, build, term_index, vector_index
from rag.text import terms


@pytest.fixture
def article() -> Index:
    return build([Document("article.txt", ARTICLE)], FakeEmbedder(), longest=100)[0]


def unit(rows: int, dimensions: int, seed: int) -> np.ndarray:
    made = np.random.default_rng(seed).normal(size=(rows, dimensions)).astype(np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


@pytest.mark.parametrize("length", [1.0, 0.25, 7.5], ids=["unit", "short", "long"])
def test_exact_search_returns_the_same_inner_products_and_order_as_numpy(length: float) -> None:
    vectors = unit(300, 48, seed=1)
    query = unit(1, 48, seed=2) * length
    scores, rows = vector_index(vectors).search(query, 10)
    expected = vectors @ query[0]
    order = np.argsort(-expected)[:10]
    assert rows[0].tolist() == order.tolist()
    np.testing.assert_allclose(scores[0], expected[order], rtol=1e-5, atol=1e-6)


def clustered(rows: int, dimensions: int, seed: int) -> np.ndarray:
    centres = unit(rows // 50, dimensions, seed)
    made = np.repeat(centres, 50, axis=0) + 0.7 * unit(len(centres) * 50, dimensions, seed + 1)
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("dimensions", [32, 33])
def test_approximate_search_finds_97_percent_of_the_ten_best_with_their_inner_products(
    monkeypatch: pytest.MonkeyPatch, dimensions: int
) -> None:
    monkeypatch.setattr(index_module, "EXACT_UP_TO", 1_000)
    vectors = clustered(3_000, dimensions, seed=3)
    made = vector_index(vectors)
    assert type(made).__name__ == "IndexRefine"
    found = 0
    for query in vectors[::100] + 0.2 * unit(30, dimensions, seed=9):
        scores, rows = made.search(query.reshape(1, -1), 10)
        expected = vectors @ query
        found += len(set(rows[0].tolist()) & set(np.argsort(-expected)[:10].tolist()))
        np.testing.assert_allclose(scores[0], expected[rows[0]], atol=2e-3)
    assert found >= 0.97 * 300
    np.testing.assert_allclose(made.reconstruct(7), vectors[7], atol=5e-4)


def test_sentences_without_letters_or_digits_are_not_indexed() -> None:
    text = "杭州很好。 ——。深圳也好。\n---\n| 城市 | 房價 |\n|---|---|\n\u200b\n北京最大。……\n"
    index, _ = build([Document("a", text)], FakeEmbedder(), longest=100)
    searched = [sentence.text for sentence, row in zip(index.sentences, index.row_of_sentence, strict=True) if row >= 0]
    assert searched == ["杭州很好。", "深圳也好。", "| 城市 | 房價 |", "北京最大。……"]
    assert [passage.text for passage in index.passages] == ["杭州很好。 ——。深圳也好。", "| 城市 | 房價 |", "北京最大。……"]


def test_dense_search_scores_a_passage_by_its_best_row(article: Index) -> None:
    embedder = FakeEmbedder()
    query = embedder.vector("宇樹科技的創始人是誰")
    texts = {number: [passage.text] for number, passage in enumerate(article.passages)}
    for number, members in enumerate(article.sentences_of_passage):
        texts[number] += [article.sentences[sentence].text for sentence in members]
    expected = {number: max(float(embedder.vector(text) @ query) for text in own) for number, own in texts.items()}
    hits = article.dense(query, 5)
    assert [hit.score for hit in hits] == pytest.approx(sorted(expected.values(), reverse=True), abs=1e-6)
    assert [hit.score for hit in hits] == pytest.approx([expected[hit.passage] for hit in hits], abs=1e-6)
    assert "王興興" in article.passages[hits[0].passage].text
    assert article.dense(query, 2) == hits[:2]


def lucene(passages: list[list[str]], query: list[str], k1: float = 1.2, b: float = 0.75) -> list[float]:
    """Return the BM25 score of each passage, computed term by term as Lucene defines it."""
    mean = sum(map(len, passages)) / len(passages)
    scores = []
    for words in passages:
        score = 0.0
        for term in query:
            holding = sum(term in other for other in passages)
            rarity = math.log(1 + (len(passages) - holding + 0.5) / (holding + 0.5))
            count = Counter(words)[term]
            score += rarity * count / (count + k1 * (1 - b + b * len(words) / mean))
        scores.append(score)
    return scores


@pytest.mark.parametrize("query", ["杭州", "杭州的科技企業", "杭州 杭州 深圳", "2023", "宇樹科技 DeepSeek", "15%"])
def test_lexical_search_returns_the_bm25_scores_of_lucene(article: Index, query: str) -> None:
    expected = lucene([terms(passage.text) for passage in article.passages], terms(query))
    hits = article.lexical(terms(query), 10)
    found = [number for number, score in enumerate(expected) if score > 0]
    assert sorted(hit.passage for hit in hits) == found
    assert [hit.score for hit in hits] == pytest.approx([expected[hit.passage] for hit in hits], rel=1e-4)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_terms_that_occur_in_no_passage_find_nothing(article: Index) -> None:
    assert article.lexical(terms("quantum"), 10) == []
    assert article.lexical([], 10) == []


def test_rarity_is_the_inverse_document_frequency(article: Index) -> None:
    total = len(article.passages)
    holding = sum("杭州" in terms(passage.text) for passage in article.passages)
    assert 0 < holding < total
    assert article.rarity("杭州") == pytest.approx(math.log(1 + (total - holding + 0.5) / (holding + 0.5)))
    assert article.rarity("quantum") == pytest.approx(math.log(1 + (total + 0.5) / 0.5))


def test_passages_without_terms_can_be_indexed() -> None:
    assert term_index([["杭州"], []]).get_scores(["杭州"]).shape == (2,)
    made, _ = build([Document("a", "Привет!\n杭州很好。")], FakeEmbedder(), 100)
    assert [hit.passage for hit in made.lexical(["杭州"], 5)] == [1]


def test_a_sentence_that_is_a_whole_passage_shares_the_row_of_the_passage() -> None:
    made, embedded = build([Document("a", "第一句話。第二句話。\n單獨一句。")], FakeEmbedder(), 100)
    assert [made.passages[owner].text for owner in made.passage_of_row] == [
        *("第一句話。第二句話。", "單獨一句。", "第一句話。第二句話。", "第一句話。第二句話。")
    ]
    assert made.row_of_sentence.tolist() == [2, 3, 1]
    assert embedded == 4


def test_pull_quotes_have_no_row_and_are_in_no_passage() -> None:
    said = "憑什麼是杭州養出了深度求索這樣的公司"
    made, _ = build([Document("a", f"有人問，{said}。\n{said}")], FakeEmbedder(), 100)
    assert len(made.sentences) == 2
    assert made.row_of_sentence.tolist() == [0, -1]
    assert list(made.sentences_of_passage) == [(0,)]


def test_a_line_repeated_only_in_another_source_is_searched_as_no_pull_quote() -> None:
    said = "憑什麼是杭州養出了深度求索這樣的公司"
    documents = [Document("a", f"有人問，{said}。"), Document("b", said)]
    made, _ = build(documents, FakeEmbedder(), 100)
    assert [made.is_searched(number) for number in range(len(made.sentences))] == [True, True]
    assert [passage.text for passage in made.passages] == [document.text for document in documents]


def test_sentence_vectors_equal_those_of_the_embedder(article: Index) -> None:
    wanted = [4, 0, 7]
    expected = np.stack([FakeEmbedder().vector(article.sentences[number].text) for number in wanted])
    np.testing.assert_allclose(article.sentence_vectors(wanted), expected)
    assert article.sentence_vectors([]).shape == (0, 512)


def test_a_sentence_is_found_by_its_source_and_offset() -> None:
    made, _ = build([Document("a", "甲很好。乙也好。\n丙。"), Document("b", "丁。戊。")], FakeEmbedder(), 100)
    assert [made.sentence_at(s.source, s.start) for s in made.sentences] == [0, 1, 2, 3, 4]
    assert [made.sentence_at(*place) for place in (("a", 1), ("a", 99), ("b", 8), ("c", 0))] == [-1, -1, -1, -1]
    assert made.source_text("b") == "丁。戊。"


def test_similar_sentences_are_returned_best_first_without_passages_and_pull_quotes(article: Index) -> None:
    rows = np.stack([FakeEmbedder().vector(sentence.text) for sentence in article.sentences])
    for asked in ([6], [1, 7]):
        nearest = (rows @ rows[asked].T).max(axis=1)
        assert sorted(article.near(asked, 100)) == list(range(len(rows)))
        found = article.near(asked, 100)
        assert nearest[found].tolist() == pytest.approx(sorted(nearest, reverse=True), abs=1e-6)
    assert article.near([], 100) == []
    quoted, _ = build(
        [Document("a", "有人問，憑什麼是杭州養出了這樣的公司。\n憑什麼是杭州養出了這樣的公司")], FakeEmbedder(), 100
    )
    assert quoted.near([0], 100) == [0]


def test_texts_with_known_vectors_are_not_embedded_again() -> None:
    embedder = FakeEmbedder()
    known = {"甲很好。": embedder.vector("乙")}
    made, embedded = build([Document("a", "甲很好。\n乙很好。")], embedder, 100, known)
    assert (embedded, embedder.embedded) == (1, ["乙很好。"])
    np.testing.assert_array_equal(made.vectors.reconstruct(0), known["甲很好。"])


def test_texts_that_occur_twice_are_embedded_once() -> None:
    embedder = FakeEmbedder()
    build([Document("a", "甲很好。\n甲很好。"), Document("b", "甲很好。")], embedder, 100)
    assert embedder.embedded == ["甲很好。"]


def test_passages_of_several_sources_have_offsets_in_their_own_source() -> None:
    texts = {"a": "甲很好。乙很好。\n丙。", "b": "\n丁很好。戊也好。"}
    made, _ = build([Document(name, text) for name, text in texts.items()], FakeEmbedder(), 100)
    for number, passage in enumerate(made.passages):
        assert texts[passage.source][passage.start : passage.end] == passage.text
        assert {made.sentences[i].source for i in made.sentences_of_passage[number]} == {passage.source}
    assert made.source_text("b") == texts["b"]


def test_building_an_index_reports_progress() -> None:
    told: list[tuple[int, int]] = []
    build([Document("a", "甲很好。\n乙很好。")], FakeEmbedder(), 100, report=lambda done, total: told.append((done, total)))
    assert told == [(2, 2)]


@pytest.mark.parametrize(
    ("texts", "script"),
    [
        (["為什麼誕生在杭州。"], "zh-Hant"),
        (["为什么诞生在杭州。"], "zh-Hans"),
        (["為什麼誕生在杭州。", "为什么诞生在杭州。为什么？"], "zh-Hant"),
        (["为什么诞生在杭州。", "為什麼誕生在杭州。為什麼？"], "zh-Hans"),
        (["杭州。", "為什麼誕生在杭州。"], None),
        (["Hangzhou is good."], None),
    ],
)
def test_the_script_of_an_index_is_that_of_its_first_source(texts: list[str], script: str | None) -> None:
    documents = [Document(str(number), text) for number, text in enumerate(texts)]
    assert build(documents, FakeEmbedder(), 100)[0].script == script


def test_an_outline_has_the_most_central_statement_of_each_part_in_text_order() -> None:
    parts = [
        [
            f"第{n}部分講杭州的第{n}件事情，是這一段裡的中心句子",
            f"第{n}部分講杭州的第{n}件事情，是這一段裡的中心句子嗎？",
            "短句。",
        ]
        for n in "一二三四五六七八"
    ]
    text = "\n".join(
        f"{central}。這些都是第{n}部分講杭州的中心句子。{question}{short}" for n, (central, question, short) in enumerate(parts)
    )
    index = build([Document("a", text)], FakeEmbedder(), longest=100)[0]
    assert [index.sentences[number].text for number in index.outline] == [f"{central}。" for central, _, _ in parts]


@pytest.mark.parametrize(
    ("text", "outline"),
    [("短。", ["短。"]), ("杭州好嗎？", ["杭州好嗎？"]), ("甲。\n乙。", ["甲。", "乙。"])],
)
def test_the_outline_of_a_very_short_text_is_the_whole_text(text: str, outline: list[str]) -> None:
    index = build([Document("a", text)], FakeEmbedder(), longest=100)[0]
    assert [index.sentences[number].text for number in index.outline] == outline


def test_a_vector_in_context_adds_the_weighted_neighbours_of_the_same_paragraph() -> None:
    index = build([Document("a", "杭州在東邊。它不大。人很多。\n南京在西邊。")], FakeEmbedder(), longest=100)[0]
    alone = index.sentence_vectors([0, 1, 2, 3])
    first, middle, last, other = index.in_context([0, 1, 2, 3], 0.5)
    for found, sums in (
        (first, alone[0] + alone[1] / 2),
        (middle, alone[1] + alone[0] / 2 + alone[2] / 2),
        (last, alone[2] + alone[1] / 2),
    ):
        np.testing.assert_allclose(found, sums / np.linalg.norm(sums), atol=1e-6)
    np.testing.assert_allclose(other, alone[3], atol=1e-6)
    np.testing.assert_allclose(index.in_context([2], 0.5)[0], last, atol=1e-6)
    assert index.in_context([], 0.5).shape == (0, 512)


def test_the_antecedent_of_a_sentence_is_the_preceding_one_of_the_same_source() -> None:
    documents = [Document("a", "有五個原因。這些原因都在文中。"), Document("b", "這些不算。別的也不算。")]
    index = build(documents, FakeEmbedder(), longest=100)[0]
    assert [index.antecedent_of(number) for number in range(4)] == [-1, 0, -1, -1]
