"""Translating with the names of a text, since a small model replaces names that it does not know."""

from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import ScriptedGenerator, asked

from rag.english import English
from rag.english.names import Names
from rag.generation import Prompt
from rag.pipeline import Rag
from rag.settings import Settings
from rag.templates import Templates
from rag.text.script import to_simplified
from rag.translation import Translator, parse_names

Maker = Callable[..., Rag]
PORT = "羅錦濤說，雲港有深水碼頭。"
LISTED = "罗锦涛 人\n云港 地"
KINDS = ("人", "地")
KNOWN = {"羅錦濤": ("Luo Jintao",), "雲港": ("Yungang",)}


class Writer:
    """Return the given list of names for a prompt that asks for one, else the given translations in order."""

    def __init__(self, listed: str, *translations: str) -> None:
        self.listed = listed
        self.translations = list(translations)
        self.read: list[str] = []

    def __call__(self, prompt: Prompt, most: int | None) -> str:
        if most is not None:
            return self.listed
        self.read.append(asked(prompt))
        return self.translations.pop(0)


def translator(write: Writer, english: English | None = None) -> Translator:
    return Translator(Templates(Settings.load({}).prompts), english or English(), write, is_name=str.istitle)


def test_listed_names_are_spelled_in_pinyin_with_their_originals_as_in_the_text() -> None:
    assert parse_names(LISTED, PORT, *KINDS) == Names.of(KNOWN)


@pytest.mark.parametrize("told", ["无", "云港 物", "云港", "云港 地 Yuhang", "秦小满 人", "深水码头有深水 地", "", "说 人"])
def test_listed_names_that_are_malformed_or_not_in_the_text_are_ignored(told: str) -> None:
    assert parse_names(told, PORT, *KINDS) == Names()


@pytest.mark.parametrize(
    ("name", "kind", "english"),
    [
        ("歐陽修", "人", "Ouyang Xiu"),
        ("曾國藩", "人", "Zeng Guofan"),
        ("羅長根", "人", "Luo Changgen"),
        ("西安", "地", "Xi'an"),
        ("長風鎮", "地", "Changfeng"),
        ("杭州市", "地", "Hangzhou"),
        ("重慶", "地", "Chongqing"),
        ("呂梁", "地", "Luliang"),
        ("莫蒂斯", "人", None),
        ("桐油", "人", None),
        ("東京", "地", None),
        ("法國", "地", None),
        ("園區", "地", None),
        ("澳門市", "地", None),
        ("墨爾本", "地", None),
        ("\u9fef嶺", "地", None),
    ],
)
def test_names_are_romanised_unless_english_may_have_other_names_for_them(name: str, kind: str, english: str | None) -> None:
    told = f"{to_simplified(name)} {kind}"
    assert parse_names(told, name, *KINDS) == (Names.of({name: (english,)}) if english else Names())


def test_a_translation_with_another_name_is_repeated_with_the_names_of_its_sentence() -> None:
    writer = Writer(
        LISTED,
        "Li Keqiang said that Zhuhai has a port.",
        "Luo Jintao (羅錦濤) (Luo J.) said that Yungang (Cloud Harbour) has a port.",
    )
    assert translator(writer).sentence(PORT, "en") == "Luo Jintao (羅錦濤) said that Yungang has a port."
    assert "Luo Jintao" not in writer.read[0]
    assert "Luo Jintao (羅錦濤)说， Yungang (雲港)有深水码头" in writer.read[1]


def test_a_repeated_translation_that_still_has_another_name_is_rejected() -> None:
    assert translator(Writer(LISTED, "Zhuhai has a port.", "Zhuhai has a port.")).sentence(PORT, "en") == ""


def test_a_translation_with_another_name_is_not_repeated_if_no_names_are_listed() -> None:
    assert translator(Writer("无", "Zhuhai has a port.")).sentence(PORT, "en") == ""


