"""The text of answers, its language and script, and the source sentences that it cites."""

import json
import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from fakes import DRAFT, FOUNDED, SENTENCE, TRANSLATED, FakeEmbedder, ScriptedGenerator, asked, assert_exact, stages

from rag.answering import Switches
from rag.documents import Document
from rag.errors import CorpusError
from rag.pipeline import Rag
from rag.results import Evidence, Token
from rag.settings import Settings
from rag.text import fold
from rag.text.script import has_han, to_traditional
from rag.tuned import tuned

Maker = Callable[..., Rag]


def test_stream_yields_evidence_reading_tokens_checking_and_last_the_answer(make_rag: Maker) -> None:
    events = list(make_rag(ScriptedGenerator([DRAFT])).stream(FOUNDED))
    assert stages(events) == ["evidence", "reading", "token", "checking", "answer"]
    assert "".join(event.text for event in events if isinstance(event, Token)) == DRAFT
    evidence = events[0]
    assert isinstance(evidence, Evidence)
    assert evidence.sentences[0].quote == SENTENCE
    assert [citation.marker for citation in evidence.sentences] == [1, 2, 3]
    assert [passage.score for passage in evidence.passages] == sorted((p.score for p in evidence.passages), reverse=True)
    assert 0 <= evidence.seconds < 5


def test_an_answer_is_in_the_questions_script_with_exact_citations(make_rag: Maker) -> None:
    answer = make_rag(ScriptedGenerator([DRAFT])).answer(FOUNDED)
    assert answer.text == "深度求索成立於2023年7月17日，總部設在杭州。[1]"
    assert (answer.answerable, answer.reason, answer.language, answer.engine) == (True, "", "zh-Hant", "scripted")
    assert [c.quote for c in answer.citations] == [SENTENCE]
    assert_exact(answer)
    simplified = make_rag(ScriptedGenerator([DRAFT])).answer("深度求索成立于哪一年？")
    assert simplified.text == "深度求索成立于2023年7月17日，总部设在杭州。[1]"
    assert simplified.citations[0].quote == SENTENCE


def test_a_traditional_answer_uses_the_characters_of_its_traditional_source(chosen: Settings) -> None:
    (chosen.corpus / "article.txt").write_text("余承東是華為的高管。他住於深圳，後來搬走了。", encoding="utf-8")
    answer = Rag(chosen, FakeEmbedder(), ScriptedGenerator(["余承东是华为的高管。"])).answer("余承東是什麼人？")
    assert answer.text.startswith("余承東是華為的高管。[1]")
    assert_exact(answer, "余承東是華為的高管。他住於深圳，後來搬走了。")


def test_repeated_zeros_in_an_amount_do_not_cut_off_a_draft_but_a_repeated_phrase_does(chosen: Settings) -> None:
    text = "總預算為100000000元，由政府付。"
    (chosen.corpus / "article.txt").write_text(text, encoding="utf-8")
    draft = "总预算为100000000元，由政府付。"
    rag = Rag(chosen, FakeEmbedder(), ScriptedGenerator([draft, "由政府付，" * 50]))
    assert rag.answer("總預算為多少元，由政府付？").text.startswith("總預算為100000000元，由政府付。[1]")
    words = [event.text for event in rag.stream("總預算為100000000元，由誰付？") if isinstance(event, Token)]
    assert len("".join(words)) < 60


class Bilingual(FakeEmbedder):
    """Embed a text with "castles" as SENTENCE."""

    def vector(self, text: str) -> np.ndarray:
        return super().vector(SENTENCE if "castles" in text else text)


def test_an_unsupported_english_claim_is_replaced_by_the_texts_own_translation_of_its_source(chosen: Settings) -> None:
    (chosen.corpus / "article.txt").write_text(SENTENCE, encoding="utf-8")
    (chosen.corpus / "article.english.jsonl").write_text(
        json.dumps({"sentence": SENTENCE, "english": TRANSLATED[SENTENCE]}), encoding="utf-8"
    )
    generator = ScriptedGenerator(["It bought castles, yachts and islands abroad."])
    rag = Rag(chosen, Bilingual(), generator)
    answer = rag.answer("When was 深度求索成立於2023年7月17日 founded?")
    assert answer.text.splitlines()[0] == f"{TRANSLATED[SENTENCE]}[1]"
    assert "castles" not in answer.text and not has_han(answer.text)
    assert len(generator.prompts) == 1
    assert_exact(answer, SENTENCE)


