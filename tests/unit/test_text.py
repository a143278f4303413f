from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text import clean, fold, han_length, normalize, terms
from rag.text.script import (
    has_han,
    is_traditional,
    language,
    script,
    to_script,
    to_simplified,
    to_traditional,
    with_own_characters,
)
from rag.text.sentences import LONGEST_SENTENCE, clauses, split_sentences
from rag.text.stance import compares, denies, doubts, refers_back

LIVELY = st.text(st.sampled_from("杭州的說国。！？!?….,，;； \t“”「」『』《》（）()\"'’aBTo.3年%\u3000"), max_size=120)


def pieces(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("杭州很好。深圳也好！上海呢？", ["杭州很好。", "深圳也好！", "上海呢？"]),
        ("他走了……真的走了。", ["他走了……", "真的走了。"]),
        ("真的嗎？！是的。", ["真的嗎？！", "是的。"]),
        ("沒有句號", ["沒有句號"]),
        ("　杭州。　 深圳。 ", ["杭州。", "深圳。"]),
        ("第一行\n第二行。", ["第一行", "第二行。"]),
        ("", []),
        (" \n\t　", []),
        ("。", ["。"]),
    ],
)
def test_sentences_end_at_end_punctuation_and_line_ends(text: str, expected: list[str]) -> None:
    assert pieces(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("《憑什麼是杭州？》這篇文章很長。讀完了。", ["《憑什麼是杭州？》這篇文章很長。", "讀完了。"]),
        ("《為什麼？怎麼辦！》", ["《為什麼？怎麼辦！》"]),
        ("他問“為什麼？憑什麼？”，沒人回答。", ["他問“為什麼？憑什麼？”，沒人回答。"]),
        ("“憑什麼？”的疑問很多。好。", ["“憑什麼？”的疑問很多。", "好。"]),
        ("他說：“杭州很好。”我同意。", ["他說：“杭州很好。”", "我同意。"]),
        ("他說：「杭州很好。」我同意。", ["他說：「杭州很好。」", "我同意。"]),
        ("他说（真的吗？不知道。）然后走了。好。", ["他说（真的吗？不知道。）然后走了。", "好。"]),
        ("“沒有結束的引號。第二句。", ["“沒有結束的引號。", "第二句。"]),
        ("It was “a miracle.” Prices rose. He said “no.”", ["It was “a miracle.”", "Prices rose.", "He said “no.”"]),
        ("“I left,” she said. “It rained.” He slept.", ["“I left,” she said.", "“It rained.”", "He slept."]),
        ("“Why?” he asked. Nobody knew.", ["“Why?” he asked.", "Nobody knew."]),
        ('"Stop!" she cried. "Yes." He went.', ['"Stop!" she cried.', '"Yes."', "He went."]),
    ],
)
def test_end_punctuation_in_a_title_or_a_quotation_within_a_sentence_does_not_end_it(text: str, expected: list[str]) -> None:
    assert pieces(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('他说。"你好。"她笑了。"走吧！"他们走了。', ["他说。", '"你好。"', "她笑了。", '"走吧！"', "他们走了。"]),
        ("他说。'你好。'她笑了。", ["他说。", "'你好。'", "她笑了。"]),
        ('他提出"15%"政策。"很好。"他说。\n走。"好。"', ['他提出"15%"政策。', '"很好。"', "他说。", "走。", '"好。"']),
        ('A pipe of 5" broke. He said "no." It\'s so.', ['A pipe of 5" broke.', 'He said "no."', "It's so."]),
        ("Don't. 'Stop!' he said. 'Go.'", ["Don't.", "'Stop!' he said.", "'Go.'"]),
    ],
)
def test_a_straight_quotation_mark_belongs_to_the_sentence_that_it_opens_or_closes(text: str, expected: list[str]) -> None:
    assert pieces(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1. 這項補貼每人一萬元。\n2. 申請者須工作三年。", ["1. 這項補貼每人一萬元。", "2. 申請者須工作三年。"]),
        ("1. Fill in the form. 2. Pay 30 yuan. 12. Send it.", ["1. Fill in the form.", "2. Pay 30 yuan.", "12. Send it."]),
        ("## 3. 結論\n- 4. 附錄", ["## 3. 結論", "- 4. 附錄"]),
        ("He was 42. Then he left.", ["He was 42.", "Then he left."]),
        ("It was in 1990.\n1990. It rained.", ["It was in 1990.", "1990.", "It rained."]),
    ],
)
def test_the_number_of_a_list_item_belongs_to_its_sentence(text: str, expected: list[str]) -> None:
    assert pieces(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("See https://example.com/a?b=c for the data. Go.", ["See https://example.com/a?b=c for the data.", "Go."]),
        ("見https://example.com/a?b=1。然後走。", ["見https://example.com/a?b=1。", "然後走。"]),
        ("Is it at http://example.com/a!b? Yes.", ["Is it at http://example.com/a!b?", "Yes."]),
        ("真的吗?DeepSeek很好。", ["真的吗?", "DeepSeek很好。"]),
    ],
)
def test_punctuation_in_a_url_does_not_end_a_sentence(text: str, expected: list[str]) -> None:
    assert pieces(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("占比21.43%。增長1.8萬億。", ["占比21.43%。", "增長1.8萬億。"]),
        ("It grew 21.43 percent. Then it fell.", ["It grew 21.43 percent.", "Then it fell."]),
        ("企業做To C業務。To B也做。", ["企業做To C業務。", "To B也做。"]),
        ("Mr. Wang met Dr. Li. They left.", ["Mr. Wang met Dr. Li.", "They left."]),
        ("The U.S. market is big. Yes.", ["The U.S. market is big.", "Yes."]),
        ("It came at 9 a.m. on Monday. Good.", ["It came at 9 a.m. on Monday.", "Good."]),
        ("DeepSeek-R1 is out! Is it good? Yes.", ["DeepSeek-R1 is out!", "Is it good?", "Yes."]),
        ('He said "stop." Then he left.', ['He said "stop."', "Then he left."]),
        ("版本V3.1發布.杭州歡呼.", ["版本V3.1發布.", "杭州歡呼."]),
        ('It burned in 1931.[2] "It was old."[3][4] Good.', ["It burned in 1931.[2]", '"It was old."[3][4]', "Good."]),
        ("磨坊燒毀。[2]後來重建。", ["磨坊燒毀。[2]", "後來重建。"]),
        ("See D[5] e. Then f.", ["See D[5] e.", "Then f."]),
        ("Gov. Smith met Gen. Li and Sen. Wu. Lt. Col. Ma left.", ["Gov. Smith met Gen. Li and Sen. Wu.", "Lt. Col. Ma left."]),
        ("On Sept. 5 Acme Corp. had approx. 9 cars. See Fig. 3.", ["On Sept. 5 Acme Corp. had approx. 9 cars.", "See Fig. 3."]),
        ("It is in vol. 3, Sec. 2, pp. 4-5, since Jan. 1. Yes.", ["It is in vol. 3, Sec. 2, pp. 4-5, since Jan. 1.", "Yes."]),
    ],
)
def test_decimals_abbreviations_and_names_are_not_split(text: str, expected: list[str]) -> None:
    assert pieces(text) == expected


