"""An interrupted write to the answer file of a batch loses at most the last line."""

import json
from pathlib import Path

import pytest

from rag.answer_file import AnswerFile
from rag.results import Answer


def ids(path: Path) -> list[object]:
    return [json.loads(line)["id"] for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("name", ['甲 "乙"', "\x85\u2028", 7, -1.5])
def test_a_write_cut_short_at_any_byte_loses_only_that_answer(tmp_path: Path, name: str | float) -> None:
    path = tmp_path / "out.jsonl"
    with AnswerFile(path) as file:
        file.append(0, Answer("說。", True))
        first = path.stat().st_size
        file.append(name, Answer('他說："好"。', True))
    whole = path.read_bytes()
    for cut in range(first, len(whole) + 1):
        path.write_bytes(whole[:cut])
        with AnswerFile(path) as file:
            assert file.ids == ({0, name} if cut >= len(whole) - 1 else {0})
            assert path.read_bytes() == (whole if cut >= len(whole) - 1 else whole[:first])
            file.append("next", Answer("又說。", True))
        assert ids(path)[-1] == "next"
        assert path.read_bytes().startswith(whole[:first])
