from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.numbers import in_english, numbers_asked, possible_numbers, stated_numbers, unsupported_numbers
from rag.text.script import to_simplified


def numbers(*texts: str) -> set[Decimal]:
    return {Decimal(text).normalize() for text in texts}


@pytest.mark.parametrize(
    "text", ["1.8万亿元", "1.8萬億元", "18000亿", "18,000億", "1.8 trillion yuan", "1,800 billion", "１.８万亿"]
)
def test_different_notations_of_a_value_are_the_same_number(text: str) -> None:
    assert stated_numbers(text) == numbers("1.8e12")
    assert numbers("1.8e12") <= possible_numbers(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("占21.43%", ["21.43"]),
        ("占２１.４３％", ["21.43"]),
        ("2023年7月17日", ["2023", "7", "17"]),
        ("超过3000家", ["3000"]),
        ("3,000 companies and 1,234,567 people", ["3000", "1234567"]),
        ("15.0%和15%", ["15"]),
        ("5千万人", ["5e7"]),
        ("2百亿", ["2e10"]),
        ("3 million", ["3e6"]),
        ("R1和V3", []),
        ("没有数字", []),
        ("", []),
    ],
)
def test_numbers_in_digits_are_read_with_their_scale(text: str, expected: list[str]) -> None:
    assert stated_numbers(text) == numbers(*expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("三个", "3"),
        ("兩個", "2"),
        ("十五", "15"),
        ("二十", "20"),
        ("三百零五", "305"),
        ("五千", "5000"),
        ("六成二", "62"),
        ("七成半", "75"),
        ("三万", "30000"),
        ("两亿", "2e8"),
        ("二〇二三年", "2023"),
        ("一九七八年", "1978"),
        ("一萬二千人", "12000"),
        ("兩億三千萬", "2.3e8"),
        ("三万亿", "3e12"),
        ("thirty-five", "35"),
        ("forty", "40"),
        ("ninety thousand", "9e4"),
        ("twenty", "20"),
        ("Three hundred", "300"),
        ("two million people", "2e6"),
        ("in February", "2"),
        ("December", "12"),
        ("三四十年前", "30"),
        ("三四十年前", "40"),
        ("三千八百万元", "3.8e7"),
        ("owed three hundred and eighty million yuan", "3.8e8"),
        ("one hundred and eleven thousand two hundred", "111200"),
        ("since nineteen ninety-nine", "1999"),
        ("in twenty twenty-four", "2024"),
        ("總預算2億4千萬元", "2.4e8"),
    ],
)
def test_numbers_in_words_are_read(text: str, expected: str) -> None:
    assert numbers(expected) <= possible_numbers(text)


@pytest.mark.parametrize(
    ("text", "expected", "english"),
    [
        ("每年上升一點一毫米", ["1.1"], "1.1毫米"),
        ("一点八亿元", ["1.8e8"], "180 million"),
        ("百分之十二点五", ["12.5"], "12.5%"),
        ("折中成四米五，差两块六", ["4.5", "2.6"], "4.5米"),
        ("最高水位4米38", ["4.38"], "4.38米"),
        ("约有二十三点五万人", ["235000"], "235,000人"),
        ("一万二千三百点五公里", ["12300.5"], "12300.5公里"),
        ("只有三点二公里，零点三秒", ["3.2", "0.3"], "0.3秒"),
        ("（三点一四米）", ["3.14"], "（三点一四米）"),
        ("one hundred and twenty-three point five metres", ["123.5"], "point"),
        ("twenty-three point five or zero point zero five", ["23.5", "0.05"], "point"),
        ("有一点一直没变", [], "有一点一直没变"),
        ("这一点三人都同意", [], "这一点三人都同意"),
        ("三点五分开门", [], "三点五分"),
        ("下午三点二十分", ["20"], "三点20分"),
        ("两点一线", [], "两点一线"),
        ("一块三明治", [], "一块三明治"),
        ("凌晨四点一声巨响", [], "四点一声"),
        ("一点一滴地攒", [], "一点一滴"),
        ("面积120米²。", ["120", "2"], "120米²"),
        ("At one point three hundred ships lay there.", ["300"], "one point"),
    ],
)
def test_decimals_in_words_are_read_and_written_in_english(text: str, expected: list[str], english: str) -> None:
    assert stated_numbers(text) == numbers(*expected)
    assert numbers(*expected) <= possible_numbers(text)
    assert english in in_english(to_simplified(text))


def test_a_possible_decimal_also_counts_as_its_parts() -> None:
    assert numbers("3", "2", "3.2") <= possible_numbers("下午三點二公里外")


