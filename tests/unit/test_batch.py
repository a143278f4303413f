"""A file of questions is answered row by row, and an interrupted run goes on."""

import json
from pathlib import Path

import pytest
from fakes import ScriptedGenerator

from rag.batch import answer_file
from rag.errors import GenerationError, QuestionError

QUESTION = "深度求索成立於哪一年？"


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def read(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


def test_a_row_holds_the_answer_its_passages_and_exact_citations(make_rag, chosen, tmp_path: Path, target: Path) -> None:
    source = write(tmp_path / "in.jsonl", {"id": "甲", "question": QUESTION, "answer": "x", "score": [1]})
    assert answer_file(source, target, chosen, make_rag()) == 1
    (row,) = read(target)
    assert list(row) == ["id", "text", "answerable", "reason", "passages", "citations", "ttft", "total"]
    assert (row["id"], row["answerable"], row["reason"]) == ("甲", True, "")
    text = (chosen.corpus / "article.txt").read_text(encoding="utf-8")
    assert all(text[c["start"] : c["end"]] == c["quote"] for c in row["citations"])
    assert all(passage in text for passage in row["passages"])
    assert 0 <= row["ttft"] <= row["total"]
    assert QUESTION.encode() not in target.read_bytes()


def test_a_history_is_used(make_rag, chosen, tmp_path: Path, target: Path) -> None:
    generator = ScriptedGenerator()
    history = [{"role": "user", "content": "宇樹科技呢？"}]
    write(
        tmp_path / "in.jsonl",
        {"id": 1, "question": "那它是誰創辦的？", "history": history},
        {"id": 2, "question": QUESTION, "history": None},
    )
    assert answer_file(tmp_path / "in.jsonl", target, chosen, make_rag(generator)) == 2
    contents = [prompt.messages[-1]["content"] for prompt in generator.prompts]
    assert ["宇树科技呢" in content for content in contents] == [True, False]


def test_rows_before_a_failure_are_kept_and_the_next_run_goes_on_behind_them(
    make_rag, chosen, tmp_path: Path, target: Path
) -> None:
    source = write(tmp_path / "in.jsonl", *({"id": n, "question": QUESTION} for n in range(3)))
    with pytest.raises(GenerationError):
        answer_file(source, target, chosen, make_rag(ScriptedGenerator(["深度求索成立於2023年。", GenerationError("no")])))
    assert [row["id"] for row in read(target)] == [0]
    generator = ScriptedGenerator()
    assert answer_file(source, target, chosen, make_rag(generator)) == 2
    assert [row["id"] for row in read(target)] == [0, 1, 2]
    assert len(generator.prompts) == 2


def test_only_a_cut_off_line_is_removed(make_rag, chosen, tmp_path: Path, target: Path) -> None:
    source = write(tmp_path / "in.jsonl", *({"id": n, "question": QUESTION} for n in ("a", "b")))
    kept = '{"id": "a", "text": "說", "mine": 1}'
    target.write_text(f'{kept}\n{{"id": "b", "text": "說', encoding="utf-8")
    assert answer_file(source, target, chosen, make_rag()) == 1
    assert target.read_text(encoding="utf-8").splitlines()[0] == kept
    assert [row["id"] for row in read(target)] == ["a", "b"]


def test_nothing_to_do_loads_nothing_and_leaves_a_file(chosen, tmp_path: Path, target: Path) -> None:
    source = write(tmp_path / "in.jsonl")
    assert answer_file(source, target, chosen) == 0
    assert target.read_text() == ""


def test_empty_lines_and_a_byte_order_mark_are_passed_over(make_rag, chosen, tmp_path: Path, target: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text(f'\ufeff{{"id": 1, "question": "{QUESTION}"}}\n\n  \n', encoding="utf-8")
    assert answer_file(source, target, chosen, make_rag()) == 1


@pytest.mark.parametrize("row", ["not json", "7", "[]", '{"id": 1}', '{"question": "x"}', '{"id": 1, "question": 2}', "null"])
def test_a_row_of_another_form_is_named_by_its_line(chosen, tmp_path: Path, target: Path, row: str) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text(f'\n{{"id": 0, "question": "{QUESTION}"}}\n{row}\n', encoding="utf-8")
    with pytest.raises(QuestionError) as error:
        answer_file(source, target, chosen)
    assert str(error.value) == f'{source}, line 3 is not {{"id", "question", "history"?}}.'


def test_questions_that_cannot_be_read_are_an_error(chosen, tmp_path: Path, target: Path) -> None:
    with pytest.raises(QuestionError, match=r"The questions .*gone\.jsonl cannot be read: "):
        answer_file(tmp_path / "gone.jsonl", target, chosen)
    (tmp_path / "gbk.jsonl").write_bytes("問".encode("gbk"))
    with pytest.raises(QuestionError, match=r"The questions .*gbk\.jsonl cannot be read: 'utf-8' codec"):
        answer_file(tmp_path / "gbk.jsonl", target, chosen)


def test_the_engine_is_closed_whatever_happens(make_rag, chosen, tmp_path: Path, target: Path) -> None:
    generator = ScriptedGenerator([GenerationError("no")])
    source = write(tmp_path / "in.jsonl", {"id": 1, "question": QUESTION})
    with pytest.raises(GenerationError):
        answer_file(source, target, chosen, make_rag(generator))
    assert generator.closed
