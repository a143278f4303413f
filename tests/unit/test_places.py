import numpy as np
import pytest

from rag.documents import Document, Passage, Sentence, group, split_document
from rag.places import Members, Passages, Sentences

DOCUMENTS = (Document("a", "甲很好。乙也好。\n丙。"), Document("b", "丁😀好。戊。"))
SENTENCES = [sentence for document in DOCUMENTS for sentence in split_document(document)]


@pytest.fixture
def sentences() -> Sentences:
    return Sentences.of(DOCUMENTS, SENTENCES)


def test_sentences_are_restored_from_their_places(sentences: Sentences) -> None:
    assert len(sentences) == 5
    assert list(sentences) == SENTENCES
    assert sentences[1] == Sentence("乙也好。", "a", 4, 8, 0)
    assert sentences[-1] == Sentence("戊。", "b", 4, 6, 0)
    assert sentences[1:3] == SENTENCES[1:3]
    with pytest.raises(IndexError):
        sentences[5]


def test_passages_are_restored_from_their_places_without_a_score() -> None:
    made = [passage for document in DOCUMENTS for passage in group(document, split_document(document), 100)]
    passages = Passages.of(DOCUMENTS, made)
    assert list(passages) == made
    assert passages[0] == Passage("甲很好。乙也好。", "a", 0, 8, 0.0)


def test_members_are_ranges_of_consecutive_sentences() -> None:
    assert list(Members(np.array([[0, 2], [2, 3]]))) == [(0, 1), (2,)]


def test_no_places_give_no_sentences_and_no_passages() -> None:
    assert list(Sentences.of(DOCUMENTS, [])) == []
    assert list(Passages.of((), [])) == []


def test_the_fields_of_a_sentence_are_plain_integers_and_strings(sentences: Sentences) -> None:
    assert {type(value) for value in vars(sentences[0]).values()} == {str, int}
