"""Each claim is matched to the sentences that support it, and what they do not support is detected."""

import numpy as np
import pytest
from fakes import ARTICLE, FakeEmbedder

from rag.composition import compose
from rag.documents import Document
from rag.english import English
from rag.grounding import ground
from rag.grounding.claim import Claim
from rag.grounding.draft import Sentence, split_draft
from rag.grounding.probe import Probe
from rag.index import Index, build
from rag.question import Query
from rag.text import fold
from rag.text.script import mostly_latin
from rag.tuned import tuned

FOUNDED = "深度求索成立於2023年7月17日，總部設在杭州。"
ALUMNI = "浙大校友創辦的企業超過3000家，總市值約1.8萬億元。"
FOUNDER = "王興興是宇樹科技的創始人。"


@pytest.fixture(scope="module")
def index() -> Index:
    return build([Document("article.txt", ARTICLE)], FakeEmbedder(), longest=100)[0]


def number_of(index: Index, text: str) -> int:
    return next(number for number, sentence in enumerate(index.sentences) if sentence.text == text)


def query_of(question: str, draft: str) -> Query:
    """Return a question that is to be answered in the language of a draft."""
    return Query(question, "", "en" if mostly_latin(draft) else "zh-Hans")


def claims(index: Index, draft: str, question: str = "問") -> list[Claim]:
    return ground(
        split_draft(draft), query_of(question, draft), range(len(index.sentences)), index, FakeEmbedder(), tuned(), English()
    )


def test_a_claim_is_supported_by_the_sentence_that_says_it(index: Index) -> None:
    (claim,) = claims(index, "王兴兴是宇树科技的创始人。")
    assert claim.sources == (number_of(index, FOUNDER),)
    assert (claim.missing, claim.fault, claim.coverage) == ((), "", 1.0)
    assert claim.support == pytest.approx((1.0,), abs=1e-6)


@pytest.mark.parametrize(
    ("source", "draft", "fault"),
    [
        ("一個事實是，不可能有第二個杭州。", "可能有第二個杭州。", "denied"),
        ("一個事實是，不可能有第二個杭州。", "不可能有第二個杭州。", ""),
        ("杭州有九家企業上榜，南京沒有一家企業。", "杭州有九家企業上榜。", ""),
        ("杭州有九家企業上榜，南京沒有一家企業。", "南京有一家企業。", "denied"),
        ("不僅杭州有九家企業上榜，南京也有。", "杭州有九家企業上榜。", ""),
        ("One fact is that there cannot be a second Hangzhou.", "There can be a second Hangzhou.", "denied"),
    ],
)
def test_a_claim_that_affirms_what_its_source_denies_is_marked_denied(source: str, draft: str, fault: str) -> None:
    (claim,) = claims(build([Document("a", source)], FakeEmbedder(), longest=100)[0], draft)
    assert (claim.sources, claim.fault) == ((0,), fault)


@pytest.mark.parametrize(
    ("question", "draft", "fault"),
    [
        ("為什麼斷了線？", "墨水冻住了，线断了。", "guessed"),
        ("為什麼斷了線？", "她猜墨水冻住了，线断了。", ""),
        ("她猜是怎麼斷的線？", "墨水冻住了，线断了。", ""),
    ],
)
def test_a_claim_that_asserts_what_its_source_only_guesses_is_marked_guessed(question: str, draft: str, fault: str) -> None:
    index = build([Document("a", "她猜是墨水凍住了線斷了，可是這裡的冬天從不結冰。")], FakeEmbedder(), longest=100)[0]
    (claim,) = claims(index, draft, question)
    assert claim.fault == fault


@pytest.mark.parametrize(("begun", "fault"), [("據說，", "guessed"), ("有人說，", "guessed"), ("1990年，", "")])
def test_a_short_clause_that_reports_a_guess_also_applies_to_the_next_clause(begun: str, fault: str) -> None:
    index = build([Document("a", f"{begun}這座石塔是唐代的工匠建的。")], FakeEmbedder(), longest=100)[0]
    (claim,) = claims(index, "這座石塔是唐代的工匠建的。")
    assert claim.fault == fault


