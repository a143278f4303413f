"""Prompts are built from template files, whose variables are checked strictly."""

from pathlib import Path

import pytest

from rag.documents import Passage
from rag.english import English
from rag.english.names import Names
from rag.errors import PromptError
from rag.grounding.probe import FITTED_TEMPLATES
from rag.prompting import (
    Templates,
    answer_prompt,
    beginning_prompt,
    chinese_prompt,
    english_prompt,
    evidence_text,
    judge_prompt,
    name_kinds,
    suggestion_prompt,
    verdicts,
)
from rag.question import Query
from rag.settings import Settings
from rag.text.script import Language

SHIPPED = Settings.load({}).prompts
ENGLISH = English(Names((("深度求索", ("DeepSeek",)),)))
PASSAGES = (Passage("深度求索在\n杭州\u200b。", "a", 0, 9), Passage("總部設在杭州。", "a", 10, 17))
VARIABLES = {
    "zh/question": {"passages", "question"},
    "zh/follow_up": {"passages", "question", "previous"},
    "en/question": {"passages", "question"},
    "en/follow_up": {"passages", "question", "previous"},
    "to_english/quote": {"quote"},
    "to_chinese/quote": {"quote"},
    "judge/question": {"source", "question"},
}


def templates(folder: Path, **files: str) -> Templates:
    for name, text in files.items():
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    return Templates(folder)


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("甲$a乙${b}丙", "甲1乙2丙"),
        ("$a $b $a", "1 2 1"),
        ("$$5 $a $b", "$5 1 2"),
        ("\n $a\n$b \n", "1\n2"),
    ],
)
def test_variables_are_replaced_by_their_values(tmp_path: Path, text: str, filled: str) -> None:
    assert templates(tmp_path, t=text).fill("t", a="1", b="2") == filled


@pytest.mark.parametrize(
    ("text", "has"),
    [
        ("$a", "['a']"),
        ("$a $b $c", "['a', 'b', 'c']"),
        ("none", "[]"),
        ("$a $b 5$", "['$', 'a', 'b']"),
        ("$a $b ${}", "['$', 'a', 'b']"),
    ],
    ids=["missing", "unknown", "none", "stray sign", "empty braces"],
)
def test_wrong_template_variables_raise_an_error_with_the_actual_and_the_expected_ones(
    tmp_path: Path, text: str, has: str
) -> None:
    with pytest.raises(PromptError) as error:
        templates(tmp_path, t=text).fill("t", a="1", b="2")
    assert str(error.value) == f"The prompt {tmp_path / 't'}.txt has the variables {has}; expected ['a', 'b']."


def test_a_missing_template_raises_an_error_with_advice(tmp_path: Path) -> None:
    with pytest.raises(PromptError) as error:
        Templates(tmp_path).text("gone")
    said = str(error.value)
    assert said.startswith(f"The prompt {tmp_path / 'gone.txt'} cannot be read (No such file or directory); ")
    assert said.endswith("; restore it, or set RAG_PROMPTS.")


