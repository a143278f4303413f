"""Read the documents of a corpus, and split them into sentences and the passages that are searched.

Offsets count Unicode code points of the normalised source text (no byte order mark, lines ended by a line feed), and
`document.text[start:end] == text` is always true. Vectors and search are in `index.py`.
"""

from __future__ import annotations

import os
import re
import stat
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from rag import tables
from rag.errors import CorpusError
from rag.numerals.chinese import DIGITS, UNITS
from rag.text import fold, han_length, has_letters
from rag.text.sentences import split_sentences

SHORTEST_QUOTE = 12
"""Minimum number of letters and digits in a pull quote; shorter sentences repeat by chance."""
_SIGN = r"[.+−–/-](?=\d)"
"""A sign that is part of the number: "5.0" is not "50", and "-3.2" is not "3.2"."""
_UNSPOKEN = re.compile(rf"(?!{_SIGN})[\W_]")
_IN_FIGURE = "".join((*r".+−–/\-\d", *DIGITS, *UNITS))
_WITHIN_FIGURE = re.compile(rf"(?<=[{_IN_FIGURE}])[{_IN_FIGURE}]")


@dataclass(frozen=True)
class Document:
    """One source, normalised.

    source: its name (a file name or an identifier). text: its whole text. title: the title shown to readers, "" if there is
    none. Raises CorpusError for a text that is not a string, and for a text or name that is not valid Unicode.
    """

    source: str
    text: str
    title: str = ""

    def __post_init__(self) -> None:
        """Raise CorpusError for a text that is not a string, or a lone surrogate, which can be neither stored nor shown."""
        try:
            self.source.encode("utf-8")
        except UnicodeEncodeError:
            raise CorpusError(f"The name of the source {self.source!r} is not valid Unicode; rename it.") from None
        if not isinstance(self.text, str):
            raise CorpusError(f"The text of the source {self.source} is of type {type(self.text).__name__}; expected a string.")
        try:
            self.text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise CorpusError(
                f"The source {self.source} contains a lone surrogate (at {error.start}); expected valid Unicode text."
            ) from None


@dataclass(frozen=True)
class Sentence:
    """A sentence and its place: `document.text[start:end] == text`; paragraph is a line number, from 0."""

    text: str
    source: str
    start: int
    end: int
    paragraph: int


@dataclass(frozen=True)
class Passage:
    """A retrievable piece of text: whole neighbouring sentences of one paragraph, with the score of its retrieval."""

    text: str
    source: str
    start: int
    end: int
    score: float = 0.0


def read_corpus(*corpora: Path) -> tuple[Document, ...]:
    """Return the documents of one or more corpora, in order of their names.

    corpora: folders of `*.txt` files, or single files; a file that is given twice counts once. A file `article.toml` next to
    `article.txt` may contain its title. Raises CorpusError for a source that is missing, empty, binary or not UTF-8, and if two
    files have the same name.
    """
    paths: dict[str, Path] = {}
    for path in (path for corpus in corpora for path in source_files(corpus)):
        other = paths.setdefault(path.name, path)
        if os.path.realpath(other) != os.path.realpath(path):
            raise CorpusError(f"Two sources have the name {path.name}: {other} and {path}; rename one of them.")
    return tuple(_read(paths[name]) for name in sorted(paths))


def source_files(corpus: Path) -> list[Path]:
    """Return the files of a corpus, in order of their names; raise CorpusError if there are none."""
    try:
        paths = _listed(corpus, ".txt") if _is_folder(corpus) else [corpus]
    except (FileNotFoundError, NotADirectoryError):
        raise CorpusError(f"The corpus {corpus} does not exist; put a UTF-8 text file there, or set RAG_CORPUS.") from None
    except OSError as error:
        raise _unreadable(corpus, error) from error
    if not paths:
        raise CorpusError(f"The corpus {corpus} contains no .txt file; put a UTF-8 text file there.")
    return paths


def companion_files(corpus: Path | None, kind: str) -> list[Path]:
    """Return the files of a kind ("names.toml") that accompany the sources of a corpus, in order of their names.

    Raises CorpusError if the corpus exists but cannot be read.
    """
    if corpus is None:
        return []
    try:
        paths = _listed(corpus, f".{kind}") if _is_folder(corpus) else [corpus.with_suffix(f".{kind}")]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise _unreadable(corpus, error) from error
    return [path for path in paths if os.path.exists(path)]


def _is_folder(corpus: Path) -> bool:
    """Return whether a corpus is a folder; raise OSError if that is unknown, where `Path.is_dir` returns False."""
    return stat.S_ISDIR(corpus.stat().st_mode)


