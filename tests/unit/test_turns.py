import threading
from types import SimpleNamespace

import pytest
from waiting import wait_for

from rag.errors import Cancelled
from rag.serving.turns import Place, Turns


def never() -> bool:
    return False


def take(turns: Turns, ticket: object) -> list[Place]:
    return list(turns.wait(ticket, never))


def test_in_an_empty_queue_the_turn_is_given_at_once() -> None:
    turns = Turns()
    assert not turns.busy
    assert take(turns, "a") == []
    assert (turns.busy, turns.waiting) == (True, False)
    turns.leave("a")
    assert (turns.busy, turns.waiting) == (False, False)


def test_the_place_in_the_queue_and_the_expected_wait_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Turns, "POLL_S", 0.01)
    turns = Turns()
    take(turns, "a")
    second, third = turns.wait("b", never), turns.wait("c", never)
    place, behind = next(second), next(third)
    assert (place.ahead, behind.ahead) == (1, 2)
    assert place.expected_s == pytest.approx(5.0, abs=0.5)
    assert behind.expected_s == pytest.approx(10.0, abs=0.5)
    assert turns.waiting
    turns.leave("a")
    assert list(second) == []
    assert next(third).ahead == 1
    turns.leave("b")
    assert list(third) == []


def test_turns_are_given_in_the_order_of_arrival(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Turns, "POLL_S", 5.0)  # a reader that had to poll would miss the timeout of join
    turns, order = Turns(), []
    arrived = [threading.Event() for _ in range(8)]

    def reader(number: int) -> None:
        for _ in turns.wait(number, never):
            arrived[number].set()
        order.append(number)
        turns.leave(number)

    take(turns, "first")
    workers = [threading.Thread(target=reader, args=(number,)) for number in range(8)]
    for number, worker in enumerate(workers):
        worker.start()
        assert arrived[number].wait(2)
    turns.leave("first")
    for worker in workers:
        worker.join(timeout=2)
    assert order == list(range(8))
    assert not turns.busy


def test_cancelling_a_wait_raises_an_error_and_leaving_frees_the_place() -> None:
    turns = Turns()
    take(turns, "a")
    line = turns.wait("b", lambda: True)
    assert next(line).ahead == 1
    with pytest.raises(Cancelled) as error:
        next(line)
    assert str(error.value) == "The question was withdrawn while it waited."
    turns.leave("b")
    assert not turns.waiting
    turns.leave("a")
    assert take(turns, "c") == []


def test_leaving_twice_or_with_an_unknown_ticket_has_no_effect() -> None:
    turns = Turns()
    take(turns, "a")
    turns.leave("stranger")
    turns.leave("a")
    turns.leave("a")
    assert take(turns, "b") == []


def test_tickets_after_one_that_leaves_the_queue_move_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Turns, "POLL_S", 0.01)
    turns = Turns()
    take(turns, "a")
    middle, last = turns.wait("b", never), turns.wait("c", never)
    next(middle)
    assert next(last).ahead == 2
    turns.leave("b")
    assert next(last).ahead == 1
    turns.leave("a")
    assert list(last) == []


@pytest.mark.parametrize(("asked", "expected"), [(True, 0.7 * 5.0 + 0.3 * 60.0), (False, 5.0)])
def test_only_the_turns_of_readers_change_the_expected_wait(
    monkeypatch: pytest.MonkeyPatch, asked: bool, expected: float
) -> None:
    now = [100.0]
    monkeypatch.setattr("rag.serving.turns.time", SimpleNamespace(monotonic=lambda: now[0]))
    turns = Turns()
    assert list(turns.wait("a", never, asked)) == []
    now[0] += 60.0
    turns.leave("a")
    take(turns, "b")
    assert next(turns.wait("c", never)).expected_s == pytest.approx(expected)


def test_idle_work_does_not_count_as_ahead_of_readers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Turns, "POLL_S", 0.01)
    turns = Turns()
    assert list(turns.wait("unasked", never, by_reader=False)) == []
    second, third = turns.wait("b", never), turns.wait("c", never)
    behind: list[Place] = []
    reader = threading.Thread(target=lambda: behind.extend(second))
    reader.start()
    wait_for(lambda: turns.waiting)
    assert next(third) == Place(1, 5.0)
    turns.leave("unasked")
    reader.join(2)
    assert behind == []
    turns.leave("b")
    assert list(third) == []