@given(LIVELY | st.text(max_size=200))
def test_spans_are_ordered_disjoint_stripped_and_cover_all_characters_but_white_space(text: str) -> None:
    spans = split_sentences(text)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    assert all(text[start:end] == text[start:end].strip() for start, end in spans)
    covered = "".join(text[start:end] for start, end in spans)
    assert [c for c in covered if not c.isspace()] == [c for c in text if not c.isspace()]


@given(st.integers(1, 1500), st.sampled_from("杭，a; "))
def test_no_sentence_exceeds_the_maximum_length(length: int, letter: str) -> None:
    text = ("杭州" + letter) * length
    assert all(end - start <= LONGEST_SENTENCE for start, end in split_sentences(text))
    assert "".join("".join(pieces(text)).split()) == "".join(text.split())


def test_an_overlong_sentence_is_cut_at_its_last_clause() -> None:
    text = "杭" * 300 + "，" + "州" * 300
    assert pieces(text) == ["杭" * 300 + "，", "州" * 300]


def test_an_overlong_sentence_is_cut_at_a_clause_rather_than_a_word_and_not_in_a_number() -> None:
    first = "It rained and " * 20 + "so it flooded,"
    second = "and it stayed " * 6 + "with 1,000 people " + "and more " * 10 + "came."
    assert pieces(f"{first} {second}") == [first, second]
    assert pieces("it rains " * 60) == [("it rains " * 44).strip() + " it", "rains " + ("it rains " * 15).strip()]


