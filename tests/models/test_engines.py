"""Test the engines on a small GGUF file: the two that run it in this process, and the one that uses a server."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from steps import is_piece, is_reading, never, seconds_to_stop, text, usage

from rag.documents import Passage
from rag.embedding import Vectors
from rag.english import English
from rag.errors import GenerationError, PromptTooLongError
from rag.generation import Generator, Piece, Prompt, Reading, Trace, Usage
from rag.generation.int8_linear import supported
from rag.generation.llama_cpp import LlamaCppGenerator
from rag.generation.openai import OpenAIGenerator
from rag.prompting import answer_prompt
from rag.question import Query
from rag.settings import Settings
from rag.templates import Templates

pytestmark = pytest.mark.models
KEY = "a-key-of-this-test"
CAPITAL = Prompt(({"role": "user", "content": "What is the capital of France? Answer in one word."},))
YES_NO = Prompt(({"role": "user", "content": "Is Paris a city in France? Answer only Yes or No."},))
LONG = Prompt(({"role": "user", "content": "Count: " + " ".join(map(str, range(400)))},))
COPIED = Prompt(({"role": "user", "content": "Repeat word for word: " + "the lake lies to the west of the old town. " * 3},))
STORY = Prompt(({"role": "user", "content": "Tell a very long story about a river."},))


@pytest.fixture(scope="module")
def gguf() -> Path:
    path = Settings.load().weights / "qwen2.5-coder-0.5b" / "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    return path


@pytest.fixture(scope="module")
def llama(gguf: Path) -> Iterator[LlamaCppGenerator]:
    engine = LlamaCppGenerator(gguf, context=3072)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def int8(gguf: Path) -> Iterator[Generator]:
    if not supported():
        pytest.skip("this processor does not multiply 8-bit numbers fast")
    from rag.generation.int8 import Int8Generator

    engine = Int8Generator(gguf, context=3072)
    yield engine
    engine.close()


@pytest.fixture(params=["llama", "int8"])
def engine(request: pytest.FixtureRequest) -> Generator:
    """Return each engine that runs a GGUF file in this process."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def remote(gguf: Path) -> Iterator[OpenAIGenerator]:
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(gguf)
    parameters.n_ctx = 3072
    parameters.n_batch = 128
    parameters.n_parallel = 1
    parameters.cpuparams.n_threads = 2
    parameters.verbosity = -1
    parameters.ui = False
    parameters.api_keys = [KEY]
    server = xllamacpp.Server(parameters)
    engine = OpenAIGenerator(f"{server.listening_address}/v1", KEY, "small", 60)
    yield engine
    engine.close()
    del server