def test_names_are_listed_before_an_english_draft_and_shown_with_their_originals(make_rag: Maker) -> None:
    generator = ScriptedGenerator(["Shanghai."], names="杭州 地\n上海 地")
    answer = make_rag(generator).answer("Which place is this about: 上海的外資企業最多?")
    assert "上海的外资企业最多" in asked(generator.searched[0])
    assert " Shanghai (上海)的外资企业最多" in asked(generator.prompts[0])
    assert answer.text.startswith("Shanghai (上海). (machine translation)[1]")


def test_names_are_not_listed_for_a_text_with_its_own_table_of_names(make_rag: Maker, chosen: Settings) -> None:
    Path(chosen.corpus / "article.names.toml").write_text('[names]\n"王興興" = ["Wang X."]\n', encoding="utf-8")
    generator = ScriptedGenerator(["Wang X. founded it."])
    make_rag(generator).answer("Who is 王興興是宇樹科技的創始人 about?")
    assert generator.prompts
    assert generator.searched == []


@pytest.mark.parametrize(("question", "drafts"), [("宇樹科技的創始人是誰？", 1), ("What is the weather?", 0)])
def test_names_are_listed_only_before_an_english_draft(make_rag: Maker, question: str, drafts: int) -> None:
    generator = ScriptedGenerator(["王兴兴是宇树科技的创始人。"])
    make_rag(generator).answer(question)
    assert (len(generator.prompts), generator.searched) == (drafts, [])


def test_a_parenthesis_in_a_translation_that_follows_no_name_is_not_removed() -> None:
    said = "The factory (The only one) has closed."
    assert translator(Writer("无", said)).sentence("唯一的一家工厂关了。", "en") == said


@pytest.mark.parametrize("quote", ["雲港——唯一的港口——關了。", "雲港（唯一的港口）關了。", "雲港(唯一的港口)關了。"])
def test_a_parenthesis_after_a_name_is_not_removed_if_the_sentence_has_an_aside(quote: str) -> None:
    said = "Yungang (The only port) has closed."
    assert translator(Writer("无", said)).sentence(quote, "en") == said


def test_english_forms_in_the_texts_own_table_of_names_are_accepted_in_any_spelling() -> None:
    english = English(Names.of({"云港": ("Zhuhai Port",)}), own_names=frozenset({"云港"}))
    writer = Writer("never asked", "Zhuhai Port is deep.")
    assert translator(writer, english).sentence(PORT, "en") == "Zhuhai Port is deep."


def test_names_are_marked_for_translation_into_chinese_and_the_marks_are_removed() -> None:
    writer = Writer("never asked", "去年，「Stowe」 和「Ann Quill」卖了 30 盏灯。")
    said = translator(writer).sentence("Stowe and Ann Quill sold 30 lamps last year.", "zh-Hant")
    assert said == "去年，Stowe 和 Ann Quill 卖了 30 盏灯。"
    assert writer.read[0].endswith("：\n「Stowe」 and 「Ann Quill」 sold 30 lamps last year.")


@pytest.mark.parametrize("said", ["「Stowe」 卖了 40 盏灯。", "「Stowe」 sold 30 lamps.", "安·奎尔卖了 30 盏灯。"])
def test_a_chinese_translation_with_another_number_no_chinese_or_a_transliterated_name_is_rejected(said: str) -> None:
    assert translator(Writer("never asked", said)).sentence("Stowe sold 30 lamps.", "zh-Hans") == ""


def test_names_of_an_english_text_are_marked_when_it_is_quoted_for_a_chinese_question(
    make_rag: Maker, chosen: Settings
) -> None:
    (chosen.corpus / "article.txt").write_text("Quill runs the mill. In May the owner of Quill came.", encoding="utf-8")
    generator = ScriptedGenerator(["无关。"])
    make_rag(generator).answer("誰管 Quill runs the mill？")
    translated = [asked(prompt) for prompt in generator.prompts if "翻译" in asked(prompt)]
    assert translated[0].endswith("\n「Quill」 runs the mill.")