def test_unclosed_quotation_marks_do_not_keep_sentences_from_ending() -> None:
    spans = split_sentences("“" * 20_000 + "杭州。" * 1000)
    assert len(spans) == 20_000 // LONGEST_SENTENCE + 1000
    assert all(end - start == 3 for start, end in spans[-999:])


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("ＤｅｅｐＳｅｅｋ", "deepseek"),
        ("為什麼誕生在杭州？", "为什么诞生在杭州?"),
        ("15％", "15%"),
        ("深\u200b度\ufeff求\u2060索", "深度求索"),
        ("①", "1"),
    ],
)
def test_folding_is_nfkc_lower_case_simplified_and_without_invisible_characters(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_a_normalized_question_keeps_its_case() -> None:
    assert normalize("Ｗhat did Deep\u200bSeek 做過什麼？") == "What did DeepSeek 做过什么?"


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_folding_is_idempotent_for_ascii_and_common_chinese_characters(text: str) -> None:
    plain = "".join(c for c in text if c.isascii() or "\u4e00" <= c <= "\u9fff")
    assert fold(fold(plain)) == fold(plain)


def test_terms_are_bigrams_words_and_numbers_in_order() -> None:
    assert terms("杭州六小龍 DeepSeek-R1 1,800 21.43% 浙") == [
        *("杭州", "州六", "六小", "小龙"),
        *("deepseek", "r1", "1800", "21.43%", "浙"),
    ]
    assert terms("。，！ \u200b") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("為什麼誕生在杭州", "zh-Hant"),
        ("为什么诞生在杭州", "zh-Hans"),
        ("杭州有什么", "zh-Hans"),
        ("台灣最高峰在哪？", "zh-Hant"),
        ("台湾最高峰在哪？", "zh-Hans"),
        ("飯店有多少床位", "zh-Hant"),
        ("台北的群眾吃什麼", "zh-Hant"),
        ("台北", None),
        ("杭州", None),
        ("Hangzhou", None),
        ("", None),
    ],
)
def test_the_script_is_recognised_by_characters_that_belong_to_only_one_script(text: str, expected: str | None) -> None:
    assert script(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Why was DeepSeek born in Hangzhou?", "en"),
        ("hangzhou", "en"),
        ("為什麼DeepSeek誕生在杭州？", "zh-Hant"),
        ("为什么DeepSeek诞生在杭州？", "zh-Hans"),
        ("deepseek为啥在杭州", "zh-Hans"),
        ("What does 雙聘制 mean?", "en"),
        ("Who is 王興興 and what did he do?", "en"),
        ("Explain “三個15%” to me please", "en"),
        ("Describe 雙聘制", "en"),
        ("summarize 三個15%的好處.", "en"),
        ("List 六小龍", "en"),
        ("Is 王有才 rich?", "en"),
        ("Is the 王有才 that I know rich?", "en"),
        ("and 深圳呢？", "zh-Hant"),
        ("誰 list 了六小龍", "zh-Hant"),
        ("unitree (宇树科技) founder??", "en"),
        ("DeepSeek（深度求索）", "en"),
        ("(hangzhou)", "en"),
        ("深度求索（DeepSeek）", "zh-Hant"),
        ("宇樹科技的CEO是誰？", "zh-Hant"),
        ("浙大的 alumni 有多少", "zh-Hant"),
        ("杭州", "zh-Hant"),
        ("15%?", "zh-Hant"),
    ],
)
def test_the_language_of_an_answer_follows_the_function_words_of_the_question(text: str, expected: str) -> None:
    assert language(text, "zh-Hant") == expected


