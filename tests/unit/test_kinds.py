"""What a question asks for: an account, a detail, one reason, several things or a summary."""

import numpy as np
import pytest
from fakes import FakeEmbedder

from rag.question.kinds import QuestionKinds, asks_reason, asks_several, asks_summary, asks_summary_of_all, sentences_asked
from rag.text import normalize


def asking(embedder: FakeEmbedder) -> QuestionKinds:
    """Return an Asking with a few examples of each kind."""
    shown = {
        "asked/account": ["為什麼橋會塌？", "為什麼船會沉？", "為什麼店會關門？"],
        "asked/detail": ["橋是哪一年建的？", "船是哪一年造的？", "店是哪一年開的？"],
        "asked/whole": ["這篇文章講了什麼？"],
    }
    return QuestionKinds.of({name: embedder.queries([normalize(text) for text in texts]) for name, texts in shown.items()})


def test_account_over_detail_is_the_difference_of_the_mean_similarities_to_the_nearest_examples() -> None:
    embedder = FakeEmbedder()
    known = asking(embedder)
    reason, year = (known.account_over_detail(text, embedder) for text in ("為什麼廠會關門？", "廠是哪一年開的？"))
    assert reason > 0.2 > -0.2 > year
    assert known.account_over_detail("為什麼橋會塌？", embedder) == pytest.approx(
        np.mean(known.account @ known.account[0]) - np.mean(known.detail @ known.account[0]), abs=1e-6
    )


def test_wholeness_is_high_only_for_a_question_like_an_example_about_the_whole_text() -> None:
    embedder = FakeEmbedder()
    assert asking(embedder).wholeness("這篇文章講了什麼？", embedder) == pytest.approx(1.0)
    assert asking(embedder).wholeness("橋是哪一年建的？", embedder) < 0.5


@pytest.mark.parametrize(
    ("question", "summary", "of_all"),
    [
        ("Could you boil the whole thing down to a few sentences for me?", True, True),
        ("tl;dr of the entire report pls", True, True),
        ("用兩三句話交代一下整篇的重點", True, True),
        ("Sum up what the mayor did.", True, False),
        ("几句话概括杭州的政策", True, False),
        ("Briefly, what happened?", True, False),
        ("Did the whole town come?", False, False),
        ("Why are nurses in short supply?", False, False),
        ("Who briefly led the council?", False, False),
        ("那兩句話是什麼意思", False, False),
        ("年終總結會上誰發言了", False, False),
        ("全文有多少字？", False, False),
    ],
)
def test_a_request_for_a_summary_is_recognised_and_whether_it_is_of_the_whole_text(
    question: str, summary: bool, of_all: bool
) -> None:
    assert (asks_summary(question), asks_summary_of_all(question)) == (summary, of_all)


@pytest.mark.parametrize(
    "question",
    [
        "為什麼杭州能成功？",
        "小店怎麼會開不下去",
        "他幹嘛非要搬走",
        "這裡點解咁多人",
        "停工的原因是什么？",
        "停工的起因是什麼？",
        "船少了是什麼緣故？",
        "why's the harbour empty?",
        "How come nobody stayed?",
        "What went wrong with the pump?",
        "What was the reason for the delay?",
        "Can you tell me why the bridge is late?",
        "店為何關門？",
        "他圖什麼？",
    ],
)
def test_a_question_for_one_reason_is_recognised(question: str) -> None:
    assert asks_reason(question)


@pytest.mark.parametrize(
    "question",
    [
        "有哪些原因？",
        "成功的三個主要原因是什麼？",
        "報告給了哪三條理由",
        "What are the two reasons?",
        "How many came, and why?",
        "甲和乙哪個好，為什麼？",
        "誰走了，為什麼走？",
        "誰解釋了店為何關門？",
        "起火原因查明了嗎？",
        "說得最多的理由是租不到房，佔多少？",
        "Who left, and why so soon?",
        "Is it open or shut, and why?",
        "Is there any reason to stay?",
        "When did he say why he left?",
        "這項政策被稱為什麼？",
        "他想成為什麼樣的人？",
        "面積為何？",
        "專家認為何時能完工？",
        "總經理由誰擔任？",
        "如何以低成本訓練模型？",
        "這張圖什麼意思？",
        "畢業生怎麼就業？",
        "飯店賣餅乾嗎？",
        "他們在幹嘛",
        "這東西幹嘛用的",
        "債務最後怎麼還上的",
        "怎麼去那裡？",
        "How does the model reason?",
        "What made up the cost?",
        "It stands to reason, who said that?",
    ],
)
def test_asks_reason_is_false_if_no_reason_or_more_than_one_thing_is_asked_for(question: str) -> None:
    assert not asks_reason(question)


@pytest.mark.parametrize(
    ("question", "most"),
    [
        ("用一句話概括", 1),
        ("用兩三句話講講", 3),
        ("一两句话总结", 2),
        ("用5点概括全文", 5),
        ("三個重點", 3),
        ("In a sentence or two, what happened?", 2),
        ("Sum it up in two or three sentences.", 3),
        ("the gist, two sentences max", 2),
        ("a one-line summary", 1),
        ("in 3 bullet points", 3),
        ("用幾句話說說", None),
        ("in a few sentences", None),
        ("那句話是誰說的", None),
        ("第一句話是什麼", None),
        ("總結一下7月17日0點的發佈會", None),
        ("Summarize the whole text in 0 sentences.", None),
    ],
)
def test_the_requested_length_of_a_summary_is_read_from_the_question(question: str, most: int | None) -> None:
    assert sentences_asked(question) == most


@pytest.mark.parametrize(
    ("question", "several"),
    [
        ("有哪些原因？", True),
        ("是哪三點？", True),
        ("幫我列一下他說的那幾樣", True),
        ("Which towns are named?", True),
        ("What are the weaknesses?", True),
        ("为什么关门？", False),
        ("近几年怎么样？", False),
        ("Who is the mayor?", False),
    ],
)
def test_a_question_for_several_things_is_recognised(question: str, several: bool) -> None:
    assert asks_several(question) is several
