"""The engines on real models: a small GGUF by both that run it here and behind HTTP, and a tiny transformers model."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rag.errors import Cancelled, GenerationError
from rag.generation import Generator, Piece, Prompt, Reading, Step, Usage
from rag.generation.llama_cpp import LlamaCppGenerator
from rag.generation.openai import OpenAIGenerator
from rag.int8 import supported
from rag.settings import Settings

pytestmark = pytest.mark.models

KEY = "a-key-of-this-test"
CAPITAL = Prompt(({"role": "user", "content": "What is the capital of France? Answer in one word."},))
YES_NO = Prompt(({"role": "user", "content": "Is Paris a city in France? Answer only Yes or No."},))
LONG = Prompt(({"role": "user", "content": "Count: " + " ".join(map(str, range(400)))},))
COPIED = Prompt(({"role": "user", "content": "Repeat word for word: " + "the lake lies to the west of the old town. " * 3},))
"""Leaves no doubt of what to write: where two words are nearly as likely, rounding to 8 bits may choose either."""
STORY = Prompt(({"role": "user", "content": "Tell a very long story about a river."},))


def never() -> bool:
    return False


def text(steps: list[Step]) -> str:
    return "".join(step.text for step in steps if isinstance(step, Piece))


def usage(steps: list[Step]) -> Usage:
    assert isinstance(steps[-1], Usage)
    return steps[-1]


def seconds_to_stop(engine: Generator, prompt: Prompt, until: Callable[[Step], bool] | float, max_tokens: int = 300) -> float:
    """Return how long a stream goes on after the reader stopped: at the first step that fits, or after some seconds."""
    stopped: list[float] = []

    def stop() -> bool:
        return bool(stopped)

    if isinstance(until, float):
        threading.Timer(until, lambda: stopped.append(time.monotonic())).start()
    with pytest.raises(Cancelled):
        for step in engine.stream(prompt, max_tokens, stop):
            if callable(until) and until(step) and not stopped:
                stopped.append(time.monotonic())
    return time.monotonic() - stopped[0]


def is_piece(step: Step) -> bool:
    return isinstance(step, Piece)


def is_reading(step: Step) -> bool:
    return isinstance(step, Reading)


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

    def test_choose_weighs_first_words(self, engine: Generator) -> None:
        chosen = engine.choose(YES_NO, ("Yes", "No", "Elephant"), never)
        yes, no, other = chosen.chances
        assert chosen.usage.prompt >= chosen.usage.read > 0
        assert chosen.usage.written == 1
        assert 0 <= no < yes <= 1
        assert other < 0.01
        assert yes + no > 0.5

    def test_it_stops_within_a_second(self, engine: Generator) -> None:
        fresh = Prompt(({"role": "user", "content": "Fresh: " + " ".join(map(str, range(600)))},))
        assert seconds_to_stop(engine, fresh, is_reading) < 3
        assert seconds_to_stop(engine, STORY, is_piece) < 3
        assert "Paris" in text(list(engine.stream(CAPITAL, 8, never)))

    def test_a_grammar_is_kept(self, engine: Generator) -> None:
        counting = Prompt(({"role": "user", "content": "Count from one to five in words."},), grammar="root ::= [0-9 ]+")
        written = text(list(engine.stream(counting, 12, never)))
        assert written.strip()
        assert set(written) <= set("0123456789 ")
        plain = Prompt(YES_NO.messages, grammar='root ::= "Perhaps"')
        assert text(list(engine.stream(plain, 12, never))) == "Perhaps"

    def test_a_prompt_that_does_not_fit_is_one_sentence(self, engine: Generator) -> None:
        with pytest.raises(GenerationError, match=r"context") as caught:
            list(engine.stream(Prompt(({"role": "user", "content": "a b " * 3000},)), 4, never))
        assert not isinstance(caught.value, Cancelled)

    def test_a_file_that_is_no_model_is_an_error(self, engine: Generator, tmp_path: Path) -> None:
        (tmp_path / "bad.gguf").write_bytes(b"not a model" * 100)
        with pytest.raises(GenerationError, match=r"bad\.gguf"):
            type(engine)(tmp_path / "bad.gguf", context=512)  # type: ignore[call-arg]


class TestInt8:
    def test_it_says_what_llama_cpp_says(self, int8: Generator, llama: LlamaCppGenerator) -> None:
        assert text(list(int8.stream(CAPITAL, 8, never))) == text(list(llama.stream(CAPITAL, 8, never)))
        told, other = (engine.choose(YES_NO, ("Yes", "No"), never) for engine in (int8, llama))
        assert told.chances == pytest.approx(other.chances, abs=0.1)
        assert told.usage.prompt == other.usage.prompt

    def test_reading_in_small_steps_changes_nothing(self, int8: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
        whole = text(list(int8.stream(COPIED, 30, never)))
        int8.read(CAPITAL, never)
        monkeypatch.setattr(int8, "BATCH", 5)
        monkeypatch.setattr(int8, "_kept", type(int8._kept)(0))
        assert text(list(int8.stream(COPIED, 30, never))) == whole

    def test_what_was_read_before_others_is_still_known(self, int8: Generator) -> None:
        first = text(list(int8.stream(COPIED, 30, never)))
        for prompt in (LONG, CAPITAL, YES_NO):
            int8.read(prompt, never)
        steps = list(int8.stream(COPIED, 30, never))
        assert text(steps) == first
        assert usage(steps).read <= type(int8._kept).TOKENS

    def test_trying_tokens_ahead_changes_nothing_but_the_time(self, int8: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
        with_guesses = list(int8.stream(COPIED, 40, never))
        monkeypatch.setattr(int8, "SPECULATION", (3, 0))
        assert text(with_guesses) == text(list(int8.stream(COPIED, 40, never)))

    def test_no_more_is_written_than_asked_for(self, int8: Generator) -> None:
        for most in (1, 2, 7):
            assert usage(list(int8.stream(STORY, most, never))).written == most


class TestOpenAIAgainstLlamaCpp:
    def test_it_says_what_the_engine_in_this_process_says(self, remote: OpenAIGenerator, llama: LlamaCppGenerator) -> None:
        steps = list(remote.stream(CAPITAL, 8, never))
        assert text(steps) == text(list(llama.stream(CAPITAL, 8, never)))
        assert usage(steps).prompt > usage(steps).written > 0
        assert usage(list(remote.stream(CAPITAL, 8, never))).read <= 4

    def test_choose_agrees_with_the_engine_in_this_process(self, remote: OpenAIGenerator, llama: LlamaCppGenerator) -> None:
        choices = ("Yes", "No")
        told, own = remote.choose(YES_NO, choices, never), llama.choose(YES_NO, choices, never)
        assert told.chances == pytest.approx(own.chances, abs=0.1)
        assert told.usage.prompt == own.usage.prompt > 0

    def test_it_stops_within_half_a_second_and_frees_the_server(self, remote: OpenAIGenerator) -> None:
        assert seconds_to_stop(remote, LONG, 0.3) < 3
        assert seconds_to_stop(remote, STORY, is_piece, 2000) < 3
        start = time.monotonic()
        assert "Paris" in text(list(remote.stream(CAPITAL, 8, never)))
        assert time.monotonic() - start < 5

    def test_refusals_name_the_server_and_not_the_key(self, remote: OpenAIGenerator) -> None:
        address = str(remote._url).removesuffix("/chat/completions")
        wrong = OpenAIGenerator(address, "another-key", "small", 10)
        with pytest.raises(GenerationError, match=r"401 Unauthorized \(Invalid API Key\); check api_key\.$") as caught:
            list(wrong.stream(CAPITAL, 4, never))
        assert "another-key" not in str(caught.value)
        with pytest.raises(GenerationError, match=r"400 Bad Request \(request .* exceeds the available context size"):
            list(remote.stream(Prompt(({"role": "user", "content": "a b " * 3000},)), 4, never))


SENTENCES = [
    "Why was the firm born in Hangzhou and not elsewhere?",
    "The city gave it people, money and patience.",
    "杭州为什么养出了深度求索？因为这里有人才、资金和耐心。",
    "A river runs through the old town, and the lake lies to the west.",
]
TEMPLATE = (
    "{% for m in messages %}<|start|>{{ m['role'] }}\n{{ m['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
)
QUESTION = Prompt(({"role": "user", "content": "Why was the firm born in Hangzhou?"},))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a Qwen2 of two thin layers with random weights, and a tokenizer trained on four sentences."""
    import torch
    from tokenizers import ByteLevelBPETokenizer
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

    path = tmp_path_factory.mktemp("tiny") / "tiny-qwen2"
    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(SENTENCES, vocab_size=400, special_tokens=["<|start|>", "<|end|>"], show_progress=False)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=trained._tokenizer, eos_token="<|end|>")
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|start|>"]})
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(path)
    torch.manual_seed(7)
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=2048,
        initializer_range=0.5,  # far from ties, so that equal mathematics means equal tokens
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
    )
    Qwen2ForCausalLM(config).save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def tiny(folder: Path) -> Iterator[Generator]:
    from rag.generation.transformers import TransformersGenerator

    engine = TransformersGenerator(str(folder))
    yield engine
    engine.close()