@pytest.mark.parametrize(
    ("source", "draft", "fault"),
    [
        ("深圳和杭州都有科技產業和人才。", "深圳的科技產業和人才不如杭州。", "comparison"),
        ("深圳的科技產業和人才比杭州少。", "深圳的科技產業和人才不如杭州。", ""),
        ("深圳的科技產業超過3000家。", "深圳的科技產業超過3000家。", ""),
        ("Shenzhen and Hangzhou both have talent.", "Hangzhou has more talent than Shenzhen.", "comparison"),
        ("Hangzhou has more talent than Shenzhen.", "Hangzhou has more talent than Shenzhen.", ""),
    ],
)
def test_a_claim_that_compares_what_its_source_does_not_is_marked_comparison(source: str, draft: str, fault: str) -> None:
    (claim,) = claims(build([Document("a", source)], FakeEmbedder(), longest=100)[0], draft)
    assert (claim.sources, claim.fault) == ((0,), fault)


@pytest.mark.parametrize(
    ("source", "draft", "fault"),
    [
        ("合肥有集成電路，蘇州有生物醫藥，成都有軍工和航空航天。", "合肥有軍工和航空航天。", "misquoted"),
        ("合肥有集成電路，蘇州有生物醫藥，成都有軍工和航空航天。", "成都有軍工和航空航天。", ""),
        ("南京教授都在實驗室裡，而杭州教授都在開公司。", "杭州教授都在實驗室裡，而杭州教授都在開公司。", "misquoted"),
        ("他2018年創辦了公司，把總部設在杭州。", "他把總部設在杭州。", ""),
        ("Ann keeps the mill, and Bob keeps bees in the orchard.", "Ann keeps bees in the orchard.", "misquoted"),
        ("Ann keeps the mill, and Bob keeps bees in the orchard.", "Bob keeps bees in the orchard.", ""),
    ],
)
def test_a_claim_that_says_of_one_thing_what_its_source_says_of_another_is_marked_misquoted(
    source: str, draft: str, fault: str
) -> None:
    (claim,) = claims(build([Document("a", source)], FakeEmbedder(), longest=100)[0], draft)
    assert (claim.sources, claim.fault) == ((0,), fault)


@pytest.mark.parametrize(
    ("draft", "fault"),
    [("浙大校友創辦的企業超過3000家。", ""), ("浙大校友創辦了3000家企業，都很大。", "far"), ("浙大校友的企業都很大：", "")],
)
def test_a_claim_with_little_support_is_marked_far_unless_it_introduces_others(index: Index, draft: str, fault: str) -> None:
    (claim,) = claims(index, draft)
    assert (claim.sources, claim.fault) == ((number_of(index, ALUMNI),), fault)


TOGETHER = "合肥有集成電路產業。畢業生更願意去上海和杭州工作。"


def test_a_sentence_that_covers_a_clause_which_the_best_source_lacks_is_cited_too() -> None:
    two = build([Document("a", TOGETHER)], FakeEmbedder(), longest=100)[0]
    (claim,) = claims(two, "合肥有集成電路產業，畢業生更願意去上海。")
    assert (sorted(claim.sources), claim.coverage) == ([0, 1], 1.0)


def test_the_coverage_of_a_claim_is_at_most_that_of_its_least_covered_clause() -> None:
    two = build([Document("a", TOGETHER)], FakeEmbedder(), longest=100)[0]
    (claim,) = claims(two, "合肥有集成電路產業，因為北方城市缺少投資。")
    assert (claim.sources, claim.coverage) == ((0,), 0.0)


def test_terms_that_only_the_question_contains_do_not_count_as_covered() -> None:
    two = build([Document("a", TOGETHER)], FakeEmbedder(), longest=100)[0]
    (claim,) = claims(two, "合肥有集成電路產業，因為北方城市缺少投資。", "北方城市缺少投資，因為什麼？")
    assert claim.coverage == pytest.approx(0.47, abs=0.01)


def test_a_claim_that_no_sentence_supports_has_no_source(index: Index) -> None:
    (claim,) = claims(index, "火星上有兩座大型的遊樂園。")
    assert (claim.sources, claim.support) == ((), ())


def test_a_question_in_a_draft_is_a_claim_only_if_the_source_asks_it_and_the_reader_does_not() -> None:
    asking = build([Document("a", "杭州為什麼能留住人才？南京有什麼？")], FakeEmbedder(), longest=100)[0]
    assert [claim.text for claim in claims(asking, "杭州為什麼能留住人才？")] == ["杭州為什麼能留住人才？"]
    assert claims(asking, "杭州為什麼能留住人才？", "杭州為什麼能留住人才") == []
    assert claims(build([Document("a", ARTICLE)], FakeEmbedder(), longest=100)[0], "王興興是宇樹科技的創始人？") == []


