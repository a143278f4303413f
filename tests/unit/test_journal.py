"""Appended rows are read back, whatever their text, even if a crash has truncated the file."""

from pathlib import Path

import pytest

from rag import journal


def test_rows_with_any_text_take_one_line_each_and_are_read_back_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "rows.jsonl"
    rows = [{"text": "一\n二\x85三\u2028四\u2029五"}, {"text": '"'}, {"text": ""}]
    for row in rows:
        journal.append(path, row)
    assert [row for _, row in journal.rows(path)] == rows
    assert len(path.read_text(encoding="utf-8").splitlines()) == 3


def test_a_lone_surrogate_is_replaced(tmp_path: Path) -> None:
    journal.append(tmp_path / "rows", {"text": "a\ud800"})
    assert list(journal.rows(tmp_path / "rows")) == [(1, {"text": "a?"})]


def test_a_line_that_cannot_be_parsed_as_json_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "rows").write_text("[" * 100_000 + '\n{"n": 1}\n', encoding="utf-8")
    assert list(journal.rows(tmp_path / "rows")) == [(2, {"n": 1})]


def test_strict_reading_raises_an_error_with_the_number_of_an_invalid_line(tmp_path: Path) -> None:
    (tmp_path / "rows").write_text('{"n": 1}\n\nn: 2\n', encoding="utf-8")
    with pytest.raises(ValueError, match="line 3 is not JSON"):
        list(journal.rows(tmp_path / "rows", strict=True))


def test_a_byte_order_mark_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "rows").write_text('\ufeff{"n": 1}\n', encoding="utf-8")
    assert list(journal.rows(tmp_path / "rows")) == [(1, {"n": 1})]


def test_a_truncated_line_loses_only_its_own_row(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    journal.append(path, {"n": 1})
    path.write_bytes(path.read_bytes() + b'{"n": 2')
    journal.append(path, {"n": 3})
    assert list(journal.rows(path)) == [(1, {"n": 1}), (3, {"n": 3})]


@pytest.mark.parametrize("strict", [False, True])
def test_a_missing_file_has_no_rows(tmp_path: Path, strict: bool) -> None:
    assert list(journal.rows(tmp_path / "gone", strict)) == []
