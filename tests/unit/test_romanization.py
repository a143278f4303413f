"""Names that an English text writes in Latin letters are held to the characters of a Chinese one."""

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
def test_a_name_that_is_like_one_of_the_source_is_spelled_as_its_characters_are_read(drafted: str, spelled: str) -> None:
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
def test_what_is_right_or_like_no_name_of_the_source_stays_as_it_is(text: str) -> None:
    assert respelled(text, SOURCE) == text


@pytest.mark.parametrize("source", ["吴秀兰和吴小兰", "王小姐和张建议"])
def test_what_two_names_or_none_are_like_stays_as_it_is(source: str) -> None:
    for name in ("Wu Xinlan", "Wang Xiaoming", "Zhang Jianguo"):
        assert respelled(name, source) == name


def test_a_name_is_spelled_as_the_question_spells_it() -> None:
    assert respelled("Wu Hsiulan and Wu Shulan", SOURCE, "who is wu shulan?") == "Wu Hsiulan and Wu Shulan"
    assert with_originals("Wu Shulan", SOURCE) == "Wu Shulan"


def test_a_source_without_chinese_spells_no_name() -> None:
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
def test_a_name_that_no_characters_of_the_source_are_read_as_is_told(text: str, told: list[str]) -> None:
    assert unmatched_names(text, SOURCE) == told


@pytest.mark.parametrize(("english", "chinese"), [("Zhejiang University", "浙大"), ("Shanghai", "沪上"), ("Chengdu", "成都")])
def test_a_place_may_be_written_short_or_with_a_function_word(english: str, chinese: str) -> None:
    assert unmatched_names(english, chinese) == []


def test_the_original_stands_behind_the_first_mention_alone() -> None:
    text = "Zhou Xiaoman is Wu Xiulan's granddaughter; Wu Xiulan, a blower, and Gu Yanzhang (顧延章) knew Shan Xiongxin."
    assert with_originals(text, SOURCE) == (
        "Zhou Xiaoman (周晓满) is Wu Xiulan's (吴秀兰) granddaughter; Wu Xiulan, a blower, and Gu Yanzhang (顧延章) "
        "knew Shan Xiongxin (單雄信)."
    )


def test_originals_are_written_as_the_source_writes_them() -> None:
    text = "Shan Xiongxin (单雄信), Wu Xiulan (吳秀蘭), (GDP) and Zhuhai (珠海)"
    assert in_source_script(text, SOURCE) == "Shan Xiongxin (單雄信), Wu Xiulan (吴秀兰), (GDP) and Zhuhai (珠海)"


@pytest.mark.parametrize("hostile", ["An" + "an" * 5000, "Xian " * 1000, "Qiong-" * 1000, "Wu Xiulan " * 500, "Zhuhai " * 1000])
def test_a_hostile_draft_does_not_take_long(hostile: str) -> None:
    unmatched = {"Xian": {"Xian Xian Xian"}, "Zhuhai": {"Zhuhai"}}.get(hostile.split()[0], set())
    assert set(unmatched_names(hostile, SOURCE)) == unmatched
    assert with_originals(respelled(hostile, SOURCE), SOURCE).count("(吴秀兰)") == ("Wu" in hostile)
