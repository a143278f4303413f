"""A message that asks several questions is split into them; any other is not."""

import pytest

from rag.question.parts import asked_at_once
from rag.text.script import language


@pytest.mark.parametrize(
    ("first", "between", "second"),
    [
        ("橋是哪一年建的？", "", "誰出的錢？"),
        ("桥是哪年建的", "，", "花了多少钱"),
        ("河上有幾座橋", ",還有", "最老的那座有多長"),
        ("那家店为什么关门？", " ", "后来搬去哪里了"),
        ("公司成立於何時", "，", "總部在哪裡？"),
        ("橋是誰建的", "，", "甚麼時候建的？"),
        ("養蜂場一年賺多少", "，", "淨利幾成"),
        ("他出生在什么时候", "，", "在哪里出生？"),
        ("这座塔高不高啊", "，", "对不对外开放"),
        ("When was the bridge built", " and ", "who paid for it?"),
        ("How long is the bridge", ", and ", "in which year was it opened?"),
        ("Where does the river end?", " ", "Is that where the old mill stood, what was it for?"),
        ("總結全文", "，另外", "王興興是什麼人？"),
        ("Who is Wang Xingxing?", " ", "And sum up the whole text."),
        ("《谁来修桥？》写的是什么", "，", "是哪年写的"),
        ("When did the bridge (大橋) open", " and ", "who paid for the mill?"),
        ("When did the bridge open", " and ", "who paid for the mill (磨坊)?"),
        ("What did the mayor promise", "; also ", "how much would it cost?"),
    ],
)
def test_a_message_with_two_questions_is_split(first: str, between: str, second: str) -> None:
    question = first + between + second
    assert asked_at_once(question, language(question, "zh-Hant")) == (first, second)


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        (
            "Where does the river end? Is that where the old mill stood? And what was it for?",
            ("Where does the river end?", "Is that where the old mill stood?", "And what was it for?"),
        ),
        ("橋是誰建的？哪一年建的？花了多少錢？", ("橋是誰建的？", "哪一年建的？", "花了多少錢？")),
        ("這是誰建的橋？哪一年建的？花了多少錢？有多長啊？", ("這是誰建的橋？", "哪一年建的？", "花了多少錢？有多長啊？")),
    ],
)
def test_a_message_is_split_into_at_most_three_questions(question: str, parts: tuple[str, ...]) -> None:
    assert asked_at_once(question, language(question, "zh-Hant")) == parts


@pytest.mark.parametrize(
    "question",
    [
        "橋是哪一年建的？",
        "總結一下這篇文章，主要講了什麼大意？",
        "Sum up the article, what are the main points?",
        "Briefly, why did the bridge fall?",
        "用兩句話說說，橋為什麼會塌？",
        "桥和路哪个先修",
        "橋是木頭的，對嗎？",
        "橋是木頭的，是不是？",
        "那第二座橋呢，是誰建的？",
        "谁也不愿意去，到底是为什么？",
        "近几年发展很快，原因是什么？",
        "When the mill closed, how many people lost their jobs?",
        "桥是哪年建的，我想写篇文章",
        "哪座橋塌了以後，他們為什麼改坐船",
        "我记得有七十几座桥，到底是多少",
        "Who founded the firm that makes what everyone wants?",
        "What did Ann and Bob, who own the mill, promise?",
        "《桥为什么会塌？谁来修？》这篇文章是哪年写的",
        "他說的「誰出錢？怎麼出？」是什麼意思",
        'What does "who pays, and when do they pay?" mean here?',
        "Why and how?",
        "When was it built, roughly?",
        "",
        "？？",
    ],
)
def test_a_message_with_one_question_is_not_split(question: str) -> None:
    assert asked_at_once(question, language(question, "zh-Hant")) == (question,)


def test_a_long_story_before_a_question_is_not_split_off() -> None:
    story = "我外公以前老说他年轻的时候在老家跟一大帮人一起修过一座什么桥而且那年冬天河水冷得谁都不敢下去打桩子"
    assert asked_at_once(f"{story}，那座桥是哪年建的？", "zh-Hans") == (f"{story}，那座桥是哪年建的？",)