def test_a_template_that_is_not_utf8_is_named_in_the_error(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_bytes("资料".encode("gbk"))
    with pytest.raises(PromptError, match=r"t\.txt is not UTF-8 \(byte 0\)"):
        Templates(tmp_path).text("t")


@pytest.mark.parametrize("value", ["$a", "${a}", "$$", "{a}", "{{a}}", "{a.__class__}", "%(a)s", "{% x %}", "`id`", "\\1"])
def test_values_are_inserted_unchanged_and_never_evaluated(tmp_path: Path, value: str) -> None:
    assert templates(tmp_path, t="$a!").fill("t", a=value) == f"{value}!"


@pytest.mark.parametrize("code", ["{a.__class__}", "{% for x in y %}", "{{ 7*7 }}", "<% x %>", "{0}", "%s"])
def test_a_template_cannot_run_code(tmp_path: Path, code: str) -> None:
    assert templates(tmp_path, t=f"{code}$a").fill("t", a="1") == f"{code}1"


def test_every_shipped_template_can_be_filled() -> None:
    found = {p.relative_to(SHIPPED).with_suffix("").as_posix() for p in SHIPPED.rglob("*.txt") if "$" in p.read_text("utf-8")}
    assert found == set(VARIABLES)
    for name, variables in VARIABLES.items():
        filled = Templates(SHIPPED).fill(name, **{variable: f"〔{variable}〕" for variable in variables})
        assert all(f"〔{variable}〕" in filled for variable in variables)
        assert "$" not in filled


@pytest.mark.parametrize(
    "name", sorted({*FITTED_TEMPLATES, "zh/answer.gbnf", "names/system", "names/examples.toml", "suggest/zh", "suggest/en"})
)
def test_every_prompt_text_that_the_code_reads_is_shipped(name: str) -> None:
    assert Templates(SHIPPED).text(name)


def test_the_replies_in_the_worked_examples_use_exactly_the_reply_words_of_their_folder() -> None:
    shipped = Templates(SHIPPED)
    assert {example["verdict"] for example in shipped.examples("judge")} == set(verdicts(shipped))
    listed = [example["names"].split("\n") for example in shipped.examples("names") if " " in example["names"]]
    assert {line.split(" ")[-1] for lines in listed for line in lines if line} == set(name_kinds(shipped))


def test_the_examples_of_the_judge_have_a_source_a_question_and_a_verdict() -> None:
    examples = Templates(SHIPPED).examples("judge")
    assert all(set(example) == {"source", "question", "verdict"} for example in examples)


def test_the_prompt_for_a_suggestion_is_in_the_language_of_the_reader() -> None:
    sentence = "深度求索總部設在杭州。"
    chinese = suggestion_prompt(Templates(SHIPPED), English(), sentence, "zh-Hans")
    assert chinese.messages[-1]["content"] == "深度求索总部设在杭州。"
    english = suggestion_prompt(Templates(SHIPPED), ENGLISH, sentence, "en")
    assert english.messages[-1]["content"] == " DeepSeek (深度求索)总部设在杭州。"
    assert english.messages[2]["content"].endswith("?")


@pytest.mark.parametrize("text", ["not toml", "x = 1"])
def test_an_examples_file_of_the_wrong_form_raises_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "judge").mkdir()
    (tmp_path / "judge" / "examples.toml").write_text(text, encoding="utf-8")
    with pytest.raises(PromptError, match=r"judge/examples\.toml has the wrong form: "):
        Templates(tmp_path).examples("judge")


def test_empty_lines_of_a_list_are_skipped(tmp_path: Path) -> None:
    assert templates(tmp_path, t="a\n\n b \n").lines("t") == ["a", "b"]


def test_evidence_has_one_passage_per_line_in_simplified_characters() -> None:
    assert evidence_text(PASSAGES) == "深度求索在 杭州。\n总部设在杭州。"
    assert evidence_text(PASSAGES, ENGLISH).splitlines()[0] == " DeepSeek (深度求索)在 杭州。"


def test_the_prompt_for_a_chinese_question_is_in_simplified_characters_without_a_grammar() -> None:
    prompt = answer_prompt(Templates(SHIPPED), ENGLISH, Query("總部在哪裡？", "", "zh-Hant"), PASSAGES)
    assert [message["role"] for message in prompt.messages] == ["system", "user"]
    assert prompt.messages[1]["content"] == "资料：\n深度求索在 杭州。\n总部设在杭州。\n\n问题：总部在哪里？"
    assert prompt.grammar == ""


def test_the_prompt_for_an_english_question_has_english_names_and_a_grammar() -> None:
    prompt = answer_prompt(Templates(SHIPPED), ENGLISH, Query("Where?", "", "en"), PASSAGES)
    assert prompt.messages[1]["content"] == (
        "Material:\n DeepSeek (深度求索)在 杭州。\n总部设在杭州。\n\nQuestion: Where?\nAnswer in English:"
    )
    assert prompt.grammar == (SHIPPED / "en" / "answer.gbnf").read_text("utf-8").strip()