def test_the_bare_digits_of_a_scaled_number_are_possible_but_not_stated() -> None:
    assert possible_numbers("1.8万亿") == numbers("1.8e12", "1.8") | (possible_numbers("1.8万亿") - numbers("1.8e12", "1.8"))
    assert stated_numbers("1.8万亿") == numbers("1.8e12")


@pytest.mark.parametrize(
    "text",
    ["1. 杭州\n2. 深圳", "（1）杭州\n（2）深圳", "1、杭州", "  3) Hangzhou", "10. 上海"],
    ids=["dots", "brackets", "、", ")", "10"],
)
def test_list_marks_are_not_numbers(text: str) -> None:
    assert stated_numbers(text) == set()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It owed three hundred and eighty million yuan.", ["3.8e8"]),
        ("between nineteen and twenty-three", ["19", "23"]),
        ("欠債三千八百萬元", ["3.8e7"]),
        ("一九九九年，十五人", ["1999", "15"]),
        ("占百分之十五", ["15"]),
        ("從六成二跌到一成八", ["62", "18"]),
        ("兩成三左右", ["23"]),
        ("之一成三人、達八成三萬人、一成不變、九成一致、有一成三人", ["30000"]),
        ("one of the two, in the first century", []),
        ("in the twenty-first century, the fiftieth time", ["21", "50"]),
        ("游客百萬人，不是數百萬、上千萬，千萬不要去", ["1e6"]),
        ("千禧年，成千上萬的人三三兩兩，十分熱鬧，來了二三十個", []),
    ],
)
def test_numbers_in_words_are_stated_only_if_above_ten(text: str, expected: list[str]) -> None:
    assert stated_numbers(text) == numbers(*expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("欠债三千八百万元", "欠债 38 million 元"),
        ("总预算2亿4千万元", "总预算 240 million 元"),
        ("18083.00亿元", " 1.8083 trillion 元"),
        ("由百分之二十一降到百分之七", "由21%降到7%"),
        ("从六成二到七成半(六成二)", "从62%到75%(六成二)"),
        ("二〇一三年，四十七人，六万四千元", "2013年，47人，64,000元"),
        ("三四十年前，一个人十分努力", "三四十年前，一个人十分努力"),
        ("(十八洞)有15.5%", "(十八洞)有15.5%"),
        ("月薪一万二，3万5千元", "月薪12,000，35,000元"),
        ("1兆1,700亿元，30万5000元", " 1.17 trillion 元，305,000元"),
        ("10至20万，120个亿", "100,000至200,000， 12 billion "),
        ("100多万人，10几万人", " more than 1 million 人， more than 100,000人"),
        ("三百多封信，九十几个人", " more than 300封信， more than 90个人"),
        ("三十多万人，一百多年前", " more than 300,000人， more than 100年前"),
        ("不到两百架，不足百分之五", " less than 200架， less than 5%"),
        ("不到2020年底，十几个", "不到2020年底，十几个"),
        ("6500万年前，2019年", " 65 million 年前，2019年"),
        ("1998,12万人", "1998,120,000人"),
        ("2023百强企业，2024千人计划", "2023百强企业，2024千人计划"),
        ("晚上七点两万人齐聚", "晚上七点20,000人齐聚"),
    ],
)
def test_chinese_amounts_are_written_in_english(text: str, expected: str) -> None:
    assert in_english(text) == expected


@pytest.mark.parametrize("text", ["9" * 40 + "亿元", "一" + "亿" * 30, "一" + "万" * 30])
def test_amounts_beyond_all_scales_are_written_without_a_scale(text: str) -> None:
    assert "illion" not in in_english(text)


@given(st.integers(11, 10**13))
def test_an_amount_written_in_english_has_the_same_value(number: int) -> None:
    assert stated_numbers(in_english(f"{number}万")) == {Decimal(number * 10**4).normalize()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("月薪一萬二", "12000"),
        ("租金三百五", "350"),
        ("一億三", "1.3e8"),
        ("一百二十五", "125"),
        ("三万零五", "30005"),
        ("3万5千元", "35000"),
        ("3万5", "35000"),
        ("2千元", "2000"),
        ("5百人", "500"),
        ("5千米", "5"),
        ("5百分點", "5"),
        ("二○一九年", "2019"),
    ],
)
def test_amounts_in_spoken_chinese_are_read(text: str, expected: str) -> None:
    assert stated_numbers(f"約{text}") == numbers(expected)
    assert numbers(expected) <= possible_numbers(text)


def test_a_circle_may_mean_zero() -> None:
    assert possible_numbers("○") == numbers("0")


