"""Read the templates of prompts and fill in their variables.

Templates are files in `prompts/`, filled by plain substitution (they cannot run code) and strict: a missing or unknown variable
raises PromptError. What prompts are made of is in `prompting.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any, cast

from rag import tables
from rag.errors import PromptError


@dataclass(frozen=True)
class Templates:
    """The prompt templates of one folder."""

    folder: Path

    def fill(self, name: str, **variables: str) -> str:
        """Return a template filled with variables; raise PromptError if they are not exactly those of the template."""
        return self.fill_each(name, [variables])[0]

    def fill_each(self, name: str, rows: Sequence[Mapping[str, str]]) -> list[str]:
        """Return a template filled for each row of variables; its file is read only once."""
        template = Template(self.text(name))
        found = variables(template.template)
        for row in rows:
            if found != set(row):
                raise PromptError(
                    f"The prompt {self.folder / name}.txt has the variables {sorted(found)}; expected {sorted(row)}."
                )
        return [template.substitute(row).strip() for row in rows]

    def text(self, name: str) -> str:
        """Return the text of a template, unfilled; raise PromptError if it cannot be read."""
        path = self.folder / (name if "." in name else f"{name}.txt")
        try:
            return path.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise PromptError(
                f"The prompt {path} cannot be read ({error.strerror}); restore it, or set RAG_PROMPTS."
            ) from error
        except UnicodeDecodeError as error:
            raise PromptError(f"The prompt {path} is not UTF-8 (byte {error.start}); save it as UTF-8 text.") from error

    def examples(self, name: str) -> list[dict[str, str]]:
        """Return the few-shot examples of a folder of templates."""
        (rows,) = self._of_examples(name, "example")
        return cast(list[dict[str, str]], rows)

    def words(self, name: str, *keys: str) -> list[str]:
        """Return the words that the replies to a folder's few-shot examples consist of, by their keys in `examples.toml`."""
        return [str(word) for word in self._of_examples(name, *keys)]

    def _of_examples(self, name: str, *keys: str) -> list[Any]:
        try:
            table = tables.parse(self.text(f"{name}/examples.toml"))
            return [table[key] for key in keys]
        except (ValueError, KeyError) as error:
            raise PromptError(f"The prompt {self.folder}/{name}/examples.toml has the wrong form: {error}.") from error

    def lines(self, name: str) -> list[str]:
        """Return the non-empty lines of a list."""
        return [line.strip() for line in self.text(name).splitlines() if line.strip()]


def variables(template: str) -> set[str]:
    """Return the variables of a template; a "$" that begins none counts as one, so that filling it raises PromptError."""
    found = Template.pattern.finditer(template)
    return {match["named"] or match["braced"] or match.group() for match in found if match["escaped"] is None}