@pytest.mark.parametrize(
    ("draft", "stays"),
    [("It bought castles, yachts and islands abroad.", False), ("It was founded, without castles, in Hangzhou in 2023.", True)],
)
def test_an_english_claim_is_checked_against_a_machine_translation_of_its_chinese_source(
    chosen: Settings, draft: str, stays: bool
) -> None:
    (chosen.corpus / "article.txt").write_text(SENTENCE, encoding="utf-8")
    generator = ScriptedGenerator([draft, "It was founded on July 17, 2023, with its seat in Hangzhou."])
    answer = Rag(chosen, Bilingual(), generator).answer("When was 深度求索成立於2023年7月17日 founded?")
    assert ("castles" in answer.text) is stays
    assert answer.text.splitlines()[-1].endswith(
        "It was founded on July 17, 2023, with its seat in Hangzhou. (machine translation)[1]"
    )


WHALES = "The station has counted 212 whales in five years."


class OfWhales(FakeEmbedder):
    """Embed a Chinese text about whales as WHALES."""

    def vector(self, text: str) -> np.ndarray:
        return super().vector(WHALES if "鲸" in fold(text) else text)


@pytest.mark.parametrize(
    ("drafts", "expected"),
    [
        (
            ["研究站五年来一共数了212头鲸。", "研究站在五年里数了212头鲸。"],
            "研究站五年來一共數了212頭鯨。[1]\n文中說：研究站在五年裡數了212頭鯨。（機器翻譯）[1]",
        ),
        (["一共有999头鲸。", "研究站在五年里数了212头鲸。"], "研究站在五年裡數了212頭鯨。（機器翻譯）[1]"),
        (["一共有999头鲸。", "研究站数了213头鲸。"], f"“{WHALES}”[1]"),
    ],
)
def test_a_chinese_question_about_an_english_text_is_answered_in_chinese_or_with_a_quote(
    chosen: Settings, drafts: list[str], expected: str
) -> None:
    (chosen.corpus / "article.txt").write_text(WHALES, encoding="utf-8")
    answer = Rag(chosen, OfWhales(), ScriptedGenerator(drafts)).answer("數了多少頭鯨？")
    assert answer.text == expected
    assert_exact(answer, WHALES)


def test_a_translation_with_a_name_transliterated_into_chinese_is_replaced_by_the_quote(chosen: Settings) -> None:
    (chosen.corpus / "article.txt").write_text(WHALES, encoding="utf-8")
    drafts = ["一共有999头鲸。", "研究站由威廉·鲍带领，数了212头鲸。"]
    assert Rag(chosen, OfWhales(), ScriptedGenerator(drafts)).answer("數了多少頭鯨？").text == f"“{WHALES}”[1]"


def test_a_repeated_sentence_appears_only_at_its_first_position(make_rag: Maker) -> None:
    founder, robots = "王兴兴是宇树科技的创始人。", "宇树科技的机器人在春节晚会上跳了舞。"
    answer = make_rag(ScriptedGenerator([founder + robots + founder])).answer("宇樹科技的創始人是誰？機器人呢？")
    assert answer.text == "王興興是宇樹科技的創始人。[1]宇樹科技的機器人在春節晚會上跳了舞。[2]"


@pytest.mark.parametrize("phrase", ["喵", "\n", "是的，", "a b c d e f g. "])
def test_a_draft_that_repeats_a_phrase_endlessly_is_cut_off_and_its_beginning_is_used(make_rag: Maker, phrase: str) -> None:
    events = list(make_rag(ScriptedGenerator([DRAFT + phrase * 200])).stream(FOUNDED))
    words = "".join(event.text for event in events if isinstance(event, Token))
    assert len(DRAFT) < len(words) <= len(DRAFT) + 16 * len(phrase)
    assert events[-1].answer.text.startswith(to_traditional(DRAFT) + "[1]")


