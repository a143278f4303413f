"""Every measure, on answers whose values can be told by hand."""

from dataclasses import replace

import numpy as np
import pytest

from rag.documents import Passage
from rag.measures import (
    MEASURES,
    Question,
    answer_sentences,
    evidence_order,
    foreign_numbers,
    holds,
    interval,
    language_right,
    plain,
    ranking,
    score,
)
from rag.results import Answer, Citation, Timings
from rag.squad import character_f1

FOUNDED = "深度求索成立於2023年7月17日，總部設在杭州。"
QUESTION = Question(
    "q1",
    "tune",
    "zh-Hant",
    "fact",
    "深度求索成立於哪一年？",
    True,
    evidence=(("深度求索成立於2023年7月17日",), ("浙大校友創辦的企業超過3000家",)),
    facts=(("2023年", "二〇二三年"), ("杭州",)),
    wrong=("2024",),
)
ANSWER = Answer(
    "深度求索成立於2023年，總部在杭州。[1]",
    True,
    citations=(Citation(1, FOUNDED, "a", 0, len(FOUNDED), 0, 0.9),),
    passages=(Passage("別的。", "a", 50, 53), Passage(FOUNDED, "a", 0, len(FOUNDED))),
    timings=Timings(0.1, 0.5, 2.0, 100, 20, 60),
)
REFUSED = Answer("文中沒有說明這一點。", False, "not in the text")


def values(question: Question, answer: Answer) -> dict[str, float | None]:
    return dict(score(question, answer).values)


def test_an_answer_has_every_measure() -> None:
    assert values(QUESTION, ANSWER) == {
        "evidence recall": 0.5,
        "evidence MRR@10": 0.5,
        "fact recall": 1.0,
        "all facts right": 1.0,
        "declined rightly": None,
        "false decline": 0.0,
        "evidence cited": 0.5,
        "citation precision": 1.0,
        "foreign numbers": 0.0,
        "language right": 1.0,
        "evidence s": 0.1,
        "first token s": 0.5,
        "total s": 2.0,
        "read tokens": 60.0,
    }


def test_the_measures_are_those_of_the_table() -> None:
    assert tuple(values(QUESTION, ANSWER)) == MEASURES


def test_a_false_decline_has_no_right_facts() -> None:
    found = values(QUESTION, REFUSED)
    assert (found["false decline"], found["all facts right"], found["fact recall"]) == (1.0, 0.0, 0.0)
    assert found["citation precision"] is None


def test_an_unanswerable_question_is_measured_by_declining_only() -> None:
    question = replace(QUESTION, answerable=False, evidence=(), facts=())
    assert values(question, REFUSED)["declined rightly"] == 1.0
    found = values(question, ANSWER)
    assert (found["declined rightly"], found["false decline"], found["all facts right"]) == (0.0, None, None)
    assert found["evidence recall"] is None


@pytest.mark.parametrize(
    ("text", "recall", "right"),
    [
        ("深度求索在2023年成立於杭州。", 1.0, 1.0),
        ("深度求索在2023年成立。", 0.5, 0.0),
        ("深度求索在2023年成立於杭州，不是2024。", 1.0, 0.0),
        ("二〇二三年，杭州。", 1.0, 1.0),
        ("別的。", 0.0, 0.0),
    ],
)
def test_facts_are_right_when_all_are_there_and_nothing_wrong_is(text: str, recall: float, right: float) -> None:
    found = values(QUESTION, replace(ANSWER, text=text))
    assert (found["fact recall"], found["all facts right"]) == (recall, right)


@pytest.mark.parametrize(
    ("text", "wordings", "expected"),
    [
        ("超过3000家", ["3000"], True),
        ("超过3,000家", ["3000"], True),
        ("超过13000家", ["3000"], False),
        ("占21.43%", ["1.43"], False),
        ("占21.43%", ["21.43%"], True),
        ("3000[1]家", ["3000家"], True),
        ("ＤｅｅｐＳｅｅｋ", ["deepseek"], True),
        ("誕生在杭州", ["诞生在杭州"], True),
        ("a  b\nc", ["a b c"], True),
        ("(a+b)", ["(a+b)"], True),
        ("甲", ["乙", "甲"], True),
        ("甲", [], False),
    ],
)
def test_a_fact_is_looked_up_folded_and_numbers_whole(text: str, wordings: list[str], expected: bool) -> None:
    assert holds(text, wordings) is expected


def test_a_text_is_compared_without_marks_separators_and_extra_spaces() -> None:
    assert plain("共1,234,567家[12]\n 好") == "共1234567家 好"


def test_a_place_of_several_sentences_is_found_by_one_whole_sentence() -> None:
    place = "第一句話有超過十二個字的長度。第二句話也有超過十二個字的長度。"
    question = replace(QUESTION, evidence=((place,), ("沒有的地方",), ("短。句。",)))
    passages = [Passage("別的。", "a", 0, 3), Passage("第二句話也有超過十二個字的長度。短。", "a", 3, 22)]
    assert evidence_order(question, passages) == ["passage 1", "0"]


