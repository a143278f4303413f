"""Finding proper names in English sentences by their capitals."""

import pytest

from rag.english.proper_names import proper_names, stands_as_name

TEXT = "Varley sold clocks. In 1931 Varley’s son, Giles, joined. Clocks were dear then, and Tarrant was far; old will."


@pytest.mark.parametrize(
    ("sentence", "names"),
    [
        ("The mill of Ann Quill stands at Port Selwyn.", ("Ann Quill", "Port Selwyn")),
        ("It was Edmund's clock, and Giles’ too.", ("Edmund", "Giles")),
        ("A rival, Caleb Stroud of Marlock, sold it.", ("Caleb Stroud", "Marlock")),
        ("In March Mr Hallam and Dr Ann Lee met on Monday, as I said.", ("Hallam", "Ann Lee")),
        ("She met Ottoline Reyes-Marchetti and then Ottoline Reyes-Marchetti left.", ("Ottoline Reyes-Marchetti",)),
        ("Varley retired.", ("Varley",)),
        ("Clocks were sold.", ()),
        ("Neighbouring Fenbridge declined.", ("Fenbridge",)),
        ("He left. Nobody said “Clocks are dear” or: Tarrant is far.", ("Tarrant",)),
        ("nothing here has a capital.", ()),
    ],
)
def test_capitalised_words_are_names_and_first_words_only_if_the_text_confirms_it(
    sentence: str, names: tuple[str, ...]
) -> None:
    assert proper_names(sentence, lambda word: word in {"Varley", "Tarrant"}) == names


@pytest.mark.parametrize(
    ("word", "name"),
    [("Varley", True), ("Giles", True), ("Clocks", False), ("Will", False), ("Nobody", False), ("Tarrant", True)],
)
def test_a_word_is_a_name_if_it_occurs_capitalised_inside_a_sentence_and_never_in_lower_case(word: str, name: bool) -> None:
    assert stands_as_name(word, [TEXT]) is name
    assert stands_as_name(word, ["Nothing of it.", TEXT]) is name