def test_timings_add_up_the_tokens_of_the_draft_and_of_the_judge(make_rag: Maker) -> None:
    answer = make_rag(ScriptedGenerator([DRAFT])).answer(FOUNDED)
    timings = answer.timings
    assert (timings.prompt_tokens, timings.read_tokens, timings.completion_tokens) == (150, 80, len(DRAFT) + 1)
    assert 0 <= timings.retrieve_s <= timings.first_token_s <= timings.total_s < 5


def test_the_model_reads_passages_and_question_in_simplified_characters(make_rag: Maker) -> None:
    generator = ScriptedGenerator([DRAFT])
    make_rag(generator).answer(FOUNDED)
    assert SENTENCE.replace("於", "于").replace("總", "总").replace("設", "设") in asked(generator.prompts[0])
    assert "深度求索成立于哪一年" in asked(generator.prompts[0])
    assert "於" not in asked(generator.prompts[0]) + asked(generator.chosen[0])


def test_without_the_gate_the_judge_is_not_called_and_the_question_is_answered(
    chosen: Settings, embedder: FakeEmbedder
) -> None:
    generator = ScriptedGenerator([DRAFT], chances=lambda prompt: 0.0)
    answer = Rag(chosen, embedder, generator, switches=Switches(gate=False)).answer(FOUNDED)
    assert answer.answerable
    assert generator.chosen == []


def test_without_grounding_the_draft_is_the_answer(chosen: Settings, embedder: FakeEmbedder) -> None:
    rag = Rag(chosen, embedder, ScriptedGenerator(["编造的1999年。"]), switches=Switches(gate=False, grounding=False))
    assert (rag.answer(FOUNDED).text, rag.answer(FOUNDED).citations) == ("編造的1999年。", ())


def test_a_sentence_with_an_unsupported_number_is_replaced_by_its_source(make_rag: Maker) -> None:
    founder, wrong = "王兴兴是宇树科技的创始人。", "浙大校友创办的企业超过5000家，总市值约1.8万亿元。"
    answer = make_rag(ScriptedGenerator([founder + wrong])).answer("宇樹科技的創始人是誰？")
    assert answer.text == "王興興是宇樹科技的創始人。[1]浙大校友創辦的企業超過3000家，總市值約1.8萬億元。[2]"
    assert_exact(answer)


def test_an_english_question_is_put_to_the_model_in_english_with_a_grammar(make_rag: Maker) -> None:
    generator = ScriptedGenerator(["Unitree (宇樹科技) was founded by Wang Xingxing (王興興)."])
    answer = make_rag(generator).answer("Who founded 宇樹科技 and who is 王興興 of 宇樹科技?")
    assert answer.language == "en"
    assert "Answer in English:" in asked(generator.prompts[0])
    assert generator.prompts[0].grammar.startswith("root ::=")
    assert answer.answerable
    assert_exact(answer)


@pytest.mark.parametrize(
    ("question", "begun"),
    [
        ("深度求索為什麼成立於2023年7月17日？", True),
        ("深度求索成立於哪一年？", False),
        ("總結深度求索為什麼成立於2023年7月17日", False),
    ],
)
def test_the_grammar_makes_a_draft_begin_with_because_only_if_a_reason_is_asked_for(
    make_rag: Maker, question: str, begun: bool
) -> None:
    generator = ScriptedGenerator([DRAFT])
    make_rag(generator).answer(question)
    assert generator.prompts[0].grammar.startswith('root ::= "因为"') == begun


@pytest.mark.parametrize("translation", ["DeepSeek was founded in 2024.", "It sought well" + ", well-sought" * 20])
def test_a_translation_with_another_number_or_endless_repetition_is_replaced_by_the_quote(
    make_rag: Maker, translation: str
) -> None:
    generator = ScriptedGenerator(["It was in 1999.", translation])
    answer = make_rag(generator).answer("When was 深度求索成立於2023年7月17日 founded?")
    assert answer.text == f"“{SENTENCE}”[1]"
    assert_exact(answer)


@pytest.mark.parametrize(
    ("draft", "shown"),
    [
        ("Wang Xiaoxing founded it.", "Wang Xingxing (王興興) founded it. (machine translation)[1]"),
        ("Gong Shulan founded it.", "“王興興是宇樹科技的創始人。”[1]"),
    ],
)
def test_names_in_an_english_answer_are_checked_against_the_pinyin_of_the_source(
    make_rag: Maker, draft: str, shown: str
) -> None:
    answer = make_rag(ScriptedGenerator([draft])).answer("Who is 王興興是宇樹科技的創始人 about?")
    assert answer.text.splitlines()[0] == shown
    assert_exact(answer)