def test_a_short_claim_is_supported_by_a_likely_sentence_that_contains_all_its_words(index: Index) -> None:
    likeliest = [number_of(index, FOUNDER), number_of(index, ALUMNI)]
    english = English(sentences={fold(FOUNDER): "Wang Xingxing is, of Unitree, the founder."})
    (claim,) = ground(split_draft("Unitree: Wang"), Query("Who?", "", "en"), likeliest, index, FakeEmbedder(), tuned(), english)
    assert claim.sources == (number_of(index, FOUNDER),)


CODER = "深度求索的第一个模型叫DeepSeek Coder，发布于2023年。"


@pytest.mark.parametrize(
    ("draft", "missing"),
    [
        ("第一个模型叫DeepSeek Codex Turbo。", ("Codex", "Turbo")),
        ("由OpenAI和Google DeepMind开发。", ("OpenAI", "Google", "DeepMind")),
        ("OpenAI。", ("OpenAI",)),
        ("DeepSeek Coder。", ()),
    ],
)
def test_latin_names_in_a_chinese_claim_that_the_source_lacks_are_reported_missing(
    draft: str, missing: tuple[str, ...]
) -> None:
    index = build([Document("a", CODER)], FakeEmbedder(), longest=100)[0]
    (claim,) = ground(split_draft(draft), Query("模型叫什么？", "", "zh-Hans"), [0], index, FakeEmbedder(), tuned(), English())
    assert claim.missing == missing


@pytest.mark.parametrize(
    ("draft", "missing"),
    [
        ("Tencent launched the R1 model in January 2025.", ("Tencent",)),
        ("DeepSeek launched the R1 model: Tencent.", ("Tencent",)),
        ("Launching the R1 model, DeepSeek grew.", ()),
        ("According to this, the R1 model was launched in January.", ()),
        ("Models were launched.", ()),
        ("Because it launched the R1 model in January.", ()),
        ("She launched the R1 model. ", ()),
        ("Both were launched in January 2025.", ()),
        ("Since 2025 it had the R1 model.", ()),
        ("The reason: models were launched in January.", ()),
        ("Twelve models launched: R1.", ("12",)),
        ("V4 was launched by DeepSeek in January 2025.", ("V4",)),
    ],
)
def test_the_first_word_of_an_english_claim_is_reported_missing_only_if_it_may_be_a_name(
    draft: str, missing: tuple[str, ...]
) -> None:
    index = build([Document("a", "DeepSeek launched the R1 model in January 2025.")], FakeEmbedder(), longest=100)[0]
    (claim,) = ground(split_draft(draft), Query("Who launched it?", "", "en"), [0], index, FakeEmbedder(), tuned(), English())
    assert claim.missing == missing


@pytest.mark.parametrize("begun", ["因为", "Because "])
def test_the_source_need_not_contain_the_because_that_begins_a_reason(index: Index, begun: str) -> None:
    likeliest = [number_of(index, FOUNDER), number_of(index, ALUMNI)]
    (claim,) = ground(
        split_draft(f"{begun}王兴兴"), Query("為什麼？", "", "zh-Hant"), likeliest, index, FakeEmbedder(), tuned(), English()
    )
    assert (claim.text, claim.sources, claim.support) == (f"{begun}王兴兴", (likeliest[0],), (1.0,))


def test_a_number_that_only_an_uncited_sentence_contains_is_reported_missing() -> None:
    text = "報名參加抽獎的住戶有5,820戶。電腦抽出了1,940戶。"
    (claim,) = claims(build([Document("a", text)], FakeEmbedder(), longest=100)[0], "報名參加抽獎的住戶有1,940戶。")
    assert claim.missing == ("1.94E+3",)


def test_a_sentence_that_shares_only_a_number_with_a_claim_is_not_cited() -> None:
    text = "合作社今年種了380畝茶樹。學校的操場有450平方米。"
    (claim,) = claims(build([Document("a", text)], FakeEmbedder(), longest=100)[0], "合作社今年種了450畝茶樹。")
    assert (claim.sources, claim.missing) == ((0,), ("4.5E+2",))


def test_a_claim_that_combines_two_sentences_cites_both(index: Index) -> None:
    (claim,) = claims(index, "深度求索成立於2023年7月17日，浙大校友創辦的企業超過3000家。")
    assert set(claim.sources) == {number_of(index, FOUNDED), number_of(index, ALUMNI)}


@pytest.mark.parametrize(
    ("draft", "missing"),
    [
        ("深度求索成立於2023年。", ()),
        ("深度求索成立於1999年。", ("1999",)),
        ("總市值約18000億元。", ()),
        ("總市值約18,000億元。", ()),
        ("總市值約2.8萬億元。", ("2.8E+12",)),
        ("企業超過3,000家，占21.43%。", ("21.43",)),
        ("1. 深度求索在杭州。", ()),
    ],
)
def test_numbers_that_the_evidence_lacks_are_reported_missing(index: Index, draft: str, missing: tuple[str, ...]) -> None:
    assert claims(index, draft)[0].missing == missing


