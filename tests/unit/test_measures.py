"""Every measure is checked on answers whose values can be computed by hand."""

from dataclasses import replace

import numpy as np
import pytest

from rag.documents import Passage
from rag.evaluation.measures import (
    MEASURES,
    Question,
    contains_fact,
    foreign_names,
    foreign_numbers,
    interval,
    language_right,
    plain,
    ranking,
    ranks,
    score,
)
from rag.evaluation.squad import character_f1, contains
from rag.results import Answer, Citation, Timings

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
    sentences=("深度求索成立於2023年，總部在杭州。[1]",),
)
NEAREST = f"最接近的內容是：{FOUNDED}[1]"
REFUSED = replace(
    ANSWER,
    text=f"文中沒有說明這一點。{NEAREST}",
    answerable=False,
    reason="not in the text",
    citations=(replace(ANSWER.citations[0], sentence=1),),
    sentences=("文中沒有說明這一點。", NEAREST),
)


def values(question: Question, answer: Answer, read: tuple[str, ...] = (FOUNDED,)) -> dict[str, float | None]:
    return dict(score(question, answer, read).values)


def saying(*sentences: str) -> Answer:
    """Return ANSWER with other sentences."""
    return replace(ANSWER, text="".join(sentences), sentences=sentences)


def test_every_measure_of_an_answer_has_the_expected_value() -> None:
    assert values(QUESTION, ANSWER) == {
        "evidence recall": 0.5,
        "evidence MRR@10": 0.5,
        "evidence read": 0.5,
        "fact recall": 1.0,
        "all facts right": 1.0,
        "declined rightly": None,
        "false decline": 0.0,
        "evidence cited": 0.5,
        "citation precision": 1.0,
        "sentences supported": 1.0,
        "foreign numbers": 0.0,
        "foreign names": 0.0,
        "language right": 1.0,
        "characters": 19.0,
        "evidence s": 0.1,
        "first token s": 0.5,
        "total s": 2.0,
        "read tokens": 60.0,
    }


def test_the_scores_of_an_answer_are_exactly_the_listed_measures_in_order() -> None:
    assert tuple(values(QUESTION, ANSWER)) == MEASURES


def test_a_false_decline_scores_no_facts_and_no_cited_evidence_even_if_it_quotes_them() -> None:
    found = values(QUESTION, REFUSED)
    assert (found["false decline"], found["all facts right"], found["fact recall"]) == (1.0, 0.0, 0.0)
    assert found["evidence cited"] == 0.0
    assert (found["citation precision"], found["sentences supported"], found["characters"]) == (None, None, None)


def test_evidence_counts_as_read_if_the_generator_was_shown_it() -> None:
    assert values(QUESTION, ANSWER, (FOUNDED, "浙大校友創辦的企業超過3000家。"))["evidence read"] == 1.0
    assert values(QUESTION, ANSWER, ())["evidence read"] == 0.0


def test_an_unanswerable_question_is_scored_only_by_whether_it_is_declined() -> None:
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
def test_all_facts_are_right_if_the_answer_has_every_fact_and_no_wrong_wording(text: str, recall: float, right: float) -> None:
    found = values(QUESTION, saying(text))
    assert (found["fact recall"], found["all facts right"]) == (recall, right)


@pytest.mark.parametrize(("text", "right"), [("不，2023年成立於杭州。", 1.0), ("是的，2023年成立於杭州。", 0.0)])
def test_affirming_a_false_premise_is_wrong(text: str, right: float) -> None:
    assert values(replace(QUESTION, corrects=True), saying(text))["all facts right"] == right


@pytest.mark.parametrize(
    ("text", "wordings", "expected"),
    [
        ("超过3000家", ["3000"], True),
        ("超过3,000家", ["3000"], True),
        ("超过13000家", ["3000"], False),
        ("占21.43%", ["1.43"], False),
        ("占21.43%", ["21.43%"], True),
        ("£2.50。", ["2.5"], True),
        ("£2.505", ["2.5"], False),
        ("3000[1]家", ["3000家"], True),
        ("ＤｅｅｐＳｅｅｋ", ["deepseek"], True),
        ("誕生在杭州", ["诞生在杭州"], True),
        ("a  b\nc", ["a b c"], True),
        ("(a+b)", ["(a+b)"], True),
        ("甲", ["乙", "甲"], True),
        ("甲", [], False),
        ("十八所", ["八所"], False),
        ("百分之四十", ["百分之四"], False),
        ("a happy town", ["app"], False),
        ("the approaches", ["approach"], True),
        ("是八所", ["八所"], True),
    ],
)
def test_facts_match_after_folding_as_whole_numbers_and_from_the_beginning_of_words(
    text: str, wordings: list[str], expected: bool
) -> None:
    assert contains_fact(text, wordings) is expected


def test_plain_text_has_no_citation_marks_thousands_separators_or_extra_spaces() -> None:
    assert plain("共1,234,567家[12]\n 好") == "共1234567家 好"


