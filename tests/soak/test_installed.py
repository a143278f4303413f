"""Test that the wheel contains all that an answer needs, and works in any folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
QUESTION, DRAFT = "杭州企業平均招聘月薪和薪酬中位數是多少元？", "杭州企业平均招聘月薪为11662元，薪酬中位数为9500元。"
ASK = f"""
import json, sys
from fakes import FakeEmbedder, ScriptedGenerator
from rag import answer, pipeline
pipeline.open_embedder = lambda settings: FakeEmbedder()
pipeline.open_generator = lambda settings: ScriptedGenerator([{DRAFT!r}])
given = answer({QUESTION!r})
print(json.dumps({{"file": pipeline.__file__, "text": given.text, "quotes": [c.quote for c in given.citations]}}))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the unpacked wheel."""
    pytest.importorskip("hatchling", reason="the wheel is built with hatchling: pip install hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def files(folder: Path) -> set[str]:
    found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix() for path in found}


def test_the_wheel_contains_the_package_the_prompts_and_the_corpus_and_nothing_else(installed: Path) -> None:
    wanted = files(ROOT / "rag") | {
        f"shipped/{name}/{file}"
        for name, source in (("prompts", "prompts"), ("corpus", "index/corpus"))
        for file in files(ROOT / source)
    }
    assert files(installed / "rag") == wanted
    assert {path.name.split("-")[0] for path in installed.iterdir()} == {"rag", "why_hangzhou"}
    assert {"tuned.toml", "replies.toml", "weights.toml", "ui/strings.toml", "ui/style.css", "ui/script.js"} <= wanted


def test_the_installed_package_answers_from_the_shipped_article_in_any_folder(installed: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "他處 folder"
    elsewhere.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAG_")}
    own = {"PYTHONPATH": f"{installed}{os.pathsep}{ROOT / 'tests'}", "XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", ASK], cwd=elsewhere, env=kept | own, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    given = json.loads(done.stdout)
    assert Path(given["file"]).is_relative_to(installed)
    article = (ROOT / "index" / "corpus" / "why-hangzhou.txt").read_text(encoding="utf-8")
    assert "11662" in given["quotes"][0]
    assert all(quote in article for quote in given["quotes"])
    assert (tmp_path / "cache" / "why-hangzhou" / "store" / "current.json").is_file()
    assert list(elsewhere.iterdir()) == []