def test_a_number_that_only_the_question_contains_is_reported_missing(index: Index) -> None:
    assert claims(index, "深度求索成立於1999年。", "深度求索是1999年成立的嗎")[0].missing == ("1999",)


@pytest.mark.parametrize(
    ("draft", "question", "missing"),
    [
        ("宇樹科技的創始人據說就是Elon Musk。", "問", ("Elon", "Musk")),
        ("創始人是Elon。", "elon是誰", ("Elon",)),
        ("宇樹科技的X是什麼。", "問", ()),
        ("Unitree Robotics was founded by Wang.", "問", ()),
        ("It was founded by Wang Xingxing (王興興).", "問", ()),
        ("It was founded by Wang Xingxing (王兴兴).", "問", ()),
        ("It was founded by Wang Xing (王興).", "問", ()),
        ("It was founded by Li Hua (李華).", "問", ("Li Hua", "李華")),
        ("It was founded by Li Hua（李华）.", "Is it Li Hua?", ("Li Hua", "李华")),
        ("創始人是埃隆·馬斯克。", "問", ("隆·马",)),
        ("創始人是埃隆·馬斯克。", "埃隆·马斯克是誰", ("隆·马",)),
    ],
)
def test_names_that_the_evidence_lacks_are_reported_missing(
    index: Index, draft: str, question: str, missing: tuple[str, ...]
) -> None:
    assert claims(index, draft, question)[0].missing == missing


def test_a_parenthesis_with_words_that_the_evidence_lacks_is_removed(index: Index) -> None:
    draft = "Zhejiang University (Hangzhou Institute of Technology) trained many (see 15%) for DeepSeek (深度求索)."
    assert claims(index, draft)[0].text == "Zhejiang University trained many for DeepSeek (深度求索)."
    assert claims(index, "It is R1 (R1).", "What is R1?")[0].text == "It is R1 (R1)."


def test_each_hyphenated_part_of_a_source_name_counts_as_a_name() -> None:
    text = "DeepSeek-R1在杭州發布。"
    held = build([Document("a", text)], FakeEmbedder(), longest=100)[0]
    assert [claims(held, draft)[0].missing for draft in ("R1在杭州發布。", "DeepSeek在杭州發布。", "深 Seek在杭州發布。")] == [
        (),
        (),
        ("Seek",),
    ]


def test_a_claim_that_goes_beyond_its_source_is_not_supported(index: Index) -> None:
    (claim,) = claims(index, "王興興是宇樹科技的創始人，他喜歡在週末爬山釣魚看電影，還會打籃球與唱歌。")
    assert claim.sources == (number_of(index, FOUNDER),)
    assert not claim.is_supported(tuned().cover)


STRAYING = "王興興是宇樹科技的創始人，他喜歡在週末爬山釣魚看電影，還會打籃球與唱歌。"
READS = Probe(np.array([1.0], np.float32), 0.0)


@pytest.mark.parametrize(
    ("draft", "state", "holds"),
    [
        (FOUNDER, 2.0, True),
        (FOUNDER, -2.0, False),
        (FOUNDER, None, True),
        (STRAYING, 2.0, True),
        (STRAYING, -2.0, False),
        (STRAYING, None, False),
        ("王興興是宇樹科技的創始人：", -2.0, True),
        ("王興興在2047年創立宇樹科技。", 2.0, False),
    ],
)
def test_the_probe_overrides_similarity_and_coverage_but_not_missing_numbers(
    index: Index, draft: str, state: float | None, holds: bool
) -> None:
    written = [Sentence("", draft, None if state is None else np.array([state], np.float32))]
    numbers = range(len(index.sentences))
    (claim,) = ground(written, query_of("問", draft), numbers, index, FakeEmbedder(), tuned(), English(), READS)
    assert claim.is_supported(tuned().cover) is holds
    assert (claim.fault == "doubted") is (state == -2.0 and not holds)


def test_an_english_claim_about_chinese_evidence_has_no_coverage(index: Index) -> None:
    assert claims(index, "The founder is someone else entirely.")[0].coverage is None


def test_an_empty_draft_or_no_candidates_give_no_claims(index: Index) -> None:
    assert claims(index, "") == []
    assert ground(split_draft("甲。"), Query("問", "", "zh-Hant"), (), index, FakeEmbedder(), tuned(), English()) == []


