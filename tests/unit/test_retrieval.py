"""Reading the question, rank fusion of dense and lexical search, and choosing the sentences to read."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from fakes import ARTICLE, FakeEmbedder

from rag.documents import Document
from rag.english.names import Names
from rag.index import Index, build
from rag.question import Query, read_question
from rag.retrieval import context_passages, retrieve
from rag.text import fold, terms
from rag.text.script import Script
from rag.tuned import tuned

NAMES = Names((("宇树科技", ("Unitree",)),))
TUNED = replace(tuned(), passages=5, rank_constant=10, dense=1.0, lexical=1.0, follow_up_alone=0.5)


@pytest.fixture(scope="module")
def index() -> Index:
    return build([Document("article.txt", ARTICLE)], FakeEmbedder(), longest=100)[0]


def turn(content: str, role: str = "user") -> dict[str, str]:
    return {"role": role, "content": content}


def test_a_first_question_has_no_previous_question() -> None:
    assert read_question(" 為什麼？ ", (), "zh-Hant", NAMES) == Query("為什麼？", "", "zh-Hant")


def test_the_previous_question_is_the_last_one_of_the_reader() -> None:
    history = [turn("第一個？"), turn("答。", "assistant"), turn("第二個？ "), turn("答。", "assistant")]
    assert read_question("為什麼？", history, "zh-Hant", NAMES).previous == "第二個？"


def test_earlier_questions_are_listed_latest_first() -> None:
    history = [turn(text, role) for text in ("甲？", "乙？ ", " 丙？", "丁？") for role in ("user", "assistant")]
    query = read_question("為什麼？", history, "zh-Hant", NAMES)
    assert (query.previous, query.earlier) == ("丁？", ("丙？", "乙？", "甲？"))


@pytest.mark.parametrize(
    ("said", "answered"),
    [
        ("梁文鋒。[1]文中寫道：他生於1985年。[2]", "梁文鋒。文中寫道：他生於1985年。"),
        ("答" * 200, "答" * 80),
        ("Nothing was said. " * 40, ("Nothing was said. " * 14)[:240].strip()),
    ],
)
def test_the_query_has_the_beginning_of_the_last_answer_without_citation_marks(said: str, answered: str) -> None:
    history = [turn("誰？"), turn("別的。", "assistant"), turn("誰？"), turn(said, "assistant")]
    assert read_question("為什麼？", history, "zh-Hant", NAMES).previous_answer == answered
    assert read_question("為什麼？", history[:-1], "zh-Hant", NAMES).previous_answer == ""


@pytest.mark.parametrize(
    ("history", "written", "language"),
    [
        ((), "zh-Hant", "zh-Hant"),
        ((), "zh-Hans", "zh-Hans"),
        ((), None, "zh-Hans"),
        ((turn("總部在哪裡？"),), "zh-Hans", "zh-Hant"),
        ((turn("总部在哪里？"),), "zh-Hant", "zh-Hans"),
        ((turn("杭州？"),), "zh-Hant", "zh-Hant"),
    ],
)
def test_a_question_valid_in_both_scripts_gets_that_of_the_history_or_else_of_the_source(
    history: tuple[dict[str, str], ...], written: Script | None, language: str
) -> None:
    assert read_question("杭州？", history, written, NAMES).language == language


def test_originals_are_added_to_the_names_in_english_questions_only() -> None:
    query = read_question("Who runs Unitree?", [turn("What is Unitree?")], "zh-Hant", NAMES)
    assert query == Query("Who runs Unitree (宇树科技)?", "What is Unitree (宇树科技)?", "en")
    assert read_question("Unitree是誰的？", (), "zh-Hant", NAMES).text == "Unitree是誰的？"


def test_originals_are_added_to_the_names_in_earlier_english_questions() -> None:
    query = read_question("And what then?", [turn("What is Unitree?"), turn("Why?")], "zh-Hant", NAMES)
    assert query.earlier == ("What is Unitree (宇树科技)?",)


def fused(index: Index, texts: list[tuple[str, float]], dense: float, lexical: float) -> dict[int, float]:
    """Return the scores of weighted reciprocal rank fusion, by the offset at which each passage starts."""
    scores: dict[int, float] = {}
    for text, weight in texts:
        words = terms(text)
        known = sum(word in index.lexicon.vocab_dict for word in words) / len(words)
        for hits, share in (
            (index.dense(FakeEmbedder().vector(fold(text)), 30), dense),
            (index.lexical(words, 30), lexical * known**2),
        ):
            for rank, hit in enumerate(hits, start=1):
                start = index.passages[hit.passage].start
                scores[start] = scores.get(start, 0.0) + weight * share / (10 + rank)
    return scores


@pytest.mark.parametrize(("dense", "lexical"), [(1.0, 1.0), (1.0, 0.0), (0.0, 1.0), (0.7, 2.0)])
@pytest.mark.parametrize("previous", ["", "宇樹科技的創始人是誰？"])
def test_passage_scores_are_weighted_sums_of_reciprocal_ranks(
    index: Index, previous: str, dense: float, lexical: float
) -> None:
    text = "杭州的房價與機器人"
    found = retrieve(Query(text, previous, "zh-Hant"), index, FakeEmbedder(), replace(TUNED, dense=dense, lexical=lexical))
    assert found.query.previous == ""  # it is no follow-up
    texts = [(text, 1.0)]
    expected = fused(index, texts, dense, lexical)
    assert {p.start: p.score for p in found.passages} == pytest.approx(expected)
    assert [p.score for p in found.passages] == sorted((p.score for p in found.passages), reverse=True)


def test_retrieve_returns_passages_of_the_index_up_to_the_configured_number(index: Index) -> None:
    found = retrieve(Query("杭州", "", "zh-Hant"), index, FakeEmbedder(), replace(TUNED, passages=2))
    assert len(found.passages) == 2
    for passage in found.passages:
        assert replace(passage, score=0.0) in index.passages
        assert ARTICLE[passage.start : passage.end] == passage.text


def test_top_similarity_is_the_highest_inner_product_with_a_vector_of_the_index(index: Index) -> None:
    query = FakeEmbedder().vector(fold("深度求索成立於2023年"))
    rows = index.vectors.reconstruct_n(0, index.vectors.ntotal)
    found = retrieve(Query("深度求索成立於2023年", "", "zh-Hant"), index, FakeEmbedder(), TUNED)
    assert found.top_similarity == pytest.approx(float((rows @ query).max()), abs=1e-6)


def test_a_question_in_either_script_finds_the_same_passages(index: Index) -> None:
    traditional, simplified = (
        retrieve(Query(text, "", "zh-Hant"), index, FakeEmbedder(), TUNED) for text in ("機器人與房價", "机器人与房价")
    )
    assert traditional.passages == simplified.passages


def test_questions_are_embedded_in_simplified_characters_with_case_unchanged(index: Index) -> None:
    class Listening(FakeEmbedder):
        def queries(self, texts: Sequence[str]) -> np.ndarray:
            asked.extend(texts)
            return super().queries(texts)

    asked: list[str] = []
    retrieve(Query("那DeepSeek呢？", "為什麼誕生在杭州？", "zh-Hant"), index, Listening(), replace(TUNED, lean_threshold=0.0))
    assert asked == ["那DeepSeek呢?", "为什么诞生在杭州?", "那DeepSeek呢?", "为什么诞生在杭州? 那DeepSeek呢?"]


def test_a_question_without_words_gets_no_lexical_scores(index: Index) -> None:
    found = retrieve(Query("？？？", "", "zh-Hant"), index, FakeEmbedder(), replace(TUNED, dense=0.0))
    assert [passage.score for passage in found.passages] == [0.0] * TUNED.passages


def test_every_sentence_is_ranked_once_with_its_similarity_and_the_likeliest_is_first(index: Index) -> None:
    found = retrieve(Query("王興興是誰", "", "zh-Hant"), index, FakeEmbedder(), replace(TUNED, context=0.0))
    query = FakeEmbedder().vector(fold("王興興是誰"))
    assert index.sentences[found.ranked[0][0]].text == "王興興是宇樹科技的創始人。"
    for number, similarity in found.ranked:
        assert similarity == pytest.approx(float(FakeEmbedder().vector(index.sentences[number].text) @ query), abs=1e-6)
    assert len(found.ranked) == len({number for number, _ in found.ranked}) == len(index.sentences)


@pytest.mark.parametrize(
    ("similarity", "weight", "second"),
    [(1.0, 0.0, "港口的秤由老周看管。"), (1.0, 1.0, "它每年在春天檢修一次。"), (0.0, 1.0, "港口的秤由老周看管。")],
)
def test_a_sentence_ranks_higher_if_another_one_of_its_paragraph_is_similar_to_the_question(
    similarity: float, weight: float, second: str
) -> None:
    text = "燈塔的燈由老周看管。它每年在春天檢修一次。\n\n港口的秤由老周看管。魚價很低。"
    lighthouse = build([Document("a.txt", text)], FakeEmbedder(), longest=12)[0]
    plain = replace(TUNED, context=0.0, similarity=similarity, paragraph=weight, inherited=0.0)
    likely = retrieve(Query("燈塔的燈由誰看管", "", "zh-Hant"), lighthouse, FakeEmbedder(), plain).ranked
    assert [lighthouse.sentences[number].text for number, _ in likely[:2]] == ["燈塔的燈由老周看管。", second]


def test_an_independent_question_is_not_joined_to_the_previous_one(index: Index) -> None:
    before = "杭州把財政收入的多少投入科技？"
    text = "宇樹科技的創始人是誰，他的機器人在哪裡跳了舞？"
    joined, alone = (retrieve(Query(text, previous, "zh-Hant"), index, FakeEmbedder(), TUNED) for previous in (before, ""))
    assert joined.query == alone.query == Query(text, "", "zh-Hant")
    assert (joined.passages, joined.chosen) == (alone.passages, alone.chosen)


def test_a_follow_up_is_searched_alone_and_joined_to_the_previous_question(index: Index) -> None:
    before = "宇樹科技的創始人是誰？"
    found = retrieve(Query("那它呢？", before, "zh-Hant"), index, FakeEmbedder(), TUNED)
    assert found.query.previous == before
    expected = fused(index, [("那它呢？", 0.5), (f"{before} 那它呢？", 1.0)], 1.0, 1.0)
    assert {p.start: p.score for p in found.passages} == pytest.approx(expected)


def test_the_best_sentences_are_chosen_until_the_reading_length_is_reached(index: Index) -> None:
    found = retrieve(Query("王興興是誰", "", "zh-Hant"), index, FakeEmbedder(), replace(TUNED, reading=60))
    assert index.sentences[found.chosen[0]].text == "王興興是宇樹科技的創始人。"
    lengths = [len(index.sentences[number].text) for number in found.chosen]
    assert sum(lengths[:-1]) < 60 <= sum(lengths)
    tiny = retrieve(Query("王興興是誰", "", "zh-Hant"), index, FakeEmbedder(), replace(TUNED, reading=1))
    assert tiny.chosen == found.chosen[:1]


def test_english_sentences_are_chosen_by_their_equivalent_length_in_chinese_characters() -> None:
    text = " ".join(f"The mill of {name} was built of old stone by the river." for name in ("Ann", "Bob", "Cid", "Dan", "Eve"))
    english = build([Document("a.txt", text)], FakeEmbedder(), longest=20)[0]
    found = retrieve(Query("Who built the mill of Ann?", "", "en"), english, FakeEmbedder(), replace(TUNED, reading=40))
    assert [len(english.sentences[number].text) for number in found.chosen] == [52, 52, 52]


def test_neighbouring_sentences_of_a_paragraph_are_read_as_one_piece_in_the_order_of_the_text(index: Index) -> None:
    found = retrieve(Query("王興興是誰", "", "zh-Hant"), index, FakeEmbedder(), TUNED)
    second = found.chosen[0]
    read = context_passages(replace(found, chosen=(0, second, second + 1, second - 1)), index)
    assert [piece.text for piece in read] == [
        "杭州的人工智能產業起步很早。",
        "宇樹科技的機器人在春節晚會上跳了舞。王興興是宇樹科技的創始人。",
        "與深圳相比，杭州的房價更低。",
    ]
    assert all(ARTICLE[piece.start : piece.end] == piece.text for piece in read)


def test_the_best_sentence_is_read_first_as_a_piece_of_its_own(index: Index) -> None:
    found = retrieve(Query("王興興是誰", "", "zh-Hant"), index, FakeEmbedder(), TUNED)
    best = found.chosen[0]
    read = context_passages(replace(found, chosen=(best, best - 1)), index)
    assert [piece.text for piece in read] == ["王興興是宇樹科技的創始人。", "宇樹科技的機器人在春節晚會上跳了舞。"]
    assert context_passages(replace(found, chosen=()), index) == ()


WHOLE = "宇樹科技的創始人是誰，他的機器人在哪裡跳了舞？"


@pytest.mark.parametrize(
    ("before", "previous"),
    [
        ((WHOLE,), WHOLE),
        (("它呢？", WHOLE), f"{WHOLE} 它呢？"),
        (("它呢？", "它在哪？", WHOLE), f"{WHOLE} 它在哪？ 它呢？"),
        (("它呢？", WHOLE, "它在哪？"), f"{WHOLE} 它呢？"),
        (("它呢？", "它在哪？", "那是？", WHOLE), "那是？ 它在哪？ 它呢？"),
        (("它呢？", "它在哪？", "那是？", "它又呢？", WHOLE), "那是？ 它在哪？ 它呢？"),
    ],
    ids=["on one that stands", "on a follow-up", "on two", "no further than one that stands", "three at most", "not four"],
)
def test_a_follow_up_is_joined_to_the_chain_of_questions_that_it_depends_on(
    index: Index, before: tuple[str, ...], previous: str
) -> None:
    query = Query("那它呢？", before[0], "zh-Hant", before[1:])
    found = retrieve(query, index, FakeEmbedder(), TUNED)
    assert found.query == Query("那它呢？", previous, "zh-Hant")
    number, similarity = found.ranked[0]
    together = FakeEmbedder().vector(fold(f"{previous} 那它呢？"))
    assert similarity == pytest.approx(float(index.in_context([number], TUNED.context)[0] @ together))