def test_the_prompt_for_an_english_question_has_translations_without_control_tokens() -> None:
    known = English(ENGLISH.names, {"总部设在杭州。": "It sits <|im_end|> in Hangzhou (杭州)."})
    prompt = answer_prompt(Templates(SHIPPED), known, Query("Where?", "", "en"), PASSAGES)
    assert "\n DeepSeek (深度求索)在 杭州。\nIt sits < |im_end| > in Hangzhou (杭州).\n" in prompt.messages[1]["content"]


@pytest.mark.parametrize(
    ("answered", "read"), [("深度求索。", "已经回答过：谁来了？ 深度求索。"), ("", "已经回答过：谁来了？")]
)
def test_the_prompt_for_a_follow_up_has_the_previous_question_with_its_answer(answered: str, read: str) -> None:
    query = Query("在哪裡？", "誰來了？", "zh-Hant", previous_answer=answered)
    prompt = answer_prompt(Templates(SHIPPED), ENGLISH, query, PASSAGES)
    assert prompt.messages[1]["content"].endswith(f"\n\n{read}\n问题：在哪里？")


@pytest.mark.parametrize("language", ["zh-Hant", "zh-Hans", "en"])
def test_the_prompt_read_ahead_is_a_prefix_of_every_prompt_with_the_same_best_passage(language: str) -> None:
    shipped = Templates(SHIPPED)
    ahead = beginning_prompt(shipped, ENGLISH, Query("", "", language), PASSAGES[0])
    for previous in ("", "之前"):
        asked = answer_prompt(shipped, ENGLISH, Query("哪裡？", previous, language), PASSAGES)
        assert asked.messages[0] == ahead.messages[0]
        assert asked.messages[1]["content"].startswith(ahead.messages[1]["content"])


def test_prompts_for_the_judge_have_the_same_examples_first_and_the_question_last() -> None:
    shipped = Templates(SHIPPED)
    first = judge_prompt(shipped, Query("總部在哪裡？", "深度求索呢？", "zh-Hant"), ["總部設在杭州。", "別的。"])
    second = judge_prompt(shipped, Query("Who?", "", "en"), ["王興興。"])
    assert first.messages[:-1] == second.messages[:-1]
    assert first.messages[-1]["content"].endswith("原文：总部设在杭州。\n别的。\n问题：总部在哪里？")


def test_the_prompt_that_translates_a_chinese_quote_has_its_names_in_english() -> None:
    prompt = english_prompt(Templates(SHIPPED), ENGLISH, "深度求索總部設在杭州。")
    assert prompt.messages[-1]["content"].endswith("DeepSeek (深度求索)总部设在杭州。")
    assert prompt.grammar


def test_the_prompt_that_translates_an_english_quote_has_examples_and_marked_names() -> None:
    chinese = chinese_prompt(Templates(SHIPPED), "Ann's seat is Ann Lee Hall, not Annex or Lee.", ["Ann", "Ann Lee Hall"])
    first, reply, *_, last = chinese.messages
    assert last["content"].endswith("：\n「Ann」's seat is 「Ann Lee Hall」, not Annex or Lee.")
    assert "「Millbrook」" in first["content"] and "「Millbrook」" in reply["content"]
    assert [message["role"] for message in chinese.messages] == ["user", "assistant"] * 5 + ["user"]
    assert chinese_prompt(Templates(SHIPPED), "It rains.", ()).messages[-1]["content"].endswith("：\nIt rains.")
    assert chinese.grammar == (SHIPPED / "zh" / "answer.gbnf").read_text("utf-8").strip()


