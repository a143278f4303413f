"""A batch answers a file of questions row by row, resumes after an interruption and never damages a file."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import DRAFT, FOUNDED, ScriptedGenerator, asked

from rag.batch import Done, answer_file
from rag.errors import GenerationError, PromptTooLongError, QuestionError, RagError
from rag.generation import Prompt
from rag.pipeline import Rag
from rag.settings import Settings

FIELDS = ["id", "text", "answerable", "reason", "passages", "citations", "ttft", "total"]


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def read(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def ask(number: object) -> dict[str, object]:
    return {"id": number, "question": FOUNDED}


def answered(number: object) -> dict[str, object]:
    """Return a result row as written by an earlier run."""
    return dict(zip(FIELDS, [number, "說", True, "", [], [], 0.1, 0.2], strict=True))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tmp_path / "in.jsonl"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


@pytest.fixture
def run(make_rag: Callable[..., Rag], chosen: Settings, source: Path, target: Path) -> Callable[..., Done]:
    """Return a function that runs the batch from `source` to `target`: run(*drafts); its reports are in `run.told`."""

    def batch(*drafts: str | Exception) -> Done:
        batch.told = []
        return answer_file(source, target, chosen, make_rag(ScriptedGenerator(drafts or [DRAFT])), batch.told.append)

    return batch


def test_a_result_row_has_the_answer_its_passages_and_exact_citations(run, chosen, source: Path, target: Path) -> None:
    write(source, {"id": "甲", "question": FOUNDED, "answer": "x", "score": [1]})
    assert run() == Done(1, 0)
    (row,) = read(target)
    assert list(row) == FIELDS
    assert (row["id"], row["answerable"], row["reason"]) == ("甲", True, "")
    text = (chosen.corpus / "article.txt").read_text(encoding="utf-8")
    assert row["citations"]
    assert all(text[c["start"] : c["end"]] == c["quote"] for c in row["citations"])
    assert all(passage in text for passage in row["passages"])
    assert 0 <= row["ttft"] <= row["total"]
    assert FOUNDED.encode() not in target.read_bytes()


def test_the_history_of_a_row_is_included_in_its_prompt(make_rag, chosen, source: Path, target: Path) -> None:
    generator = ScriptedGenerator()
    history = [{"role": "user", "content": "宇樹科技呢？"}]
    write(source, ask(1) | {"question": "那它是誰創辦的？", "history": history}, ask(2) | {"history": None})
    assert answer_file(source, target, chosen, make_rag(generator)).answered == 2
    contents = [prompt.messages[-1]["content"] for prompt in generator.prompts]
    assert ["宇树科技呢" in content for content in contents] == [True, False]


def test_when_the_engine_keeps_failing_the_rows_so_far_are_kept_and_the_next_run_resumes(
    run, source: Path, target: Path
) -> None:
    write(source, *map(ask, range(4)))
    with pytest.raises(GenerationError, match="no memory"):
        run(DRAFT, GenerationError("no memory"))
    assert [row["id"] for row in read(target)] == [0]
    assert run() == Done(3, 0)
    assert [row["id"] for row in read(target)] == [0, 1, 2, 3]


def test_isolated_engine_failures_are_reported_and_retried_by_the_next_run(run, source: Path, target: Path) -> None:
    write(source, *map(ask, range(4)))
    slow = GenerationError("The answer took longer than 120 s.")
    assert run(DRAFT, slow, DRAFT, slow) == Done(2, 2)
    assert run.told == [f"{source}, line {n}: The answer took longer than 120 s." for n in (2, 4)]
    assert run() == Done(2, 0)
    assert [row["id"] for row in read(target)] == [0, 2, 1, 3]


def test_overlong_prompts_do_not_count_as_engine_failures(run, source: Path, target: Path) -> None:
    write(source, *map(ask, range(5)))
    long = PromptTooLongError.of(5000, 4096)
    assert run(long, long, long, long, DRAFT) == Done(1, 4)
    assert (
        run.told[3]
        == f"{source}, line 4: The prompt has 5,000 tokens, but the engine's context is 4,096; shorten the question."
    )
    assert [row["id"] for row in read(target)] == [4]


def test_questions_at_which_the_engine_always_fails_do_not_block_the_others(
    make_rag, chosen, source: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def draft(prompt: Prompt) -> str:
        if "杭州" in asked(prompt).rpartition("问题")[2]:
            raise GenerationError("It looped.")
        return DRAFT

    monkeypatch.setattr(random, "randrange", lambda count: count - 1)
    write(source, *(ask(number) | {"question": "深度求索在杭州嗎？"} for number in range(4)), *map(ask, range(4, 8)))
    assert answer_file(source, target, chosen, make_rag(ScriptedGenerator([draft]))) == Done(4, 4)
    assert [row["id"] for row in read(target)] == [7, 6, 4, 5]


def test_an_interrupted_batch_keeps_its_rows_and_the_next_run_resumes(run, source: Path, target: Path) -> None:
    write(source, *map(ask, range(3)))
    with pytest.raises(KeyboardInterrupt):
        run(DRAFT, KeyboardInterrupt())
    assert [row["id"] for row in read(target)] == [0]
    assert run() == Done(2, 0)


def test_only_an_incomplete_last_line_is_removed_from_a_results_file(run, source: Path, target: Path) -> None:
    write(source, ask("a"), ask("b"))
    kept = json.dumps(answered("a") | {"mine": 1}, ensure_ascii=False, separators=(",", ":"))
    target.write_text(f'{kept}\n\n{{"id": "b", "text": "說', encoding="utf-8")
    assert run() == Done(1, 0)
    assert target.read_text(encoding="utf-8").splitlines()[:2] == [kept, ""]
    assert json.loads(target.read_text(encoding="utf-8").splitlines()[2])["id"] == "b"


@pytest.mark.parametrize(
    ("held", "line"),
    [
        ('{"id": 1, "question": "誰？"}\n', 1),
        ('{"id": 1, "question": "誰？"}', 1),
        ('{"id": 1, "question": "誰', 1),
        ('{"id": 1, "text": "說"}', 1),
        ("notes\n", 1),
        ("n", 1),
        (json.dumps(answered(1)) + "\n[]\n", 2),
        (json.dumps(answered(1)) + "\nmy notes", 2),
        (json.dumps(answered([1])) + "\n", 1),
        ("[" * 100_000, 1),
        ("\x00\x01", 1),
    ],
)
def test_a_results_file_with_other_content_is_rejected_and_left_unchanged(
    run, source: Path, target: Path, held: str, line: int
) -> None:
    write(source, ask(2))
    target.write_text(held, encoding="utf-8")
    with pytest.raises(RagError) as error:
        run()
    assert str(error.value) == (
        f"{target}, line {line} was not written by this command; nothing was changed. Name another file for the results."
    )
    assert target.read_text(encoding="utf-8") == held


def test_swapped_or_equal_paths_are_rejected_and_leave_both_files_unchanged(
    make_rag, chosen, source: Path, target: Path
) -> None:
    write(source, ask(1))
    write(target, answered(1))
    before = source.read_bytes(), target.read_bytes()
    with pytest.raises(RagError):
        answer_file(target, source, chosen, make_rag())
    with pytest.raises(RagError, match="are the same file"):
        answer_file(source, source, chosen, make_rag())
    assert (source.read_bytes(), target.read_bytes()) == before


def test_missing_folders_of_the_results_file_are_created_and_a_results_path_that_is_a_folder_is_rejected(
    make_rag, chosen, source: Path, tmp_path
) -> None:
    write(source, ask(1))
    assert answer_file(source, tmp_path / "deep" / "er" / "out.jsonl", chosen, make_rag()).answered == 1
    with pytest.raises(RagError, match=r"deep is not a file; name a file\."):
        answer_file(source, tmp_path / "deep", chosen, make_rag())


def test_a_results_file_name_that_is_too_long_raises_an_error(chosen, source: Path, tmp_path: Path) -> None:
    write(source, ask(1))
    with pytest.raises(RagError, match=r"cannot be written: File name too long"):
        answer_file(source, tmp_path / ("x" * 300), chosen)


def test_a_results_file_changed_by_another_program_stops_the_batch_and_is_left_as_it_is(
    run, source: Path, target: Path
) -> None:
    class Meddler(str):
        def __iter__(self):  # called during the batch, when the generator iterates over the draft
            with target.open("a") as file:
                file.write("mine\n")
            return super().__iter__()

    write(source, ask(1))
    with pytest.raises(RagError, match="Another program has written to the results file"):
        run(Meddler(DRAFT))
    assert target.read_text() == "mine\n"


def test_an_empty_questions_file_loads_no_model_and_creates_an_empty_results_file(chosen, source: Path, target: Path) -> None:
    assert answer_file(write(source), target, chosen) == Done(0, 0)
    assert target.read_text() == ""


def test_an_integer_too_large_for_a_float_is_a_valid_id(run, source: Path, target: Path) -> None:
    number = 10**400
    source.write_text(json.dumps(ask(number)), encoding="utf-8")
    assert run() == Done(1, 0)
    assert [row["id"] for row in read(target)] == [number]


def test_empty_lines_and_a_byte_order_mark_in_a_questions_file_are_ignored(run, source: Path) -> None:
    source.write_text(f'\ufeff{{"id": 1, "question": "{FOUNDED}"}}\r\n\n  \n', encoding="utf-8")
    assert run() == Done(1, 0)


FORM = ' is not {"id", "question", "history"?} with a string or a number as id.'


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("not json", FORM),
        ("7", FORM),
        ("null", FORM),
        ('{"id": 1}', FORM),
        ('{"question": "x"}', FORM),
        ('{"id": null, "question": "x"}', FORM),
        ('{"id": true, "question": "x"}', FORM),
        ('{"id": [1], "question": "x"}', FORM),
        ('{"id": NaN, "question": "x"}', FORM),
        ('{"id": 1e999, "question": "x"}', FORM),
        ('{"id": "\\ud800", "question": "x"}', FORM),
        ("[" * 100_000, FORM),
        ('{"id": 1, "question": 2}', ": The question is of type int; expected a string."),
        ('{"id": 1, "question": " \\u200b"}', ": The question is empty; write what you want to know."),
        (
            json.dumps({"id": 1, "question": "長" * 4001}),
            ": The question has 4,001 characters; the maximum is 4,000. Shorten it.",
        ),
        (
            '{"id": 1, "question": "x", "history": {}}',
            ': The history has the wrong form; expected a list of {"role": …, "content": …}.',
        ),
        (f'{{"id": {"9" * 5000}, "question": "x"}}', FORM),
        ('{"id": 0, "question": "x"}', " has the same id as {source}, line 1; give each question a unique id."),
    ],
)
def test_invalid_lines_are_reported_with_their_number_and_the_other_lines_are_answered(
    run, source: Path, target: Path, line: str, said: str
) -> None:
    source.write_text(f"{json.dumps(ask(0))}\n\n{line}\n{json.dumps(ask('z'))}\n", encoding="utf-8")
    assert run() == Done(2, 1)
    assert run.told == [f"{source}, line 3{said.replace('{source}', str(source))}"]
    assert [row["id"] for row in read(target)] == [0, "z"]
    assert run() == Done(0, 1)


def test_a_file_without_a_valid_question_raises_an_error_and_creates_no_results_file(
    chosen, source: Path, target: Path
) -> None:
    source.write_text("not\nquestions\n", encoding="utf-8")
    with pytest.raises(QuestionError) as error:
        answer_file(source, target, chosen)
    assert str(error.value) == f"{source}, line 1{FORM} 1 more lines are invalid too."
    assert not target.exists()


def test_an_unreadable_questions_file_raises_an_error(chosen, tmp_path: Path, target: Path) -> None:
    with pytest.raises(QuestionError, match=r"The questions file .*gone\.jsonl cannot be read: "):
        answer_file(tmp_path / "gone.jsonl", target, chosen)
    (tmp_path / "gbk.jsonl").write_bytes("問".encode("gbk"))
    with pytest.raises(QuestionError, match=r"The questions file .*gbk\.jsonl cannot be read: 'utf-8' codec"):
        answer_file(tmp_path / "gbk.jsonl", target, chosen)


def test_an_interrupted_batch_closes_the_engine(make_rag, chosen, source: Path, target: Path) -> None:
    generator = ScriptedGenerator([KeyboardInterrupt()])
    with pytest.raises(KeyboardInterrupt):
        answer_file(write(source, ask(1)), target, chosen, make_rag(generator))
    assert generator.closed
