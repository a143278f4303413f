"""Two questions in one message: each is answered or declined on its own."""

from collections.abc import Callable

import pytest
from fakes import DRAFT, FOUNDED, SENTENCE, ScriptedGenerator, asked, assert_exact, stages

from rag.generation import Prompt
from rag.pipeline import Rag
from rag.results import Token

Maker = Callable[..., Rag]
WHO = "王興興是哪家公司的創始人？"
BOTH = f"{FOUNDED}{WHO}"
FOUNDER = "王兴兴是宇树科技的创始人。"


def test_both_questions_of_a_message_are_answered_in_order(make_rag: Maker) -> None:
    generator = ScriptedGenerator([DRAFT, FOUNDER])
    rag = make_rag(generator)
    events = list(rag.stream(BOTH))
    answer = events[-1].answer
    assert answer.text == "深度求索成立於2023年7月17日，總部設在杭州。[1]\n\n王興興是宇樹科技的創始人。[2]"
    assert stages(events) == ["evidence", "reading", "token", "checking", "token", "reading", "token", "checking", "answer"]
    assert "".join(event.text for event in events if isinstance(event, Token)) == f"{DRAFT}\n\n{FOUNDER}"
    assert [asked(prompt).splitlines()[-1] for prompt in generator.prompts] == [
        "问题：深度求索成立于哪一年？",
        "问题：王兴兴是哪家公司的创始人？",
    ]
    assert [c.quote for c in events[0].sentences[:2]] == [SENTENCE, "王興興是宇樹科技的創始人。"]
    assert set(answer.passages) == set(events[0].passages) == set(rag.retrieve(BOTH).passages)
    assert_exact(answer)


def test_a_second_question_that_depends_on_the_first_is_prompted_with_it(make_rag: Maker) -> None:
    generator = ScriptedGenerator([FOUNDER, "宇树科技的机器人在春节晚会上跳了舞。"])
    make_rag(generator).answer("宇樹科技的創始人是誰？它的機器人怎麼樣呢？")
    assert "已经回答过：宇树科技的创始人是谁？" in asked(generator.prompts[1])


def test_a_question_is_a_follow_up_more_easily_within_a_message_than_across_messages(make_rag: Maker) -> None:
    answering = make_rag().answering()
    second = "總部設在杭州哪裡？"
    _, beside = answering.find(answering.query(f"深度求索是誰創辦的？{second}"))
    (later,) = answering.find(answering.query(second, [{"role": "user", "content": "深度求索是誰創辦的？"}]))
    assert (beside.query.previous, later.query.previous) == ("深度求索是誰創辦的？", "")


@pytest.mark.parametrize(
    ("unknown", "text"),
    [
        (
            "成立",
            "問題的第一部分，文中沒有說明。最接近的內容是：深度求索成立於2023年7月17日，總部設在杭州。[1]\n\n王興興是宇樹科技的創始人。[2]",
        ),
        (
            "王",
            "深度求索成立於2023年7月17日，總部設在杭州。[1]\n\n問題的第二部分，文中沒有說明。最接近的內容是：王興興是宇樹科技的創始人。[2]",
        ),
    ],
)
def test_the_unanswered_one_of_two_questions_is_named_in_the_answer(make_rag: Maker, unknown: str, text: str) -> None:
    def chances(prompt: Prompt) -> float:
        return 0.001 if unknown in asked(prompt).split("问题：")[-1] else 0.999

    answer = make_rag(ScriptedGenerator([DRAFT, FOUNDER], chances)).answer(BOTH)
    assert (answer.text, answer.answerable, answer.reason) == (text, True, "")
    assert_exact(answer)


def test_a_declined_question_does_not_quote_what_the_other_answer_cites(make_rag: Maker) -> None:
    def chances(prompt: Prompt) -> float:
        return 0.001 if "几岁" in asked(prompt).split("问题：")[-1] else 0.999

    answer = make_rag(ScriptedGenerator([FOUNDER, FOUNDER], chances)).answer("宇樹科技的創始人是誰？宇樹科技的創始人幾歲？")
    assert answer.text == "王興興是宇樹科技的創始人。[1]\n\n問題的第二部分，文中沒有說明。"


def test_a_question_next_to_a_request_for_a_summary_is_searched_separately(make_rag: Maker) -> None:
    answering = make_rag().answering()
    summary, question = answering.find(answering.query("請總結全文，另外王興興是什麼公司的創始人？"))
    assert summary.summary and not question.summary
    assert answering.index.sentences[question.ranked[0][0]].text == "王興興是宇樹科技的創始人。"


def test_two_unanswered_questions_are_declined_only_once(make_rag: Maker) -> None:
    answer = make_rag(ScriptedGenerator([DRAFT, FOUNDER], lambda prompt: 0.001)).answer(BOTH)
    assert answer.text == f"文中沒有說明這一點。最接近的內容是：{SENTENCE}[1]"
    assert (answer.answerable, answer.reason) == (False, "not in the text")


def test_numbered_lists_start_at_one_in_each_of_two_answers(make_rag: Maker) -> None:
    drafts = ["1. 深度求索成立于2023年7月17日。\n2. 总部设在杭州。", "1. 王兴兴是宇树科技的创始人。"]
    lines = make_rag(ScriptedGenerator(drafts)).answer(BOTH).text.splitlines()
    assert [line[:2] for line in lines] == ["1.", "2.", "", "1."]