@pytest.mark.parametrize(
    ("text", "support", "precision"),
    [
        ("成立於2023年。[1]", 0.9, 1.0),
        ("成立於1999年。[1]", 0.9, 0.0),
        ("這家公司的產品價格便宜。[1]", 0.9, 0.0),
        ("It was founded in 2023.[1]", 0.9, 1.0),
        ("It was founded in 2023.[1]", 0.49, 0.0),
        ("It was founded in 1999.[1]", 0.9, 0.0),
    ],
)
def test_a_citation_is_right_when_it_holds_its_sentences_numbers_and_words_or_across_languages_its_meaning(
    text: str, support: float, precision: float
) -> None:
    citation = replace(ANSWER.citations[0], support=support)
    assert values(QUESTION, replace(ANSWER, text=text, citations=(citation,)))["citation precision"] == precision


def test_a_citations_sentence_is_found_by_its_number_however_often_its_mark_is_used() -> None:
    answer = replace(
        ANSWER, text="成立於2023年。[1]\n成立於999年。[1]", citations=tuple(replace(c, sentence=1) for c in ANSWER.citations)
    )
    assert answer_sentences("甲。[1]乙。[2][1]\n丙。[2]")[:3] == ["甲。", "乙。", "\n丙。"]
    assert values(QUESTION, answer)["citation precision"] == 0.0


def test_foreign_numbers_are_in_neither_passages_citations_question_nor_history() -> None:
    answer = replace(ANSWER, text="2023年、1999年、5家、7家、9家。[8]")
    question = replace(QUESTION, question="5家？", history=({"role": "user", "content": "9家？"},))
    assert {int(number) for number in foreign_numbers(question, answer)} == {1999}
    assert values(question, answer)["foreign numbers"] == 1.0


@pytest.mark.parametrize(
    ("text", "language", "right"),
    [
        ("DeepSeek was founded in Hangzhou (杭州). [1]", "en", True),
        ("The text says “總部設在杭州” and 《杭州》.", "en", True),
        ("DeepSeek在杭州。", "en", False),
        ("總部設在杭州。", "zh-Hant", True),
        ("总部设在杭州。", "zh-Hant", False),
        ("总部设在杭州。", "zh-Hans", True),
        ("杭州。", "zh-Hant", True),
        ("It is in Hangzhou.", "zh-Hans", False),
        ("DeepSeek。", "zh-Hans", True),
    ],
)
def test_a_language_is_right_apart_from_originals_and_quotations(text: str, language: str, right: bool) -> None:
    assert language_right(text, language) is right


def test_the_bootstrap_interval_is_repeatable_and_around_the_mean() -> None:
    numbers = [0.0, 1.0] * 50
    low, high = interval(numbers)
    assert (low, high) == interval(numbers)
    assert low == pytest.approx(0.5 - 1.96 * 0.05, abs=0.02)
    assert high == pytest.approx(0.5 + 1.96 * 0.05, abs=0.02)
    assert interval([1.0, 1.0]) == (1.0, 1.0)


def test_ranking_measures_are_those_of_the_definitions() -> None:
    ranks = [1, 2, 4, 99, 11]
    orders = [["right" if place == rank else f"other {place}" for place in range(1, 21)] for rank in ranks]
    found = ranking(orders, [["right"]] * 5)
    assert (found["recall@1"], found["recall@3"], found["recall@5"]) == pytest.approx((0.2, 0.4, 0.6))
    assert found["MRR@10"] == pytest.approx((1 + 1 / 2 + 1 / 4) / 5)
    assert found["nDCG@10"] == pytest.approx((1 + 1 / np.log2(3) + 1 / np.log2(5)) / 5)


@pytest.mark.parametrize(
    ("text", "gold", "f1"),
    [
        ("杭州", "杭州", 1.0),
        ("在杭州[1]", "杭州", 0.8),
        ("深圳", "杭州", 0.0),
        ("DeepSeek", "deepseek", 1.0),
        ("杭杭", "杭", 2 / 3),
    ],
)
def test_character_f1_compares_bags_of_folded_characters(text: str, gold: str, f1: float) -> None:
    assert character_f1(text, gold) == pytest.approx(f1)


def test_a_row_of_json_becomes_a_question() -> None:
    row = {"id": "a", "split": "test", "language": "en", "type": "fact", "question": "Why?", "answerable": True}
    assert Question.of(row) == Question("a", "test", "en", "fact", "Why?", True)
    full = Question.of(
        {**row, "evidence": [["x", "y"]], "facts": [["z"]], "wrong": ["w"], "history": None, "text": "lake", "leans": 1}
    )
    assert (full.evidence, full.facts, full.wrong) == ((("x", "y"),), (("z",),), ("w",))
    assert (full.history, full.text, full.leans) == ((), "lake", True)
