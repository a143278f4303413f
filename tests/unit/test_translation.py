"""Names come before translations: a small model puts those that it knows in place of those that it does not."""

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
from rag.translation import Translator, named

Maker = Callable[..., Rag]
PORT = "羅錦濤說，雲港有深水碼頭。"
LISTED = "罗锦涛 人\n云港 地"
KINDS = ("人", "地")
KNOWN = {"羅錦濤": ("Luo Jintao",), "雲港": ("Yungang",)}


class Writer:
    """Say what a test wrote: a list of names to a prompt for one, and translations in order."""

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


def test_names_are_spelled_as_their_characters_are_read_and_kept_as_the_text_writes_them() -> None:
    assert named(LISTED, PORT, *KINDS) == Names.of(KNOWN)


@pytest.mark.parametrize("told", ["无", "云港 物", "云港", "云港 地 Yuhang", "秦小满 人", "深水码头有深水 地", "", "说 人"])
def test_what_the_sentences_do_not_hold_or_is_told_in_another_way_is_no_name(told: str) -> None:
    assert named(told, PORT, *KINDS) == Names()


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
def test_names_are_read_as_names_and_those_that_english_has_others_for_left_to_the_model(
    name: str, kind: str, english: str | None
) -> None:
    told = f"{to_simplified(name)} {kind}"
    assert named(told, name, *KINDS) == (Names.of({name: (english,)}) if english else Names())


def test_a_translation_with_another_city_is_made_again_with_the_names_of_its_sentence() -> None:
    writer = Writer(
        LISTED,
        "Li Keqiang said that Zhuhai has a port.",
        "Luo Jintao (羅錦濤) (Luo J.) said that Yungang (Cloud Harbour) has a port.",
    )
    assert translator(writer).sentence(PORT, "en") == "Luo Jintao (羅錦濤) said that Yungang has a port."
    assert "Luo Jintao" not in writer.read[0]
    assert "Luo Jintao (羅錦濤)说， Yungang (雲港)有深水码头" in writer.read[1]


def test_one_that_still_has_another_city_is_no_translation() -> None:
    assert translator(Writer(LISTED, "Zhuhai has a port.", "Zhuhai has a port.")).sentence(PORT, "en") == ""


def test_where_no_names_are_found_it_is_made_once() -> None:
    assert translator(Writer("无", "Zhuhai has a port.")).sentence(PORT, "en") == ""


def test_names_are_found_before_an_english_draft_and_stand_beside_their_originals(make_rag: Maker) -> None:
    generator = ScriptedGenerator(["Shanghai."], names="杭州 地\n上海 地")
    answer = make_rag(generator).answer("Which place is this about: 上海的外資企業最多?")
    assert "上海的外资企业最多" in asked(generator.searched[0])
    assert " Shanghai (上海)的外资企业最多" in asked(generator.prompts[0])
    assert answer.text.startswith("Shanghai (上海). (machine translation)[1]")


def test_a_text_that_brings_its_names_is_not_searched_for_them(make_rag: Maker, chosen: Settings) -> None:
    Path(chosen.corpus / "article.names.toml").write_text('[names]\n"王興興" = ["Wang X."]\n', encoding="utf-8")
    generator = ScriptedGenerator(["Wang X. founded it."])
    make_rag(generator).answer("Who is 王興興是宇樹科技的創始人 about?")
    assert generator.prompts
    assert generator.searched == []


@pytest.mark.parametrize(("question", "drafts"), [("宇樹科技的創始人是誰？", 1), ("What is the weather?", 0)])
def test_names_are_sought_for_english_drafts_alone(make_rag: Maker, question: str, drafts: int) -> None:
    generator = ScriptedGenerator(["王兴兴是宇树科技的创始人。"])
    make_rag(generator).answer(question)
    assert (len(generator.prompts), generator.searched) == (drafts, [])


def test_a_translation_of_an_aside_keeps_it() -> None:
    writer = Writer("无", "The factory (The only one) has closed.", "The factory (The only one) has closed.")
    assert translator(writer).sentence("工厂——唯一的一家——关了。", "en") == "The factory (The only one) has closed."
    assert translator(writer).sentence("唯一的一家工厂关了。", "en") == "The factory (The only one) has closed."


def test_names_that_the_text_brings_are_its_own_however_they_are_spelled() -> None:
    english = English(Names.of({"云港": ("Zhuhai Port",)}), own_names=frozenset({"云港"}))
    writer = Writer("never asked", "Zhuhai Port is deep.")
    assert translator(writer, english).sentence(PORT, "en") == "Zhuhai Port is deep."


def test_an_english_sentence_is_put_into_chinese_with_its_names_marked_and_the_marks_taken_out() -> None:
    writer = Writer("never asked", "去年，「Stowe」 和「Ann Quill」卖了 30 盏灯。")
    said = translator(writer).sentence("Stowe and Ann Quill sold 30 lamps last year.", "zh-Hant")
    assert said == "去年，Stowe 和 Ann Quill 卖了 30 盏灯。"
    assert writer.read[0].endswith("：\n「Stowe」 and 「Ann Quill」 sold 30 lamps last year.")


@pytest.mark.parametrize("said", ["「Stowe」 卖了 40 盏灯。", "「Stowe」 sold 30 lamps.", "安·奎尔卖了 30 盏灯。"])
def test_one_with_another_number_in_no_chinese_or_with_a_name_in_its_sounds_is_no_translation(said: str) -> None:
    assert translator(Writer("never asked", said)).sentence("Stowe sold 30 lamps.", "zh-Hans") == ""


def test_a_chinese_reader_of_an_english_text_finds_its_names_as_it_writes_them(make_rag: Maker, chosen: Settings) -> None:
    (chosen.corpus / "article.txt").write_text("Quill runs the mill. In May the owner of Quill came.", encoding="utf-8")
    generator = ScriptedGenerator(["无关。"])
    make_rag(generator).answer("誰管 Quill runs the mill？")
    translated = [asked(prompt) for prompt in generator.prompts if "翻译" in asked(prompt)]
    assert translated[0].endswith("\n「Quill」 runs the mill.")