class TestBothThatRunAGgufFile:
    def test_it_streams_progress_text_and_usage_in_this_order(self, engine: Generator) -> None:
        steps = list(engine.stream(LONG, 6, never))
        kinds = [type(step) for step in steps]
        assert kinds == sorted(kinds, key=[Reading, Piece, Usage].index)
        fractions = [step.fraction for step in steps if isinstance(step, Reading)]
        assert fractions == sorted(fractions)
        assert len(fractions) > 3
        assert fractions[-1] == 1
        assert "Paris" in text(list(engine.stream(CAPITAL, 8, never)))

    def test_a_prompt_that_was_read_is_not_read_again(self, engine: Generator) -> None:
        prompt = Prompt(({"role": "user", "content": "Sum: " + " ".join(map(str, range(200)))},))
        engine.read(prompt, never)
        spent = usage(list(engine.stream(prompt, 2, never)))
        assert spent.prompt > 400
        assert spent.read <= 4

    def test_choose_returns_the_probability_of_each_choice_as_the_first_word(self, engine: Generator) -> None:
        chosen = engine.choose(YES_NO, ("Yes", "No", "Elephant"), never)
        yes, no, other = chosen.chances
        assert chosen.usage.prompt >= chosen.usage.read > 0
        assert chosen.usage.written == 1
        assert 0 <= no < yes <= 1
        assert other < 0.01
        assert yes + no > 0.5

    def test_it_stops_within_three_seconds(self, engine: Generator) -> None:
        fresh = Prompt(({"role": "user", "content": "Fresh: " + " ".join(map(str, range(600)))},))
        assert seconds_to_stop(engine, fresh, is_reading) < 3
        assert seconds_to_stop(engine, STORY, is_piece) < 3
        assert "Paris" in text(list(engine.stream(CAPITAL, 8, never)))

    def test_the_text_matches_the_grammar_of_its_prompt(self, engine: Generator) -> None:
        counting = Prompt(({"role": "user", "content": "Count from one to five in words."},), grammar="root ::= [0-9 ]+")
        written = text(list(engine.stream(counting, 12, never)))
        assert written.strip()
        assert set(written) <= set("0123456789 ")
        plain = Prompt(YES_NO.messages, grammar='root ::= "Perhaps"')
        assert text(list(engine.stream(plain, 12, never))) == "Perhaps"

    @pytest.mark.parametrize(
        ("question", "read", "begun"),
        [
            ("天空為什麼是藍的？", "天空是蓝的，因为空气散射蓝光。", "因为"),
            ("天空為什麼是藍的？", "The sky is blue because air scatters blue light.", "因为"),
            ("Why is the sky blue?", "天空是蓝的，因为空气散射蓝光。", "Because"),
        ],
    )
    def test_a_reason_begins_as_the_shipped_grammar_requires_and_ends_before_the_token_limit(
        self, engine: Generator, question: str, read: str, begun: str
    ) -> None:
        query = Query(question, "", "en" if begun == "Because" else "zh-Hant")
        prompt = answer_prompt(
            Templates(Settings.load({}).prompts), English(), query, [Passage(read, "a", 0, len(read))], reason=True
        )
        steps = list(engine.stream(prompt, 200, never))
        assert text(steps).startswith(begun)
        assert len(begun) < len(text(steps))
        assert usage(steps).written < 200

    def test_a_prompt_that_exceeds_the_context_raises_an_error_with_both_sizes(self, engine: Generator) -> None:
        with pytest.raises(
            PromptTooLongError, match=r"^The prompt has 6,0\d\d tokens, but the engine's context is 3,072; shorten"
        ):
            list(engine.stream(Prompt(({"role": "user", "content": "a b " * 3000},)), 4, never))

    def test_a_file_that_is_not_a_model_raises_an_error(self, engine: Generator, tmp_path: Path) -> None:
        (tmp_path / "bad.gguf").write_bytes(b"not a model" * 100)
        with pytest.raises(GenerationError, match=r"bad\.gguf"):
            type(engine)(tmp_path / "bad.gguf", context=512)  # type: ignore[call-arg]