@pytest.mark.parametrize(
    ("text", "expected", "not_meant"),
    [
        ("2019，2020年", ["2019", "2020"], "2019202"),
        ("1998、2003，2010", ["1998", "2003", "2010"], "2003201"),
        ("全國第4，300家門店", ["4", "300"], "4300"),
        ("全國第4,300家門店", ["4", "300"], "4300"),
        ("1998,12万人", ["1998", "120000"], "199812"),
        ("１８，０００家", ["18000"], "18"),
    ],
)
def test_a_comma_joins_two_numbers_only_as_a_thousands_separator(text: str, expected: list[str], not_meant: str) -> None:
    assert stated_numbers(text) == numbers(*expected)
    assert Decimal(not_meant) not in stated_numbers(text)


@pytest.mark.parametrize(
    ("text", "source", "other"),
    [
        ("三成的企業", "30%", "80%"),
        ("百分之八", "8%", "30%"),
        ("三分之二", "two thirds", "30%"),
        ("two-thirds of them", "三分之二", "30%"),
        ("a quarter of them", "25%", "30%"),
        ("half of the firms", "一半的企業", "30%"),
        ("half of the firms", "上半年", "30%"),
        ("一半", "50%", "30%"),
        ("half a million", "五十萬", "300萬"),
        ("a billion", "十億", "300 million"),
        ("two and a half million", "250萬", "300萬"),
        ("a million and a half", "a million and a half", "300萬"),
        ("three dozen", "36人", "300人"),
        ("a hundred and twenty", "120", "300"),
        ("15K yuan", "15,000元", "15 million"),
        ("1.5bn", "15億", "1.5 million"),
        ("RMB500", "500元", "50元"),
        ("CNY1.2bn", "12億", "2億"),
        ("founded on May 17, 2023", "2023年5月17日", "2023年7月17日"),
        ("in Jul. 2023", "2023年7月", "2023年5月"),
        ("the 5th of March", "三月五日", "四月五日"),
        ("eighteenth century", "十八世紀", "十九世紀"),
        ("twenty-five with children", "25", "20"),
        ("fifty million worth", "5000萬", "50"),
        ("thirty-six month", "36", "30"),
        ("the 1990s", "九十年代", "八十年代"),
        ("the 1980s", "八〇年代", "九〇年代"),
        ("20世紀80年代", "the 1980s", "the 1990s"),
        ("2.26 trillion", "2兆2600億元", "2.26億元"),
        ("五兆元", "5 trillion", "三兆元"),
        ("9成學生", "90%", "80%"),
        ("35%", "3成5", "3成8"),
        ("100,000 to 200,000", "10至20萬元", "30至40萬元"),
        ("The museum opens at 9:00.", "九點", "十點"),
        ("at 18:30", "下午6點半", "下午7點半"),
        ("75% of students", "three-quarters of students", "65%"),
        ("20%", "one in five adults", "one in four adults"),
        ("£45m", "4500萬英鎊", "45億英鎊"),
        ("八月十五日", "August 15", "9月15日"),
        ("on May 17", "5月17日", "7月17日"),
        ("15 people", "有15人受傷[3]", "有200人受傷[15]"),
        ("30 years", "three decades", "two decades"),
        ("1.5小時", "an hour and a half", "兩小時"),
        ("2.5 years", "兩年半", "兩年"),
        ("500 million", "5個億", "5萬"),
        ("10,000", "上萬人", "上千人"),
        ("九十年代", "the 1990s", "the 1980s"),
    ],
)
def test_a_number_matches_its_other_notations_and_no_other_number(text: str, source: str, other: str) -> None:
    assert stated_numbers(text) <= possible_numbers(source)
    assert not stated_numbers(text) <= possible_numbers(other)


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("the first three quarters of the year", "前三季度"),
        ("two quarters in a row, two third-tier cities", "連續兩季，兩座三線城市"),
        ("Only 8 may vote.", "只有8人可以投票"),
        ("They march 30 kilometres a day.", "每天走30公里"),
        ("More than half of the firms", "56%的企業"),
        ("two-thirds of them", "66.7%"),
        ("about a third of them", "35%"),
        ("三分之一", "33%"),
        ("近三分之二", "60%"),
        ("more than a dozen companies", "十幾家"),
        ("half a dozen", "五六個"),
        ("百分之三", "百分之三四"),
        ("百分之十幾", "15%"),
        ("七八成", "75%"),
        ("more than 1 million", "100多萬"),
        ("more than 300,000", "三十多萬"),
        ("the 14th Five-Year Plan", "“十四五”規劃"),
        ("at 10:30", "十點半"),
        ("2.5 hours", "兩個半小時"),
        ("the 1890s", "十九世紀九十年代"),
        ("2023百強縣", "2023年百強縣"),
        ("年產11662台", "年產11，662台"),
        ("千萬記住，三五成群，唯一成活，統一成了", ""),
        ("數以百萬計", ""),
        ("2024千人計劃", "2024"),
    ],
)
def test_paraphrases_and_idioms_state_no_number_that_their_source_lacks(text: str, source: str) -> None:
    assert stated_numbers(text) <= possible_numbers(source)


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("50家", "半導體、半島、半夜，企業30家"),
        ("20人", "成立於2020年，員工300人"),
        ("662 people", "11,662 people"),
        ("3 firms", "3,000 firms"),
        ("the 1990s", "1890年代"),
        ("8.2小時", "早上八點兩個小時"),
    ],
)
def test_a_part_of_another_number_or_word_does_not_match(text: str, source: str) -> None:
    assert not stated_numbers(text) <= possible_numbers(source)


