"""Answer questions about a text, with citations that let a reader check every sentence.

    from rag import answer
    print(answer("為什麼DeepSeek誕生在杭州？").text)

Importing the package loads no model; the first question does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rag.api import answer, stream
    from rag.documents import Document, Passage
    from rag.errors import RagError
    from rag.pipeline import Rag
    from rag.results import Answer, Citation, Evidence, Final, Progress, Timings, Token
    from rag.settings import Settings

__all__ = [
    "Answer",
    "Citation",
    "Document",
    "Evidence",
    "Final",
    "Passage",
    "Progress",
    "Rag",
    "RagError",
    "Settings",
    "Timings",
    "Token",
    "answer",
    "stream",
]

_HOMES = {
    "rag.documents": ("Document", "Passage"),
    "rag.errors": ("RagError",),
    "rag.api": ("answer", "stream"),
    "rag.pipeline": ("Rag",),
    "rag.results": ("Answer", "Citation", "Evidence", "Final", "Progress", "Timings", "Token"),
    "rag.settings": ("Settings",),
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first accessed, to keep `import rag` itself fast."""
    from importlib import import_module

    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home), name)
    raise AttributeError(f"module 'rag' has no attribute {name!r}; its names are {', '.join(__all__)}")
