"""Test on a tiny model that the transformers engine writes the same text as plain `generate`."""

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest
from jinja2 import TemplateError
from steps import is_piece, is_reading, never, seconds_to_stop, text, usage

from rag.errors import GenerationError
from rag.generation import Generator, Piece, Prompt, Reading

pytestmark = pytest.mark.models
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
    """Make a Qwen2 of two narrow layers with random weights, and a tokenizer trained on four sentences."""
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
        initializer_range=0.5,  # so large that no two logits nearly tie: rounding cannot change a token
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
    """Return what plain `generate` writes for the prompt, without this project's code."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder)
    rows = tokenizer.apply_chat_template(prompt.chat(), add_generation_prompt=True, return_tensors="pt", return_dict=True)
    row = model.generate(**rows, max_new_tokens=max_tokens, do_sample=False)[0]
    return tokenizer.decode(row[rows["input_ids"].shape[1] :], skip_special_tokens=True)


def laid_out(folder: Path, template: str, messages: list[dict[str, str]]) -> str:
    """Return a chat as the engine formats it if this is the model's template."""
    from transformers import AutoTokenizer

    from rag.generation.transformers import _Tokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = template
    return tokenizer.decode(_Tokenizer(tokenizer).chat(messages))


class TestTransformers:
    def test_the_streamed_text_is_that_of_plain_generate(self, folder: Path, tiny: Generator) -> None:
        steps = list(tiny.stream(QUESTION, 40, never))
        assert text(steps) == generated(folder, QUESTION, 40)
        assert len([step for step in steps if isinstance(step, Piece)]) > 5
        assert 0 < usage(steps).written <= 40

    def test_reading_in_small_steps_does_not_change_the_text(
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

    def test_the_cache_is_not_cropped_for_a_prompt_that_continues_the_cached_tokens(
        self, folder: Path, tiny: Generator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from transformers import DynamicCache

        tiny.read(QUESTION, never)
        monkeypatch.setattr(DynamicCache, "crop", Mock(side_effect=RuntimeError("A layer was cut.")))
        steps = list(tiny.stream(QUESTION, 20, never))
        assert usage(steps).read == 1
        assert text(steps) == generated(folder, QUESTION, 20)

    def test_it_computes_with_the_requested_number_of_threads(self, folder: Path) -> None:
        import torch

        from rag.generation.transformers import TransformersGenerator

        engine = TransformersGenerator(folder, threads=1)
        assert list(engine._worker.run(lambda tell, left: tell(torch.get_num_threads()), never)) == [1]
        engine.close()

    def test_a_system_message_is_merged_into_the_users_if_the_template_refuses_system_messages(self, folder: Path) -> None:
        refusal = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
        messages = [{"role": "system", "content": "Be short."}, *QUESTION.chat(), {"role": "assistant", "content": "Because."}]
        merged = f"Be short.\n\n{QUESTION.messages[0]['content']}"
        assert laid_out(folder, refusal + TEMPLATE, messages) == laid_out(
            folder, TEMPLATE, [{"role": "user", "content": merged}, messages[-1]]
        )
        with pytest.raises(TemplateError, match="System role not supported"):
            laid_out(folder, refusal.replace("system", "user") + TEMPLATE, QUESTION.chat())

    def test_reasoning_is_disabled_in_the_template(self, folder: Path) -> None:
        template = "{{ 'no' if enable_thinking is false else 'yes' }}"
        assert laid_out(folder, template, QUESTION.chat()) == "no"

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

    def test_it_stops_within_three_seconds_and_can_be_used_again(self, folder: Path, tiny: Generator) -> None:
        before = threading.active_count()
        assert seconds_to_stop(tiny, QUESTION, is_piece, 1900) < 3
        assert seconds_to_stop(tiny, Prompt(({"role": "user", "content": "river " * 400},)), is_reading) < 3
        assert threading.active_count() == before
        assert text(list(tiny.stream(QUESTION, 20, never))) == generated(folder, QUESTION, 20)

    def test_a_prompt_that_exceeds_the_context_raises_an_error_with_both_sizes(self, tiny: Generator) -> None:
        with pytest.raises(GenerationError, match=r"The prompt has [\d,]+ tokens, but the engine's context is 2,048; shorten"):
            list(tiny.stream(Prompt(({"role": "user", "content": "river " * 3000},)), 4, never))

    def test_a_folder_without_a_config_is_named_in_the_error(self, tmp_path: Path) -> None:
        from rag.generation.transformers import TransformersGenerator

        with pytest.raises(GenerationError) as error:
            TransformersGenerator(str(tmp_path))
        assert str(error.value) == f"{tmp_path} is not a transformers model; use a folder that contains config.json."

    @pytest.mark.parametrize("weights", ["model.safetensors", "pytorch_model.bin"])
    def test_a_folder_with_damaged_weights_is_named_in_the_error(self, folder: Path, tmp_path: Path, weights: str) -> None:
        from rag.generation.transformers import TransformersGenerator

        copied = Path(shutil.copytree(folder, tmp_path / "copy"))
        (copied / "model.safetensors").unlink()
        (copied / weights).write_bytes(b"garbage")
        with pytest.raises(GenerationError) as error:
            TransformersGenerator(str(copied))
        assert str(error.value).startswith(f"transformers could not load {copied}: ")

    def test_a_closed_engine_raises_an_error(self, folder: Path) -> None:
        from rag.generation.transformers import TransformersGenerator

        engine = TransformersGenerator(folder)
        engine.close()
        with pytest.raises(GenerationError, match="The engine is closed"):
            engine.read(QUESTION, never)