def test_every_citation_quotes_its_source_exactly(index: Index) -> None:
    made = claims(index, "王兴兴是宇树科技的创始人。浙大校友创办的企业超过3000家。")
    sentences, citations = compose(made, index)
    assert [citation.quote for citation in citations] == [FOUNDER, ALUMNI]
    for citation in citations:
        assert ARTICLE[citation.start : citation.end] == citation.quote
        assert citation.source == "article.txt"
    assert sentences == ("王兴兴是宇树科技的创始人。[1]", "浙大校友创办的企业超过3000家。[2]")
    assert [citation.sentence for citation in citations] == [0, 1]


TRANSLATED = English(
    sentences={fold(FOUNDER): "Wang Xingxing is the founder of Unitree.", fold(ALUMNI): "Alumni founded over 3000 firms."}
)


def in_english(index: Index, draft: str, english: English = TRANSLATED) -> list[Claim]:
    numbers = [number_of(index, FOUNDER), number_of(index, ALUMNI)]
    return ground(split_draft(draft), Query("Who?", "", "en"), numbers, index, FakeEmbedder(), tuned(), english)


@pytest.mark.parametrize(
    ("draft", "source"),
    [
        ("Wang Xingxing founded Unitree as its founder.", FOUNDER),
        ("Wang Xingxing", FOUNDER),
        ("Over 3000 firms were founded by alumni.", ALUMNI),
    ],
)
def test_an_english_claim_cites_the_sentence_whose_translation_it_repeats(index: Index, draft: str, source: str) -> None:
    (claim,) = in_english(index, draft)
    assert claim.sources == (number_of(index, source),)
    assert claim.support[0] >= 0.6
    assert claim.missing == ()


@pytest.mark.parametrize(
    ("draft", "source"),
    [
        ("Wang Xingxing", FOUNDER),
        ("Over 3000", ALUMNI),
        ("3000 firms", ALUMNI),
        ("Li Hua", None),
        ("2999 firms", None),
        ("The founder", None),
    ],
)
def test_a_short_english_claim_cites_the_chinese_sentence_that_contains_its_numbers_and_names(
    index: Index, draft: str, source: str | None
) -> None:
    (claim,) = in_english(index, draft, English())
    assert claim.sources == ((number_of(index, source),) if source else ())


@pytest.mark.parametrize(
    ("source", "translation", "draft"),
    [
        (ALUMNI, "Alumni founded more than 3000 firms.", "3000 losses"),
        ("Wang Xingxing (王兴兴) founded Unitree in 2016.", "", "Closed in 2016."),
        ("杭州是一个美丽的城市。", "", "1 died."),
    ],
)
def test_a_number_alone_is_no_support_if_words_can_be_compared_or_the_source_does_not_state_it(
    source: str, translation: str, draft: str
) -> None:
    index = build([Document("a", source)], FakeEmbedder(), longest=100)[0]
    english = English(sentences={fold(source): translation} if translation else {})
    (claim,) = ground(split_draft(draft), Query("What?", "", "en"), [0], index, FakeEmbedder(), tuned(), english)
    assert claim.sources == ()


def test_the_coverage_of_an_english_claim_is_measured_on_the_translation(index: Index) -> None:
    near, far = in_english(
        index, "Wang Xingxing is the founder. Wang Xingxing, the founder of Unitree, bought castles, yachts and islands."
    )
    assert (near.coverage, far.coverage) == (1.0, 0.5)


def test_names_in_an_english_claim_are_checked_against_the_translations_if_there_are_any(index: Index) -> None:
    (claim,) = in_english(index, "Founder of Unitree is Wang Xingxing, Elon Musk says.")
    assert claim.missing == ("Elon", "Musk")
    assert in_english(index, "Elon Musk says so.", English())[0].missing == ()


@pytest.mark.parametrize(
    ("draft", "missing"),
    [
        ("It was the Sallow Tansley.", ("Sallow Tansley",)),
        ("It was the Mary Tansley, said Professor Adeyemi of Sallow Harbour.", ()),
        ("Sallow Tansley it was.", ()),
        ("So in March Alice left Oxford University with Mayor Bob.", ()),
    ],
)
def test_a_name_that_mixes_two_names_of_the_source_is_reported_missing(draft: str, missing: tuple[str, ...]) -> None:
    text = (
        "The smack Mary Tansley sailed from Sallow Harbour with Professor Olu B. Adeyemi; Alice left the University of Oxford "
        "in March, with Bob, the Mayor."
    )
    held = build([Document("a", text)], FakeEmbedder(), longest=100)[0]
    assert claims(held, draft)[0].missing == missing
