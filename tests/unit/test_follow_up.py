"""A question is likelier a follow-up if it refers back or is short, and less likely if it is similar to the text."""

import pytest

from rag.question.follow_up import follow_up_probability
from rag.text.script import Language
from rag.tuned import tuned


@pytest.mark.parametrize(
    ("question", "nearest", "language", "leans"),
    [
        ("那蘇州呢？", 0.35, "zh-Hant", True),
        ("它是哪一年的事", 0.4, "zh-Hans", True),
        ("一共多少钱", 0.3, "zh-Hans", True),
        ("裡頭有多少人留了下來？", 0.37, "zh-Hant", True),
        ("其中有多少是女的", 0.35, "zh-Hans", True),
        ("And in what month?", 0.3, "en", True),
        ("in which year?", 0.25, "en", True),
        ("杭州的常住人口去年一共有多少万人？", 0.5, "zh-Hans", False),
        ("这篇文章认为南京为什么留不住自己培养的毕业生？", 0.6, "zh-Hans", False),
        ("How many government services does the Talent Code bring together?", 0.6, "en", False),
        ("Is there a reason that companies in Nanjing are slow to hear the market?", 0.6, "en", False),
        ("平均月薪 杭州", 0.65, "zh-Hant", False),
    ],
)
def test_follow_ups_are_distinguished_from_independent_questions(
    question: str, nearest: float, language: Language, leans: bool
) -> None:
    assert (follow_up_probability(question, nearest, language, tuned()) >= tuned().lean_threshold) is leans


def test_a_question_that_is_more_similar_to_the_text_is_less_likely_a_follow_up() -> None:
    far, near = (follow_up_probability("哪一年？", nearest, "zh-Hans", tuned()) for nearest in (0.2, 0.7))
    assert 0 < near < far < 1