def test_the_default_script_is_used_for_text_of_ambiguous_script() -> None:
    assert language("杭州", "zh-Hans") == "zh-Hans"
    assert language("?", "zh-Hans") == "zh-Hans"
    assert language("為什麼", "zh-Hans") == "zh-Hant"


def test_scripts_are_converted_both_ways_and_text_for_an_english_answer_is_unchanged() -> None:
    assert to_simplified("為什麼誕生在杭州") == "为什么诞生在杭州"
    assert to_traditional("为什么诞生在杭州") == "為什麼誕生在杭州"
    assert to_script("為什麼", "zh-Hans") == "为什么"
    assert to_script("为什么", "zh-Hant") == "為什麼"
    assert to_script("“為什麼” means why", "en") == "“為什麼” means why"


@pytest.mark.parametrize(
    ("text", "sources", "own"),
    [
        ("餘承東說了話。", ["余承東是華為的高管。"], "余承東說了話。"),
        ("鍾先生敲鐘，麵子上。", ["鍾先生敲鐘，面子上。"], "鍾先生敲鐘，面子上。"),
        ("餘下的人。", ["余承東是華為的高管。"], "餘下的人。"),
        ("他理髮明顯更好。", ["發明家王興興的發明。"], "他理髮明顯更好。"),
        ("皇后面前。", ["後面有人。"], "皇后面前。"),
        ("餘承東", [], "餘承東"),
    ],
)
def test_words_shared_with_a_source_get_the_characters_of_the_source(text: str, sources: list[str], own: str) -> None:
    assert with_own_characters(text, sources) == own


def test_text_converted_from_simplified_characters_does_not_count_as_traditional() -> None:
    assert is_traditional("余承東是華為的高管。")
    assert is_traditional("于先生住於杭州，後來搬走了。")
    assert not is_traditional("他成功于杭州，開發了雲計算。")
    assert not is_traditional("余承东是华为的高管。")


def test_cleaning_removes_invisible_characters_and_replaces_lone_surrogates() -> None:
    assert clean("深\u200b度\x00求\u202e索\x1b") == "深度 求索 "
    assert clean("a\tb\nc") == "a\tb\nc"
    assert clean("杭\ud800州") == "杭\ufffd州"
    assert clean("\ud83d\ude00") == "😀"
    assert clean("𠀀") == "𠀀"


@given(st.text(st.characters(), max_size=60))
def test_cleaned_text_can_always_be_encoded_as_utf8(text: str) -> None:
    clean(text).encode("utf-8")
    assert "\0" not in clean(text)


@pytest.mark.parametrize(("text", "expected"), [("DeepSeek", False), ("D杭", True), ("。？", False), ("㐀", True), ("", False)])
def test_han_characters_are_recognised(text: str, expected: bool) -> None:
    assert has_han(text) is expected