def test_a_word_that_only_begins_like_a_scale_is_not_read_as_one() -> None:
    assert possible_numbers("7 billionaires, worth a month in the north") == numbers("7")


def test_numbers_after_list_marks_are_read() -> None:
    assert stated_numbers("1. 有3000家\n2. 占15%") == numbers("3000", "15")


@pytest.mark.parametrize(("text", "expected"), [("42.", ["42"]), ("18、19世紀", ["18", "19"]), ("12、13日", ["12", "13"])])
def test_a_number_that_begins_a_text_but_no_list_item_is_not_a_list_mark(text: str, expected: list[str]) -> None:
    assert stated_numbers(text) == numbers(*expected)


@given(st.integers(0, 10**15))
def test_every_integer_is_read_with_and_without_thousands_separators(number: int) -> None:
    assert stated_numbers(f"共{number}元") == {Decimal(number).normalize()}
    assert stated_numbers(f"共{number:,}元") == {Decimal(number).normalize()}


@given(st.text(max_size=80))
def test_stated_numbers_are_among_the_possible_ones_for_any_text(text: str) -> None:
    assert stated_numbers("x " + text) <= possible_numbers("x " + text)


def test_a_number_of_thousands_of_digits_is_read() -> None:
    assert len(stated_numbers("9" * 5000)) == 1


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("平均月薪是多少？", True),
        ("有幾家總部在杭州", True),
        ("How many employees does it have?", True),
        ("What percentage goes to technology?", True),
        ("是哪几家？", False),
        ("為什麼幾乎沒有人留下？", False),
        ("How did it begin?", False),
        ("它是哪一年成立的？", True),
        ("文章是哪天發的", True),
        ("什麼時候開始的？", True),
        ("When was it founded?", True),
        ("In which year did it move?", True),
        ("What was its budget in 2024?", True),
        ("What was the reason for the revenue decline?", False),
        ("近几年過得怎麼樣？", False),
        ("幾十年前是什麼樣？", False),
        ("What is it famous for?", False),
        ("What happened when it moved?", False),
        ("那一年發生了什麼？", False),
    ],
)
def test_questions_for_an_amount_or_a_date_are_recognised(question: str, wanted: bool) -> None:
    assert (numbers_asked(question) > 0) is wanted


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("有多少名毕业生，比例是多少？", 2),
        ("南京和浙江各有多少所？", 2),
        ("How many staff, and how much did each earn?", 2),
        ("How many graduates are there?", 1),
        ("分别在哪里？", 0),
    ],
)
def test_the_amounts_that_a_question_asks_for_are_counted(question: str, wanted: int) -> None:
    assert numbers_asked(question) == wanted


@pytest.mark.parametrize(
    ("claim", "source", "expected"),
    [
        ("募集了3.5亿元", "募集了3.5億美元", ["3.5e8"]),
        ("上升5%", "上升5個百分點", ["5"]),
        ("It runs for 12 miles.", "全長12公里", ["12"]),
        ("after 14 years", "after 14 months", ["14"]),
        ("12 kilometers", "十二公里", []),
        ("15 per cent", "百分之十五", []),
        ("in 2023", "2023年", []),
        ("15人", "占15%，15人", []),
        ("38天", "等了38", []),
        ("£148,000", "148,000英鎊", []),
        ("an 18-month plan", "18個月", []),
    ],
)
def test_an_amount_in_another_unit_is_unsupported(claim: str, source: str, expected: list[str]) -> None:
    assert unsupported_numbers(claim, source) == numbers(*expected)
