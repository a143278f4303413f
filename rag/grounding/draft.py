"""Take a draft apart into its sentences; it knows how models set out lists and emphasis, and nothing of what they say."""

from __future__ import annotations

import re

from rag.text import has_letters
from rag.text.sentences import LIST_NUMBER, split_sentences

_MARKUP = re.compile(r"\*\*|__|^#+\s*|\[\d+\]", re.MULTILINE)
_BULLET = re.compile(rf"^\s*(?:[-*•]|{LIST_NUMBER})\s*")


def split_draft(draft: str) -> list[tuple[str, str]]:
    """Return a draft's sentences, each whole and with what stands before it; the model's own marks and markup are left out."""
    pieces: list[tuple[str, str]] = []
    for line in _MARKUP.sub("", draft).splitlines():
        bullet = _BULLET.match(line)
        lead = bullet.group() if bullet else ""
        body = line[len(lead) :]
        for count, (start, end) in enumerate(split_sentences(body, longest=len(body))):
            if count == 0:
                before = ("\n" if pieces else "") + lead.lstrip()
            else:
                before = " " if body[start - 1].isspace() else ""
            if has_letters(body[start:end]):
                pieces.append((before, body[start:end]))
    return pieces