def test_evidence_of_several_sentences_is_found_by_one_of_its_whole_sentences() -> None:
    place = "第一句話有超過十二個字的長度。第二句話也有超過十二個字的長度。"
    question = replace(QUESTION, evidence=((place,), ("沒有的地方",), ("短。句。",)))
    assert ranks(question, ["別的。", "第二句話也有超過十二個字的長度。短。"]) == [2, None, None]


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
def test_a_citation_is_right_if_it_has_the_numbers_and_words_or_across_languages_is_similar(
    text: str, support: float, precision: float
) -> None:
    citation = replace(ANSWER.citations[0], support=support)
    assert values(QUESTION, replace(saying(text), citations=(citation,)))["citation precision"] == precision


def test_each_of_several_citations_must_share_something_with_its_sentence() -> None:
    unrelated = Citation(2, "王興興是宇樹科技的創始人。", "a", 60, 73, 0, 0.9)
    found = values(QUESTION, replace(ANSWER, citations=(*ANSWER.citations, unrelated)))
    assert (found["citation precision"], found["sentences supported"]) == (0.5, 1.0)


def test_a_sentence_that_only_repeats_the_question_must_cite_the_labelled_evidence() -> None:
    echo = saying("深度求索成立。[1]")
    other = replace(ANSWER.citations[0], quote="王興興是宇樹科技的創始人。")
    assert values(QUESTION, echo)["citation precision"] == 1.0
    assert values(QUESTION, replace(echo, citations=(other,)))["citation precision"] == 0.0


def test_an_uncited_sentence_is_supported_only_if_it_is_a_fixed_phrase_of_the_chatbot() -> None:
    added = saying(*ANSWER.sentences, "它的產品價格便宜。")
    assert values(QUESTION, added)["sentences supported"] == 0.5
    told = saying("問題的第一部分，文中沒有說明。", "\n\n文中說：深度求索成立於2023年。[1]")
    shifted = replace(told, citations=(replace(ANSWER.citations[0], sentence=1),))
    assert values(QUESTION, shifted)["sentences supported"] == 1.0
    assert values(QUESTION, shifted)["citation precision"] == 1.0


def test_foreign_numbers_occur_in_neither_citations_question_nor_history() -> None:
    answer = saying("2023年、3000家、1999年、5家、7家、19家。[8]")
    question = replace(QUESTION, question="5家？", history=({"role": "user", "content": "19家？"},))
    assert {int(number) for number in foreign_numbers(question, answer)} == {1999, 3000}
    assert values(question, answer)["foreign numbers"] == 1.0


@pytest.mark.parametrize(
    ("language", "text", "quote", "names"),
    [
        ("zh-Hans", "它叫DeepSeek Codex。", "DeepSeek模型", {"Codex"}),
        ("zh-Hans", "它叫DeepSeek。", "DeepSeek模型", set()),
        ("en", "The lab in Leeds was sold to Tencent.", "The lab in Leeds was sold.", {"Tencent"}),
        ("en", "The text says: Leeds was sold.", "Leeds was sold.", set()),
        ("en", "It was sold to Tencent.", "它被賣了。", set()),
    ],
)
def test_foreign_names_are_latin_names_that_occur_in_neither_citations_nor_question(
    language: str, text: str, quote: str, names: set[str]
) -> None:
    answer = replace(saying(text), citations=(replace(ANSWER.citations[0], quote=quote),))
    assert foreign_names(replace(QUESTION, language=language), answer) == names


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
        ("總部設在杭州，成立於這一年。这个数为9500。", "zh-Hant", False),
        ("", "zh-Hant", False),
        ("……", "en", False),
    ],
)
def test_the_language_and_script_of_an_answer_are_checked_except_in_originals_and_quotations(
    text: str, language: str, right: bool
) -> None:
    assert language_right(text, language) is right


def test_the_bootstrap_interval_is_reproducible_and_close_to_the_normal_approximation() -> None:
    numbers = [0.0, 1.0] * 50
    low, high = interval(numbers)
    assert (low, high) == interval(numbers)
    assert low == pytest.approx(0.5 - 1.96 * 0.05, abs=0.02)
    assert high == pytest.approx(0.5 + 1.96 * 0.05, abs=0.02)


def test_the_interval_of_constant_values_depends_on_their_number() -> None:
    assert interval([1.0] * 111) == pytest.approx((0.967, 1.0), abs=0.001)
    assert interval([0.0] * 10) == pytest.approx((0.0, 0.308), abs=0.001)


def test_ranking_measures_match_their_definitions() -> None:
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


@pytest.mark.parametrize(
    ("text", "gold", "held"),
    [("在2019年", "19", False), ("共19家[2]", "19", True), ("甲、 乙", "甲乙", True), ("甲", "乙", False)],
)
def test_gold_strings_match_without_spaces_and_as_whole_numbers(text: str, gold: str, held: bool) -> None:
    assert contains(text, [gold]) is held


def test_a_question_is_read_from_a_json_row() -> None:
    row = {"id": "a", "split": "test", "language": "en", "type": "fact", "question": "Why?", "answerable": True}
    assert Question.of(row) == Question("a", "test", "en", "fact", "Why?", True)
    full = Question.of(
        {
            **row,
            "evidence": [["x", "y"]],
            "facts": [["z"]],
            "wrong": ["w"],
            "history": None,
            "text": "lake",
            "leans": 1,
            "corrects": 1,
        }
    )
    assert (full.evidence, full.facts, full.wrong) == ((("x", "y"),), (("z",),), ("w",))
    assert (full.history, full.text, full.leans, full.corrects) == ((), "lake", True, True)