HISTORY = ({"role": "user", "content": "宇樹科技的創始人是誰？"}, {"role": "assistant", "content": "王興興。"})


def test_the_prompt_of_a_follow_up_contains_the_previous_question_and_answer(make_rag: Maker) -> None:
    generator = ScriptedGenerator(["宇树科技的机器人在春节晚会上跳了舞。"])
    answer = make_rag(generator).answer("它的機器人呢？", HISTORY)
    assert "已经回答过：宇树科技的创始人是谁？ 王兴兴。" in asked(generator.prompts[0])
    assert answer.passages[0].text.startswith("宇樹科技的機器人")
    assert_exact(answer)


def test_the_prompt_of_a_first_question_contains_no_previous_question(make_rag: Maker) -> None:
    generator = ScriptedGenerator([DRAFT])
    make_rag(generator).answer(FOUNDED, [{"role": "assistant", "content": "你好！"}])
    assert "已经回答过" not in asked(generator.prompts[0])


def test_retrieve_returns_the_evidence_without_generating(make_rag: Maker) -> None:
    generator = ScriptedGenerator()
    evidence = make_rag(generator).retrieve(FOUNDED)
    assert evidence.sentences[0].quote == SENTENCE
    assert len(evidence.passages) == 5
    assert generator.prompts == generator.chosen == []


def test_tuned_parameters_can_be_overridden(chosen: Settings, embedder: FakeEmbedder) -> None:
    rag = Rag(chosen, embedder, ScriptedGenerator([DRAFT]), parameters=replace(tuned(), passages=2))
    assert len(rag.retrieve(FOUNDED).passages) == 2


def test_answers_cite_documents_given_in_memory(chosen: Settings, embedder: FakeEmbedder) -> None:
    text = "西湖在杭州市中心，面積是6.5平方公里。\n錢塘江很長。"
    rag = Rag(chosen, embedder, ScriptedGenerator(["西湖的面积是6.5平方公里。"]), documents=[Document("lake", text)])
    answer = rag.answer("西湖的面積是多少？")
    assert {citation.source for citation in answer.citations} == {"lake"}
    assert_exact(answer, text)


def test_two_documents_with_the_same_name_raise_an_error_before_a_model_is_called(
    chosen: Settings, embedder: FakeEmbedder
) -> None:
    generator = ScriptedGenerator()
    rag = Rag(chosen, embedder, generator, documents=[Document("lake", "西湖很大。"), Document("lake", "錢塘江很長。")])
    with pytest.raises(CorpusError, match=r"^Two documents have the same name; give each a unique `source`"):
        rag.answer("西湖很大嗎？")
    assert (embedder.embedded, generator.prompts) == ([], [])


def test_a_summary_is_drafted_from_the_outline_and_completed_with_the_sentences_that_it_omits(make_rag: Maker) -> None:
    generator = ScriptedGenerator(["杭州的人工智能产业起步很早。"])
    rag = make_rag(generator)
    index = rag.search_index()[0]
    outline = [index.sentences[number].text for number in index.outline]
    answer = rag.answer("總結一下全文")
    assert all(fold(sentence) in fold(asked(generator.prompts[0])) for sentence in outline)
    said, lead, *rest = re.sub(r"\[\d+\]", "", answer.text).replace("：\n- ", "：\n").splitlines()
    assert (said, lead) == ("杭州的人工智能產業起步很早。", "文中說：")
    assert [line.removeprefix("- ") for line in rest] == outline[1:]
    assert rag.retrieve("總結一下全文").passages == answer.passages
    assert_exact(answer)


def test_an_unsupported_summary_is_replaced_by_the_outline(make_rag: Maker) -> None:
    rag = make_rag(ScriptedGenerator(["这篇文章介绍了火星上的杭州酒店怎样招揽太空旅客。"]))
    index = rag.search_index()[0]
    lines = re.sub(r"\[\d+\]", "", rag.answer("總結一下全文").text).splitlines()
    assert lines == ["文中說：", *(f"- {index.sentences[number].text}" for number in index.outline)]
