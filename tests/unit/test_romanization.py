"""Romanised names in an English text are checked against the characters of its Chinese source."""

import pytest

from rag.english.romanization import in_source_script, respelled, unmatched_names, with_originals

SOURCE = (
    "一九八一年，吹制工吴秀兰到上海看病；周晓满是她的外孙女。"
    "厂长顾延章、曾国藩、單雄信、欧阳修和李娜都不信，他们的手风琴也响到了天山。"
)


@pytest.mark.parametrize(
    ("drafted", "spelled"),
    [
        ("Wu Xiaolan went to Shanghai.", "Wu Xiulan went to Shanghai."),
        ("It was Wu Shuanglan's doll.", "It was Wu Xiulan's doll."),
        ("Director Gu Yan Zhong did not.", "Director Gu Yan Zhang did not."),
        ("Can Wu Xiaolan see? She met Gu Yanzhong!", "Can Wu Xiulan see? She met Gu Yanzhang!"),
        ("Shanghai Wu Xiaolan", "Shanghai Wu Xiulan"),
        ("Ouyang Xie and Gong Shulan Wu Xiaolan", "Ouyang Xiu and Gong Shulan Wu Xiulan"),
    ],
)
def test_a_misspelled_name_is_corrected_to_the_pinyin_of_the_similar_name_in_the_source(drafted: str, spelled: str) -> None:
    assert respelled(drafted, SOURCE) == spelled


@pytest.mark.parametrize(
    "text",
    [
        "Zeng Guofan, Shan Xiongxin, Ouyang Xiu and Wu Xiu-lan",
        "In Shanghai Wu Xiulan met Li Na He said.",
        "Women in China Can Dance in Shanghai.",
        "Guanyang is a place, said Xiulan Wu.",
        "Wu Xiaoming and Wu Lan",
        "the gu yanzhong of old",
        "",
    ],
)
def test_correct_names_and_words_unlike_any_name_of_the_source_are_unchanged(text: str) -> None:
    assert respelled(text, SOURCE) == text


@pytest.mark.parametrize("source", ["吴秀兰和吴小兰", "王小姐和张建议"])
def test_a_name_similar_to_two_names_of_the_source_or_to_none_is_unchanged(source: str) -> None:
    for name in ("Wu Xinlan", "Wang Xiaoming", "Zhang Jianguo"):
        assert respelled(name, source) == name


def test_a_name_spelled_as_in_the_question_is_unchanged() -> None:
    assert respelled("Wu Hsiulan and Wu Shulan", SOURCE, "who is wu shulan?") == "Wu Hsiulan and Wu Shulan"
    assert with_originals("Wu Shulan", SOURCE) == "Wu Shulan"


def test_with_a_source_without_chinese_no_name_is_corrected_or_reported() -> None:
    assert (respelled("Gong Shulan", "Gong Shulan"), unmatched_names("Gong Shulan", "No one.")) == ("Gong Shulan", [])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Gong Shulan mended it with Wu Xiulan.", ["Gong Shulan"]),
        ("Gong Shu Lan Wu Xiulan", ["Gong Shu Lan"]),
        ("Wu Xiulan met Sun Yat-sen and Mary Lin Smith.", []),
        ("Women of China, Wu Xiulan.", []),
        ("Tian Shan, Hong Kong, Fang Lane, Wu Gate, Dean Li, Lisa Su, Eileen Gu, Ang Lee and Yo-Yo Ma", []),
        ("Taihu Lake, Duke Wen, Madame Wu, Tai Chi, Han Chinese", []),
        ("Zhuhai knows Wu Xiulan from Hangzhou.", ["Zhuhai", "Hangzhou"]),
        ("Wu Xiulan moved to Beijing.", ["Beijing"]),
        ("Along Taxi Mixing, Manga and Macao, Shangai and Shanghai, Osaka and Canada", []),
    ],
)
def test_chinese_names_that_resemble_no_reading_of_the_source_are_reported(text: str, told: list[str]) -> None:
    assert unmatched_names(text, SOURCE) == told


@pytest.mark.parametrize(("english", "chinese"), [("Zhejiang University", "浙大"), ("Shanghai", "沪上"), ("Chengdu", "成都")])
def test_a_place_name_matches_a_short_form_and_characters_that_include_a_function_word(english: str, chinese: str) -> None:
    assert unmatched_names(english, chinese) == []


def test_the_original_is_added_only_after_the_first_mention() -> None:
    text = "Zhou Xiaoman is Wu Xiulan's granddaughter; Wu Xiulan, a blower, and Gu Yanzhang (顧延章) knew Shan Xiongxin."
    assert with_originals(text, SOURCE) == (
        "Zhou Xiaoman (周晓满) is Wu Xiulan's (吴秀兰) granddaughter; Wu Xiulan, a blower, and Gu Yanzhang (顧延章) "
        "knew Shan Xiongxin (單雄信)."
    )


def test_originals_in_parentheses_get_the_script_of_the_source() -> None:
    text = "Shan Xiongxin (单雄信), Wu Xiulan (吳秀蘭), (GDP) and Zhuhai (珠海)"
    assert in_source_script(text, SOURCE) == "Shan Xiongxin (單雄信), Wu Xiulan (吴秀兰), (GDP) and Zhuhai (珠海)"


@pytest.mark.parametrize("hostile", ["An" + "an" * 5000, "Xian " * 1000, "Qiong-" * 1000, "Wu Xiulan " * 500, "Zhuhai " * 1000])
def test_very_long_repetitive_drafts_are_processed_correctly(hostile: str) -> None:
    unmatched = {"Xian": {"Xian Xian Xian"}, "Zhuhai": {"Zhuhai"}}.get(hostile.split()[0], set())
    assert set(unmatched_names(hostile, SOURCE)) == unmatched
    assert with_originals(respelled(hostile, SOURCE), SOURCE).count("(吴秀兰)") == ("Wu" in hostile)
