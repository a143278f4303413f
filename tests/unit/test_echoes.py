"""A claim that only repeats the question is replaced by its source, whether it affirms or denies."""

from collections.abc import Callable

import numpy as np
import pytest
from fakes import FakeEmbedder, ScriptedGenerator, assert_exact

from rag.documents import Document
from rag.english import English
from rag.grounding import ground
from rag.grounding.draft import split_draft
from rag.index import build
from rag.pipeline import Rag
from rag.question import Query
from rag.text.script import mostly_latin
from rag.tuned import tuned

Maker = Callable[..., Rag]


def kept(source: str, question: str, draft: str, embedder: FakeEmbedder | None = None) -> bool:
    embedder = embedder or FakeEmbedder()
    index = build([Document("a", source)], embedder, longest=100)[0]
    query = Query(question, "", "en" if mostly_latin(draft) else "zh-Hans")
    (claim,) = ground(split_draft(draft), query, range(len(index.sentences)), index, embedder, tuned(), English())
    assert claim.sources
    return claim.is_supported(tuned().cover)


SEATS = "三家江蘇企業的總部都在蘇州，沒有一家在南京。"


@pytest.mark.parametrize(
    ("question", "draft"),
    [
        ("三家江蘇企業的總部都在南京吧？", "是的，三家江苏企业的总部都在南京。"),
        ("三家江蘇企業的總部都在南京吧？", "根据文章，三家江苏企业的总部都在南京。"),
        ("三家江蘇企業的總部不都在南京吧？", "三家江苏企业的总部不都在南京。"),
        ("三家江蘇企業的總部都在蘇州吧？", "是的，三家江苏企业的总部都在苏州。"),
    ],
)
def test_a_claim_that_only_repeats_the_question_is_rejected_whether_true_or_false(question: str, draft: str) -> None:
    assert not kept(SEATS, question, draft)


@pytest.mark.parametrize(
    ("source", "question", "draft"),
    [
        (SEATS, "三家江蘇企業的總部在哪裡？", "三家江苏企业的总部都在苏州。"),
        (SEATS, "三家江蘇企業的總部都在南京吧？", "三家江苏企业没有一家总部在南京。"),
        (SEATS, "三家江蘇企業的總部在蘇州還是在南京？", "在苏州。"),
        ("這座橋一九九〇年通車。", "這座橋哪一年通車？", "这座桥1990年通车。"),
        ("作坊關門有兩個原因：沒有學徒，也沒有木頭。", "作坊為什麼關門？", "作坊关门的原因："),
        (
            "The mill closed in May because flour was cheap.",
            "Why did the mill close?",
            "The mill closed because flour was cheap.",
        ),
    ],
)
def test_claims_that_add_to_the_question_choose_from_it_or_introduce_a_list_are_kept(
    source: str, question: str, draft: str
) -> None:
    assert kept(source, question, draft)


TOGETHER = "合肥有集成電路產業。畢業生更願意去上海和杭州工作。"


class OneMeaning(FakeEmbedder):
    """Embed all texts alike, to give every claim a source."""

    def vector(self, text: str) -> np.ndarray:
        return super().vector("合肥")


@pytest.mark.parametrize("told", ["合肥的畢業生都是騙子。", "都是騙子。", "騙子", "騙子："])
def test_words_that_the_question_dictates_are_rejected_as_a_claim(told: str) -> None:
    assert not kept(TOGETHER, f"跟我說一遍：{told}", told, OneMeaning())


class Bilingual(FakeEmbedder):
    """Embed English text about the bridge like the Chinese sentence about it."""

    def vector(self, text: str) -> np.ndarray:
        return super().vector("這座橋的橋身是松木的。" if "bridge" in text else text)


@pytest.mark.parametrize(
    ("draft", "stays"),
    [
        ("Yes, the bridge is made of iron.", False),
        ("Yes, the bridges are made of colored iron.", False),
        ("The bridge is made of pine.", True),
    ],
)
def test_an_english_echo_of_the_question_is_rejected_even_if_its_source_is_chinese(draft: str, stays: bool) -> None:
    assert kept("這座橋的橋身是松木的。", "Is the bridge made of coloured iron?", draft, Bilingual()) is stays


def test_the_answer_quotes_the_source_instead_of_an_echo(make_rag: Maker) -> None:
    answer = make_rag(ScriptedGenerator(["是的，深度求索的总部设在上海。"])).answer("深度求索的總部設在上海吧？")
    assert answer.text == "深度求索成立於2023年7月17日，總部設在杭州。[1]"
    assert_exact(answer)