def generated(folder: Path, prompt: Prompt, max_tokens: int) -> str:
    """Return what plain `generate` writes after the prompt, without this project's code."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder)
    rows = tokenizer.apply_chat_template(prompt.chat(), add_generation_prompt=True, return_tensors="pt", return_dict=True)
    row = model.generate(**rows, max_new_tokens=max_tokens, do_sample=False)[0]
    return tokenizer.decode(row[rows["input_ids"].shape[1] :], skip_special_tokens=True)


class TestTransformers:
    def test_streamed_text_is_what_generate_writes(self, folder: Path, tiny: Generator) -> None:
        steps = list(tiny.stream(QUESTION, 40, never))
        assert text(steps) == generated(folder, QUESTION, 40)
        assert len([step for step in steps if isinstance(step, Piece)]) > 5
        assert 0 < usage(steps).written <= 40

    def test_reading_in_small_steps_changes_nothing(
        self, folder: Path, tiny: Generator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tiny.read(Prompt(({"role": "user", "content": "Something else entirely"},)), never)
        monkeypatch.setattr(tiny, "BATCH", {"cpu": 3})
        steps = list(tiny.stream(QUESTION, 40, never))
        fractions = [step.fraction for step in steps if isinstance(step, Reading)]
        assert len(fractions) > 5
        assert fractions == sorted(fractions)
        assert fractions[-1] == 1
        assert text(steps) == generated(folder, QUESTION, 40)

    def test_a_prompt_that_was_read_is_not_read_again(self, folder: Path, tiny: Generator) -> None:
        tiny.read(QUESTION, never)
        steps = list(tiny.stream(QUESTION, 20, never))
        assert usage(steps).read == 1
        assert usage(steps).prompt > 20
        assert text(steps) == generated(folder, QUESTION, 20)
        longer = Prompt(({"role": "user", "content": QUESTION.messages[0]["content"] + " Because of the lake?"},))
        steps = list(tiny.stream(longer, 20, never))
        assert usage(steps).read < usage(steps).prompt - 10
        assert text(steps) == generated(folder, longer, 20)

    def test_choose_is_the_softmax_of_the_first_token(self, folder: Path, tiny: Generator) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder)
        rows = tokenizer.apply_chat_template(QUESTION.chat(), add_generation_prompt=True, return_tensors="pt", return_dict=True)
        with torch.no_grad():
            chances = torch.softmax(model(**rows).logits[0, -1], dim=-1)
        expected = {word: 0.0 for word in ("a", "the", "W")}
        for token, chance in enumerate(chances.tolist()):
            word = tokenizer.decode([token]).strip()
            if word in expected:
                expected[word] += chance
        found = tiny.choose(QUESTION, ("a", "the", "W", "no such single token"), never)
        assert found.chances == pytest.approx((*expected.values(), 0.0), rel=1e-3, abs=1e-9)
        assert min(found.chances[:3]) > 0
        assert found.usage.prompt == len(rows["input_ids"][0])
        assert 1 <= found.usage.read <= found.usage.prompt

    def test_it_stops_when_told_and_works_on(self, folder: Path, tiny: Generator) -> None:
        before = threading.active_count()
        assert seconds_to_stop(tiny, QUESTION, is_piece, 1900) < 3
        assert seconds_to_stop(tiny, Prompt(({"role": "user", "content": "river " * 400},)), is_reading) < 3
        assert threading.active_count() == before
        assert text(list(tiny.stream(QUESTION, 20, never))) == generated(folder, QUESTION, 20)

    def test_a_prompt_that_does_not_fit_is_one_sentence(self, tiny: Generator) -> None:
        with pytest.raises(GenerationError, match=r"The prompt has \d+ tokens; the model reads fewer than 2048\."):
            list(tiny.stream(Prompt(({"role": "user", "content": "river " * 3000},)), 4, never))

    def test_folders_that_cannot_be_loaded_are_named(self, folder: Path, tmp_path: Path) -> None:
        from rag.generation.transformers import TransformersGenerator

        with pytest.raises(GenerationError, match=r"is not a transformers model; use a folder that holds config\.json\."):
            TransformersGenerator(str(tmp_path))
        copied = tmp_path / "copy"
        copied.mkdir()
        for file in folder.iterdir():
            (copied / file.name).write_bytes(file.read_bytes())
        (copied / "model.safetensors").write_bytes(b"garbage")
        with pytest.raises(GenerationError, match="could not load"):
            TransformersGenerator(str(copied))
        (copied / "model.safetensors").rename(copied / "pytorch_model.bin")
        with pytest.raises(GenerationError, match="could not load"):
            TransformersGenerator(str(copied))

    def test_a_closed_engine_says_so(self, folder: Path) -> None:
        from rag.generation.transformers import TransformersGenerator

        engine = TransformersGenerator(folder)
        engine.close()
        with pytest.raises(GenerationError, match="The engine is closed"):
            engine.read(QUESTION, never)