class TestInt8:
    def test_it_agrees_with_llama_cpp(self, int8: Generator, llama: LlamaCppGenerator) -> None:
        assert text(list(int8.stream(CAPITAL, 8, never))) == text(list(llama.stream(CAPITAL, 8, never)))
        told, other = (engine.choose(YES_NO, ("Yes", "No"), never) for engine in (int8, llama))
        assert told.chances == pytest.approx(other.chances, abs=0.1)
        assert told.usage.prompt == other.usage.prompt

    def test_reading_in_small_steps_does_not_change_the_text(self, int8: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
        whole = [text(list(int8.stream(prompt, 60, never))) for prompt in (COPIED, STORY)]
        int8.read(CAPITAL, never)
        monkeypatch.setattr(int8, "BATCH", 5)
        monkeypatch.setattr(int8, "_prefix_cache", type(int8._prefix_cache)(0))
        assert [text(list(int8.stream(prompt, 60, never))) for prompt in (COPIED, STORY)] == whole

    def test_a_verdict_is_bitwise_equal_whatever_was_read_before(self, int8: Generator) -> None:
        first = int8.choose(YES_NO, ("Yes", "No"), never)
        for prompt in (LONG, CAPITAL, STORY):
            int8.read(prompt, never)
        assert int8.choose(YES_NO, ("Yes", "No"), never).chances == first.chances
        int8._prefix_cache.forget()
        int8.read(LONG, never)
        assert int8.choose(YES_NO, ("Yes", "No"), never).chances == first.chances

    def test_a_prompt_stays_cached_while_others_are_read(self, int8: Generator) -> None:
        first = text(list(int8.stream(COPIED, 30, never)))
        for prompt in (LONG, CAPITAL, YES_NO):
            int8.read(prompt, never)
        steps = list(int8.stream(COPIED, 30, never))
        assert text(steps) == first
        assert usage(steps).read <= type(int8._prefix_cache).TOKENS

    def test_speculative_decoding_does_not_change_the_text(self, int8: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
        with_guesses = list(int8.stream(COPIED, 40, never))
        monkeypatch.setattr(int8, "SPECULATION", (3, 0))
        assert text(with_guesses) == text(list(int8.stream(COPIED, 40, never)))

    def test_the_state_of_a_text_is_the_same_with_and_without_speculative_decoding(
        self, int8: Generator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def state(prompt: Prompt) -> Vectors:
            left = usage(list(int8.stream(prompt, 60, never))).state
            assert left is not None
            return left / np.linalg.norm(left)

        first, other = state(COPIED), state(CAPITAL)
        assert np.array_equal(state(COPIED), first)
        monkeypatch.setattr(int8, "SPECULATION", (3, 0))
        assert np.array_equal(state(COPIED), first)
        assert first @ other < 0.99

    def test_the_trace_has_one_state_per_token_with_and_without_speculative_decoding(
        self, int8: Generator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def traced(most: int = 60) -> tuple[str, Trace]:
            steps = list(int8.stream(COPIED, most, never))
            trace = usage(steps).trace
            assert trace is not None
            assert len(trace.ends) == len(trace.states)
            return text(steps), trace

        said, trace = traced()
        assert trace.ends[-1] == len(said)
        monkeypatch.setattr(int8, "SPECULATION", (3, 0))
        again, step_by_step = traced()
        assert (again, step_by_step.ends) == (said, trace.ends)
        assert np.array_equal(step_by_step.states, trace.states)
        assert len(traced(4)[1].ends) == 3  # the last token is read only to generate the next one

    def test_exactly_the_maximum_number_of_tokens_is_written(self, int8: Generator) -> None:
        for most in (1, 2, 7):
            assert usage(list(int8.stream(STORY, most, never))).written == most


class TestOpenAIAgainstLlamaCpp:
    def test_it_writes_the_same_text_as_the_engine_in_this_process(
        self, remote: OpenAIGenerator, llama: LlamaCppGenerator
    ) -> None:
        steps = list(remote.stream(CAPITAL, 8, never))
        assert text(steps) == text(list(llama.stream(CAPITAL, 8, never)))
        assert usage(steps).prompt > usage(steps).written > 0
        assert usage(list(remote.stream(CAPITAL, 8, never))).read <= 4

    def test_choose_agrees_with_the_engine_in_this_process(self, remote: OpenAIGenerator, llama: LlamaCppGenerator) -> None:
        choices = ("Yes", "No")
        told, own = remote.choose(YES_NO, choices, never), llama.choose(YES_NO, choices, never)
        assert told.chances == pytest.approx(own.chances, abs=0.1)
        assert told.usage.prompt == own.usage.prompt > 0

    def test_it_stops_within_three_seconds_and_frees_the_server(self, remote: OpenAIGenerator) -> None:
        assert seconds_to_stop(remote, LONG, 0.3) < 3
        assert seconds_to_stop(remote, STORY, is_piece, 2000) < 3
        start = time.monotonic()
        assert "Paris" in text(list(remote.stream(CAPITAL, 8, never)))
        assert time.monotonic() - start < 5

    def test_a_wrong_key_is_reported_with_the_server_and_not_shown(self, remote: OpenAIGenerator) -> None:
        wrong = OpenAIGenerator(str(remote._url), "another-key", "small", 10)
        with pytest.raises(GenerationError) as caught:
            list(wrong.stream(CAPITAL, 4, never))
        assert str(caught.value) == (
            f"The server at {remote._url} (model 'small') answered 401 Unauthorized (Invalid API Key); check api_key."
        )

    def test_a_prompt_that_exceeds_the_servers_context_raises_an_error_with_both_sizes(self, remote: OpenAIGenerator) -> None:
        with pytest.raises(PromptTooLongError, match=r"has \d,\d{3} tokens, but the engine's context is \d,\d{3}"):
            list(remote.stream(Prompt(({"role": "user", "content": "a b " * 3000},)), 4, never))