def test_the_prompt_for_a_chinese_question_has_a_grammar_only_if_the_evidence_is_english() -> None:
    query = Query("總部在哪裡？", "", "zh-Hant")
    prompt = answer_prompt(Templates(SHIPPED), English(), query, [Passage("Its seat is Hangzhou.", "a", 0, 21)])
    assert prompt.grammar == (SHIPPED / "zh" / "answer.gbnf").read_text("utf-8").strip()
    assert answer_prompt(Templates(SHIPPED), English(), query, PASSAGES).grammar == ""


@pytest.mark.parametrize(
    ("language", "read", "begins"),
    [
        ("zh-Hant", "总部设在杭州。", 'root ::= "因为" [^\\x00]+'),
        ("zh-Hans", "Its seat is Hangzhou.", 'root ::= "因为" (plain | name | original)+\nplain ::='),
        ("en", "总部设在杭州。", 'root ::= "Because" (plain | original)+\nplain ::='),
    ],
)
def test_the_grammar_for_an_answer_that_gives_a_reason_begins_with_because(language: Language, read: str, begins: str) -> None:
    query, passages = Query("Why?", "", language), [Passage(read, "a", 0, len(read))]
    asked, plain = (answer_prompt(Templates(SHIPPED), English(), query, passages, reason) for reason in (True, False))
    assert asked.grammar.startswith(begins)
    assert asked.messages == plain.messages
    assert plain.grammar == "" or plain.grammar == asked.grammar.replace(' "因为"', "").replace(' "Because"', "")


@pytest.mark.parametrize("language", ["zh-Hans", "zh-Hant", "en"])
@pytest.mark.parametrize(
    ("token", "apart"),
    [
        ("<|im_end|>", "< |im_end| >"),
        ("<|eot_id|>", "< |eot_id| >"),
        ("<end_of_turn>", "< end_of_turn>"),
        ("<s>", "< s>"),
        ("</s>", "< /s>"),
        ("[INST]", "[ INST]"),
        ("[/INST]", "[ /INST]"),
        ("[SYSTEM_PROMPT]", "[ SYSTEM_PROMPT]"),
        ("[/AVAILABLE_TOOLS]", "[ /AVAILABLE_TOOLS]"),
        ("[|system|]", "[ |system|]"),
        ("[gMASK]", "[ gMASK]"),
        ("<<SYS>>", "< < SYS>>"),
        ("<｜begin▁of▁sentence｜>", "< ｜begin▁of▁sentence｜ >"),
        ("<\u200b|im_\u2060end|>", "< |im_end| >"),
    ],
)
def test_control_tokens_of_all_model_families_are_broken_up_in_every_prompt(token: str, apart: str, language: str) -> None:
    passage = Passage(f"總部{token}設在杭州。", "a", 0, 20)
    query = Query(f"在{token}哪裡？", f"誰{token}？", language, previous_answer=f"他{token}。")
    asked = answer_prompt(Templates(SHIPPED), ENGLISH, query, [passage])
    judged = judge_prompt(Templates(SHIPPED), query, [passage.text])
    ahead = beginning_prompt(Templates(SHIPPED), ENGLISH, query, passage)
    translated = english_prompt(Templates(SHIPPED), ENGLISH, passage.text)
    told = chinese_prompt(Templates(SHIPPED), passage.text, ())
    suggested = suggestion_prompt(Templates(SHIPPED), ENGLISH, passage.text, language)
    for prompt, times in ((asked, 4), (judged, 2), (ahead, 1), (translated, 1), (told, 1), (suggested, 1)):
        said = "".join(message["content"] for message in prompt.messages)
        assert (said.count(apart), token in said) == (times, False)


@pytest.mark.parametrize("text", ["[2024]", "[1]", "[注]", "[sic]", "[A]", "[GB/T 19001]", "[ |", "a[0]", "[Note: AI]"])
def test_ordinary_brackets_are_unchanged(text: str) -> None:
    assert evidence_text([Passage(f"總部{text}設在杭州。", "a", 0, 20)]) == f"总部{text}设在杭州。"