def _listed(folder: Path, ending: str) -> list[Path]:
    """Return the files with an ending, in order of their names, without hidden ones, which editors and file managers create."""
    return sorted(folder / name for name in os.listdir(folder) if name.endswith(ending) and not name.startswith("."))


def _unreadable(corpus: Path, error: OSError) -> CorpusError:
    return CorpusError(f"The corpus {corpus} cannot be read: {error.strerror}.")


def _read(path: Path) -> Document:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise CorpusError(f"The source {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise CorpusError(f"The source {path} is not UTF-8 (byte {error.start}); save it as UTF-8 text.") from error
    if "\0" in text:
        raise CorpusError(f"The source {path} contains binary data; expected a text file.")
    if not has_letters(text):
        raise CorpusError(f"The source {path} is empty; expected some text.")
    return Document(path.name, text.replace("\r\n", "\n").replace("\r", "\n"), _title(path.with_suffix(".toml")))


def _title(record: Path) -> str:
    """Return the title in the TOML file of a source, "" if there is none."""
    try:
        return str(tables.read(record).get("title", "")) if record.is_file() else ""
    except (OSError, ValueError) as error:
        raise CorpusError(f'The title file {record} cannot be read ({error}); expected title = "…".') from error


def split_document(document: Document) -> tuple[Sentence, ...]:
    """Return the sentences of a document in order; each line is a paragraph."""
    sentences: list[Sentence] = []
    offset = 0
    for number, line in enumerate(document.text.split("\n")):
        for start, end in split_sentences(line):
            piece = line[start:end]
            sentences.append(Sentence(piece, document.source, offset + start, offset + end, number))
        offset += len(line) + 1
    return tuple(sentences)


def pull_quotes(sentences: Sequence[Sentence]) -> frozenset[int]:
    """Return the positions of a document's pull quotes: sentences alone in their paragraph that repeat text found elsewhere.

    Magazines lift them out of the running text; if they were searched, they would displace other evidence. Of sentences that
    only repeat each other, the first is not a pull quote.
    """
    plain = [_UNSPOKEN.sub("", fold(sentence.text)) for sentence in sentences]
    crowd = Counter(sentence.paragraph for sentence in sentences)
    alone = [i for i, s in enumerate(sentences) if crowd[s.paragraph] == 1 and len(plain[i]) >= SHORTEST_QUOTE]
    twins = Counter(plain[i] for i in alone)
    times = _times(twins.keys(), "".join(f"{line}\n" for line in plain))
    seen: set[str] = set()
    dropped = set()
    for i in alone:
        if times[plain[i]] > 1 and (times[plain[i]] > twins[plain[i]] or plain[i] in seen):
            dropped.add(i)
        seen.add(plain[i])
    return frozenset(dropped)


def _times(quotes: Collection[str], lines: str) -> Counter[str]:
    """Return how often each of many quotes, none shorter than SHORTEST_QUOTE, occurs in lines, in a single scan.

    An occurrence that cuts a number in two ("…8" in "…86") does not count.
    """
    lengths: dict[str, set[int]] = {}
    for quote in quotes:
        lengths.setdefault(quote[:SHORTEST_QUOTE], set()).add(len(quote))
    return Counter(
        quote
        for start in range(len(lines) - SHORTEST_QUOTE)
        for length in lengths.get(lines[start : start + SHORTEST_QUOTE], ())
        if (quote := lines[start : start + length]) in quotes
        and not any(_WITHIN_FIGURE.match(lines, place) for place in (start, start + length))
    )


def group(
    document: Document, sentences: Sequence[Sentence], longest: int, left_out: Collection[int] = ()
) -> tuple[Passage, ...]:
    """Return the passages of a document: neighbouring whole sentences of one paragraph.

    sentences: those of the document, in order. longest: maximum extent (`text.han_length`) of a passage of several sentences; a
    longer sentence is a passage of its own. left_out: positions of sentences that are skipped.
    """
    passages: list[Passage] = []
    run: list[Sentence] = []

    def close() -> None:
        if run:
            start, end = run[0].start, run[-1].end
            passages.append(Passage(document.text[start:end], document.source, start, end))
            run.clear()

    for position, sentence in enumerate(sentences):
        if position in left_out:
            continue
        if run and (sentence.paragraph != run[0].paragraph or han_length(document.text[run[0].start : sentence.end]) > longest):
            close()
        run.append(sentence)
    close()
    return tuple(passages)