@pytest.mark.parametrize(
    ("text", "points"),
    [
        *[("這項政策被稱為“三個15%”。", True), ("这项政策被称为“三个15%”。", True), ("These rules are old.", True)],
        *[("那幾年很難。", True), ("那几年很难。", True), ("Those years were hard.", True)],
        *[("該公司設在杭州。", True), ("该公司设在杭州。", True), ("This firm sits in Hangzhou.", True)],
        *[("其創始人是王興興。", True), ("其创始人是王兴兴。", True), ("It was founded by Wang.", True)],
        *[("它們都在杭州。", True), ("它们都在杭州。", True), ("They are all in Hangzhou.", True)],
        *[("杭州留住了這些人才。", True), ("杭州留住了这些人才。", True), ("Hangzhou kept these talents.", True)],
        *[("杭州也是這樣做的。", False), ("其实杭州很好。", False), ("以上海為例。", False), ("Such things take time.", True)],
        *[("因為上述原因，房價更低。", True), ("因为上述原因，房价更低。", True), ("THAT is why.", True)],
        *[("杭州很好。", False), ("杭州的房价更低。", False), ("Hangzhou is good.", False)],
        *[("其中三家在杭州。", False), ("其中三家在杭州的西边。", False), ("Three of its firms are here.", False)],
        *[("其他城市更大。", False), ("其余城市更大。", False), ("Other cities are larger.", False)],
        *[("他認為這一點很好。", False), ("他认为这一点很好。", False), ("He knows that Hangzhou is good.", False)],
        *[("杭州應該更好。", False), ("杭州应该更好。", False), ("Hangzhou says it is good.", False)],
        *[("Items cost less.", False), ("Thesis work is long.", False), ("", False)],
    ],
)
def test_sentences_that_refer_back_are_recognised(text: str, points: bool) -> None:
    assert refers_back(text) is points


@pytest.mark.parametrize(
    ("text", "denying"),
    [
        *[("不可能有第二個杭州。", True), ("没有一家在南京。", True), ("並非如此。", True), ("尚未成為熱門。", True)],
        *[
            ("不僅是杭州。", False),
            ("不断发展。", False),
            ("未來很好。", False),
            ("無論如何都好。", False),
            ("非常好。", False),
        ],
        *[("There cannot be a second one.", True), ("None is here.", True), ("It isn’t so.", True), ("It isn't so.", True)],
        *[("Not only here.", False), ("No doubt it is so.", False), ("The note is known.", False), ("", False)],
    ],
)
def test_negations_are_recognised(text: str, denying: bool) -> None:
    assert denies(text) is denying


@pytest.mark.parametrize(
    ("text", "doubting"),
    [
        ("她猜是墨水凍住了", True),
        ("大家以為橋塌了", True),
        ("據說他走了", True),
        ("They suspected the pump.", True),
        ("It was thought to be lost.", True),
        ("他不以為然", False),
        ("引以為傲，數據說明，代代相傳，猜燈謎", False),
        ("It claimed 20 lives and assumed office; three suspects.", False),
        ("墨水凍住了", False),
        ("The pump failed.", False),
    ],
)
def test_reports_of_a_guess_are_recognised(text: str, doubting: bool) -> None:
    assert doubts(text) == doubting


@pytest.mark.parametrize(
    ("text", "comparing"),
    [
        *[("深圳不如杭州。", True), ("杭州比北京便宜。", True), ("杭州更適合創業。", True), ("南京的房价低于杭州。", True)],
        *[("Shenzhen suits it better.", True), ("It costs less than Beijing.", True), ("Larger than Nanjing.", True)],
        *[("占比21%，百分比很高。", False), ("比如杭州。", False), ("政府被比喻為園丁。", False), ("更新了系統。", False)],
        *[("校友辦了超過3000家企業。", False), ("高於10%的企業。", False), ("More than 3,000 firms.", False)],
        *[
            ("It chose Hangzhou rather than Beijing.", False),
            ("Other than that.", False),
            ("More than half.", False),
            ("", False),
        ],
    ],
)
def test_comparisons_are_recognised(text: str, comparing: bool) -> None:
    assert compares(text) is comparing


def test_text_is_split_into_clauses_but_not_inside_numbers() -> None:
    assert clauses("杭州很好，因為：人才多；房價低。") == ["杭州很好", "因為", "人才多", "房價低", ""]
    assert clauses("It made 1,808.3 billion yuan, and more.") == ["It made 1,808.3 billion yuan", " and more."]


def test_the_length_of_english_text_is_a_third_of_its_characters() -> None:
    assert [han_length(text) for text in ("杭州很好。", "It rains.", "DeepSeek在杭州", "")] == [5, 3, 11, 0]


def test_a_lone_surrogate_is_folded_and_converted_to_a_question_mark() -> None:
    assert fold("杭\ud800州") == "杭?州"
    assert to_traditional("为\udfff什么") == "為?什麼"
