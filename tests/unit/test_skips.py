"""A test that lacks a tool is skipped on a user's machine and fails in CI."""

from collections.abc import Callable
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
SKIPPED = """
import pytest
def test_a(): pytest.skip("no tool")
@pytest.mark.xfail
def test_b(): assert False
def test_c(): pass
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], pytest.RunResult]:
    """Return a function that runs one test file under this project's conftest: run(its text, the value of CI)."""
    tests = Path(__file__).parents[1]
    monkeypatch.syspath_prepend(tests)
    pytester.makeconftest((tests / "conftest.py").read_text(encoding="utf-8"))

    def ran(text: str, ci: str) -> pytest.RunResult:
        monkeypatch.setenv("CI", ci)
        pytester.makepyfile(test_each=text)
        return pytester.runpytest_inprocess("-p", "no:langsmith_plugin", "--continue-on-collection-errors")

    return ran


@pytest.mark.parametrize(("ci", "outcomes"), [("true", {"failed": 1, "errors": 1}), ("", {"skipped": 2})])
def test_a_skipped_test_or_module_fails_in_ci_only(
    pytester: pytest.Pytester, run: Callable[[str, str], pytest.RunResult], ci: str, outcomes: dict[str, int]
) -> None:
    pytester.makepyfile(test_module='import pytest\npytest.importorskip("no_such_package")')
    done = run(SKIPPED, ci)
    done.assert_outcomes(passed=1, xfailed=1, **outcomes)
    assert ("Nothing may be skipped in CI: " in done.stdout.str()) == ("failed" in outcomes)


def test_a_test_that_the_processor_cannot_run_is_skipped_in_ci_too(run: Callable[[str, str], pytest.RunResult]) -> None:
    lacking = 'import pytest\ndef test_a(): pytest.skip("this processor does not multiply 8-bit numbers fast")'
    run(lacking, "true").assert_outcomes(skipped=1)
