"""Source sentences are quoted after an answer that omits them or says too little of them."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from fakes import ARTICLE, DRAFT, FOUNDED, SENTENCE, TRANSLATED, FakeEmbedder, ScriptedGenerator, assert_exact

from rag.clock import Clock
from rag.documents import Document
from rag.english import English
from rag.grounding.claim import Claim
from rag.grounding.completion import Completion
from rag.index import build
from rag.pipeline import Rag
from rag.question import read_question
from rag.settings import Settings
from rag.text.script import to_traditional
from rag.tuned import tuned

Maker = Callable[..., Rag]


def test_only_a_terse_answer_is_followed_by_a_quote_of_its_source(make_rag: Maker) -> None:
    answer = make_rag(ScriptedGenerator(["2023年。"])).answer(FOUNDED)
    assert answer.text == f"2023年。[1]\n文中說：{SENTENCE}[1]"
    assert [c.quote for c in answer.citations] == [SENTENCE, SENTENCE]
    assert "文中說" not in make_rag(ScriptedGenerator([DRAFT])).answer(FOUNDED).text


@dataclass(frozen=True)
class Asks:
    """A classifier that gives every question the same preference of an account over a detail."""

    account: float

    def account_over_detail(self, question: str, embedder: FakeEmbedder) -> float:
        return self.account

    def wholeness(self, question: str, embedder: FakeEmbedder) -> float:
        return 0.0


def test_an_answer_without_the_date_that_was_asked_for_is_followed_by_a_quote_of_its_source(make_rag: Maker) -> None:
    answer = make_rag(ScriptedGenerator(["深度求索的总部设在杭州。"])).answer(FOUNDED)
    assert answer.text.endswith(f"\n文中說：{SENTENCE}[1]")


@pytest.mark.parametrize(
    ("asked", "followed"),
    [("用幾句話說說", True), ("總結一下", True), ("大意", True), ("請說說", False)],
)
def test_a_summary_is_followed_by_the_sentences_that_it_leaves_out_in_the_order_of_the_text(
    make_rag: Maker, asked: str, followed: bool
) -> None:
    rag = make_rag(ScriptedGenerator(["浙江大学为杭州培养了大量的人才。"]))
    said, *rest = rag.answer(f"{asked}浙江大學為杭州培養了人才和浙大校友創辦的企業").text.splitlines()
    assert said == "浙江大學為杭州培養了大量的人才。[1]"
    assert (rest[:1] == ["文中說："]) == followed
    places = [ARTICLE.index(re.sub(r"\[\d+\]", "", line.removeprefix("- "))) for line in rest[1:]]
    assert (len(places) > 2) == followed and places == sorted(places)
    assert ARTICLE.index("浙江大學為杭州培養") not in places


@pytest.mark.parametrize(("asked", "lines"), [("用兩三句話總結", 3), ("用一句話總結", 1), ("總結", 9)])
def test_a_summary_has_the_requested_number_of_sentences(make_rag: Maker, asked: str, lines: int) -> None:
    rag = make_rag(ScriptedGenerator(["浙江大学为杭州培养了大量的人才。"]))
    answer = rag.answer(f"{asked}浙江大學為杭州培養了人才和浙大校友創辦的企業")
    assert len(answer.sentences) == lines


@pytest.mark.parametrize(("asked", "lines"), [("用三句話總結全文", 3), ("用一句話總結全文", 1)])
def test_a_summary_of_the_whole_text_has_the_requested_number_of_sentences(make_rag: Maker, asked: str, lines: int) -> None:
    answer = make_rag(ScriptedGenerator(["火星上有兩座大型的遊樂園。"])).answer(asked)
    assert len(answer.sentences) == lines
    assert_exact(answer)


@pytest.mark.parametrize(("account", "followed"), [(0.01, True), (-0.01, False)])
def test_the_same_short_answer_is_followed_by_a_quote_only_if_an_account_was_asked_for(
    make_rag: Maker, account: float, followed: bool
) -> None:
    answering = replace(make_rag(ScriptedGenerator(["总部设在杭州。"])).answering(), kinds=Asks(account))
    query = read_question("深度求索的總部設在哪裡？", (), "zh-Hant", answering.english.names)
    answer = list(answering.stream(query, Clock(), lambda: False))[-1].answer
    assert answer.text == "總部設在杭州。[1]" + (f"\n文中說：{SENTENCE}[1]" if followed else "")


def test_the_quote_after_a_terse_answer_is_a_sentence_that_it_cites(make_rag: Maker) -> None:
    answer = make_rag(ScriptedGenerator(["浙江大学。"])).answer("哪所大學為杭州培養了大量人才、校友和企業？")
    quoted = {citation.quote for citation in answer.citations if citation.sentence == 0}
    assert answer.text.endswith(tuple(f"文中說：{quote}[1]" for quote in quoted))


def test_a_terse_english_answer_is_followed_by_the_translation_supplied_with_the_corpus(
    make_rag: Maker, chosen: Settings
) -> None:
    (chosen.corpus / "article.english.jsonl").write_text(
        "".join(json.dumps({"sentence": s, "english": e}) + "\n" for s, e in TRANSLATED.items()), encoding="utf-8"
    )
    generator = ScriptedGenerator(["July 17, 2023."])
    answer = make_rag(generator).answer("When was 深度求索成立於2023年7月17日 founded?")
    assert answer.text == f"July 17, 2023.[1]\nThe text says: {TRANSLATED[SENTENCE]}[1]"
    assert TRANSLATED[SENTENCE] in generator.prompts[0].chat()[-1]["content"]
    assert len(generator.prompts) == 1
    assert_exact(answer)


BOTH = "浙大校友創辦的企業超過3000家，總市值約1.8萬億元。"


@pytest.mark.parametrize(
    ("question", "draft", "followed"),
    [
        ("浙大校友創辦的企業有多少家？", "浙大校友创办的企业超过3000家。", False),
        ("浙大校友創辦的企業多少家與總市值多少？", "浙大校友创办的企业超过3000家。", True),
        ("浙大校友創辦的企業，家數和市值各是多少？", "浙大校友创办的企业超过3000家。", True),
        ("浙大校友創辦的企業多少家與總市值多少？", BOTH, False),
    ],
)
def test_an_answer_with_one_of_two_requested_amounts_is_followed_by_a_quote_of_its_source(
    make_rag: Maker, question: str, draft: str, followed: bool
) -> None:
    answer = make_rag(ScriptedGenerator([draft])).answer(question)
    assert answer.text == to_traditional(draft) + "[1]" + (f"\n文中說：{BOTH}[1]" if followed else "")


HALF, MOST, OTHER = "深度求索成立于2023年。", "深度求索成立于2023年7月17日。", "王兴兴是宇树科技的创始人。"
FOUNDER = to_traditional(OTHER)


@pytest.mark.parametrize(("draft", "followed"), [(HALF, ""), (MOST, ""), (OTHER, f"\n文中說：{SENTENCE}[2]")])
def test_an_answer_that_omits_the_most_similar_sentence_is_followed_by_it(make_rag: Maker, draft: str, followed: str) -> None:
    answer = make_rag(ScriptedGenerator([draft])).answer("深度求索是怎樣成立的？")
    assert answer.text == to_traditional(draft) + "[1]" + followed


@pytest.mark.parametrize(
    ("question", "second", "quoted"),
    [
        ("誰做了什麼？", 0.7, [FOUNDER, BOTH]),
        ("誰做了什麼？", 0.6, [FOUNDER]),
        ("做了多少？", 0.7, [FOUNDER]),
    ],
)
def test_at_most_two_unsaid_similar_sentences_are_quoted_and_only_one_if_a_number_is_asked_for(
    question: str, second: float, quoted: list[str]
) -> None:
    index = build([Document("a", ARTICLE)], FakeEmbedder(), longest=100)[0]
    number = {sentence.text: place for place, sentence in enumerate(index.sentences)}
    claims = [Claim("", to_traditional(MOST), (number[SENTENCE],), (1.0,))]
    near = [(number[FOUNDER], 0.8), (number[BOTH], second), (number[SENTENCE], 0.5)]
    found = Completion(claims, index, English(), tuned()).sentences_to_quote(near, question, account=False)
    assert sorted(found) == sorted(number[text] for text in quoted)


POLICY = ("杭州把財政收入的15%投入科技創新。", "這項政策被稱為“三個15%”。")
RULES = ("Hangzhou spends 15% of its revenue on science.", "These rules are called the three fifteens by officials.")


@pytest.mark.parametrize(
    ("documents", "question", "draft", "text"),
    [
        (["".join(POLICY)], "這項政策被稱為什麼？", "15%。", f"15%。[1]\n文中說：{POLICY[0]}[2]{POLICY[1]}[1]"),
        (
            [" ".join(RULES)],
            "What are these rules called by officials?",
            "Three fifteens.",
            f"Three fifteens.[1]\nThe text says: {RULES[0]}[2] {RULES[1]}[1]",
        ),
        (["".join(POLICY)], "這項政策被稱為什麼？", POLICY[0], f"{POLICY[0]}[1]\n文中說：{POLICY[1]}[2]"),
        (["上海的外資企業最多。", POLICY[1]], "這項政策被稱為什麼？", "15%。", f"15%。[1]\n文中說：{POLICY[1]}[1]"),
        (["上海很大。" + POLICY[0]], "杭州把財政收入的多少投入科技創新？", "15%。", f"15%。[1]\n文中說：{POLICY[0]}[1]"),
    ],
    ids=["chinese", "english", "said already", "another source", "points at nothing"],
)
def test_a_quoted_sentence_that_refers_back_is_quoted_together_with_its_antecedent(
    chosen: Settings, embedder: FakeEmbedder, documents: list[str], question: str, draft: str, text: str
) -> None:
    sources = [Document(f"{number}.txt", source) for number, source in enumerate(documents)]
    assert Rag(chosen, embedder, ScriptedGenerator([draft]), documents=sources).answer(question).text == text


@pytest.mark.parametrize(("listed", "lines"), [(99, 9), (2, 2)])
def test_the_tuned_limit_bounds_the_sentences_listed_after_a_summary(
    chosen: Settings, embedder: FakeEmbedder, listed: int, lines: int
) -> None:
    generator = ScriptedGenerator(["浙江大学为杭州培养了大量的人才。"])
    rag = Rag(chosen, embedder, generator, parameters=replace(tuned(), listed=listed))
    answer = rag.answer("總結一下浙江大學為杭州培養了人才和浙大校友創辦的企業")
    assert answer.text.count("\n- ") == lines


def test_questions_of_the_source_are_not_quoted_after_an_answer() -> None:
    asking, telling = "杭州為什麼成功？", "杭州的成功來自人才。"
    index = build([Document("a", f"{asking}{telling}{SENTENCE}")], FakeEmbedder(), longest=100)[0]
    claims = [Claim("", to_traditional(MOST), (2,), (1.0,))]
    near = [(0, 0.9), (1, 0.8), (2, 0.5)]
    assert Completion(claims, index, English(), tuned()).sentences_to_quote(near, "杭州為什麼成功？", account=False) == (1,)


@pytest.mark.parametrize(("question", "following"), [("作坊眼下有哪些難關？", (1, 2)), ("作坊眼下的難關從何時起？", ())])
def test_the_items_of_a_list_are_quoted_only_if_several_things_are_asked_for(question: str, following: tuple[int, ...]) -> None:
    text = "作坊眼下有兩道難關。\n第一道是豆價，貴了一倍。\n第二道是人手，少了一半。"
    index = build([Document("a", text)], FakeEmbedder(), longest=100)[0]
    claims = [Claim("", "作坊眼下有两道难关。", (0,), (1.0,))]
    assert Completion(claims, index, English(), tuned()).sentences_to_quote([(0, 0.9)], question, account=False) == following
