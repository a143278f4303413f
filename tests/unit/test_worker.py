"""A worker runs jobs one after another in one thread, and passes their items and errors on to the caller."""

import threading
import time
import weakref

import pytest
from waiting import wait_for

from rag.errors import Cancelled, GenerationError
from rag.generation.worker import Abandoned, Emit, Worker, one_line


@pytest.fixture
def worker():
    worker = Worker("test")
    yield worker
    worker.end()


def never() -> bool:
    return False


def test_every_job_runs_in_the_same_named_thread(worker: Worker) -> None:
    def job(tell: Emit, left: Abandoned) -> None:
        tell(threading.current_thread())

    (first,), (second,) = worker.run(job, never), worker.run(job, never)
    assert first is second
    assert first is not threading.current_thread()
    assert first.name == "test"


def test_the_items_of_a_job_are_received_in_order(worker: Worker) -> None:
    assert list(worker.run(lambda tell, left: [tell(n) for n in range(5)], never)) == [0, 1, 2, 3, 4]


def test_a_failed_job_raises_an_error_on_one_line_and_the_next_job_runs(worker: Worker) -> None:
    def fail(tell: Emit, left: Abandoned) -> None:
        tell("before")
        raise RuntimeError("out of\nmemory.")

    told = worker.run(fail, never)
    assert next(told) == "before"
    with pytest.raises(GenerationError, match=r"^The engine failed: out of memory\.$"):
        next(told)
    assert list(worker.run(lambda tell, left: tell("after"), never)) == ["after"]


def test_a_generation_error_is_raised_unchanged(worker: Worker) -> None:
    def refuse(tell: Emit, left: Abandoned) -> None:
        raise GenerationError("The prompt is too long.")

    with pytest.raises(GenerationError, match=r"^The prompt is too long\.$"):
        list(worker.run(refuse, never))


def test_a_base_exception_is_raised_as_a_generation_error_and_the_next_job_runs(worker: Worker) -> None:
    class Panic(BaseException):
        pass

    def panic(tell: Emit, left: Abandoned) -> None:
        raise Panic("index out of bounds")

    with pytest.raises(GenerationError, match=r"^The engine failed: index out of bounds\.$"):
        list(worker.run(panic, never))
    assert list(worker.run(lambda tell, left: tell("next"), never)) == ["next"]


def test_running_a_job_on_an_ended_worker_raises_an_error(worker: Worker) -> None:
    worker.end()
    with pytest.raises(GenerationError, match="closed"):
        list(worker.run(lambda tell, left: tell("never"), never))


def test_a_worker_keeps_no_reference_to_a_finished_job(worker: Worker) -> None:
    class Engine:
        pass

    engine = Engine()
    held = weakref.ref(engine)
    list(worker.run(lambda tell, left, engine=engine: tell("done"), never))
    list(worker.run(lambda tell, left: None, never))
    del engine
    assert held() is None


def test_a_job_can_see_that_its_caller_has_stopped_waiting(worker: Worker) -> None:
    seen: list[bool] = []

    def wait(tell: Emit, left: Abandoned) -> None:
        tell("begun")
        while not left():
            time.sleep(0.01)
        seen.append(True)

    stopped: list[bool] = []
    told = worker.run(wait, lambda: bool(stopped))
    assert next(told) == "begun"
    stopped.append(True)
    with pytest.raises(Cancelled):
        next(told)
    assert list(worker.run(lambda tell, left: tell("next"), never)) == ["next"]
    assert seen == [True]


def test_steps_run_between_jobs_and_jobs_take_precedence(worker: Worker) -> None:
    seen: list[str] = []

    def steps():
        for step in range(3):
            time.sleep(0.02)
            seen.append(f"step {step}")
            yield

    list(worker.run(lambda tell, left: worker.between(steps()), never))
    list(worker.run(lambda tell, left: seen.append("job"), never))
    wait_for(lambda: len(seen) == 4)
    assert sorted(seen, key="step 0 step 1 step 2 job".index) == ["step 0", "step 1", "step 2", "job"]
    assert seen.index("job") < 2


def test_a_failed_step_is_logged_and_the_next_job_runs(worker: Worker, caplog: pytest.LogCaptureFixture) -> None:
    def steps():
        raise MemoryError("no room")
        yield

    list(worker.run(lambda tell, left: worker.between(steps()), never))
    wait_for(lambda: caplog.messages)
    assert list(worker.run(lambda tell, left: tell("after"), never)) == ["after"]
    assert caplog.messages == ["The work between questions failed and was stopped: no room"]


def test_end_stops_the_current_job() -> None:
    worker = Worker("ending")

    def wait(tell: Emit, left: Abandoned) -> None:
        tell("begun")
        while not left():
            time.sleep(0.01)

    told = worker.run(wait, never)
    assert next(told) == "begun"
    worker.end()
    assert not worker._thread.is_alive()
    assert list(told) == []


def test_end_skips_the_remaining_steps() -> None:
    worker, taken = Worker("ending"), []

    def steps():
        while True:
            time.sleep(0.01)
            taken.append("step")
            yield

    list(worker.run(lambda tell, left: worker.between(steps()), never))
    wait_for(lambda: taken)
    worker.end()
    assert not worker._thread.is_alive()


@pytest.mark.parametrize(
    ("error", "line"),
    [(ValueError("a\n  b."), "a b"), (ValueError(""), "ValueError"), (ValueError("x" * 400), "x" * 300 + "…")],
)
def test_an_error_message_is_shortened_to_one_line(error: Exception, line: str) -> None:
    assert one_line(error) == line
