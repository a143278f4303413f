"""Generate with a transformers model inside this process: for CUDA devices, and for models that are not GGUF.

Only safetensors from a local folder are loaded, and no code that comes with them. Importing this module imports torch.
The prompt is read in small steps, between which progress is reported and reading can be stopped. The last prompt is cached:
the next one is read only after their longest common prefix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, cast

import torch
from jinja2 import TemplateError
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache, GenerationConfig, StoppingCriteriaList
from transformers.utils import logging

from rag.errors import Cancelled, GenerationError, PromptTooLongError
from rag.generation import Choice, Prompt, Reading, Step, Stop, Usage
from rag.generation.tokens import TextStream, choice_probabilities, common
from rag.generation.worker import Abandoned, Emit, Worker, one_line
from rag.machine import use_threads


class TransformersGenerator:
    """Run one causal language model.

    model: folder with a config, a tokenizer with a chat template, and safetensors. device: "auto" uses CUDA if it is available,
    else the CPU; otherwise the name of a torch device. threads: CPU threads; 0 means torch's default, one per core. Raises
    GenerationError if the folder cannot be loaded.
    """

    BATCH: ClassVar[dict[str, int]] = {"cpu": 128}
    """Tokens read between two checks of `stop`, by device type; 1024 for others."""

    def __init__(self, model: str | Path, device: str = "auto", threads: int = 0) -> None:
        folder = Path(model)
        if not (folder / "config.json").is_file():
            raise GenerationError(f"{folder} is not a transformers model; use a folder that contains config.json.")
        logging.disable_progress_bar()
        local = {"local_files_only": True, "trust_remote_code": False}
        try:
            self._device = (
                torch.device("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else torch.device(device)
            )
            dtype = torch.float32 if self._device.type == "cpu" else "auto"
            self._tokenizer: Any = AutoTokenizer.from_pretrained(str(folder), **local)
            self._model: Any = AutoModelForCausalLM.from_pretrained(str(folder), use_safetensors=True, dtype=dtype, **local)
            self._model.to(self._device).eval()
        except Exception as error:  # loaders pass on any exception of the file formats' libraries
            raise GenerationError(f"transformers could not load {folder}: {one_line(error)}.") from error
        if not self._tokenizer.chat_template:
            raise GenerationError(f"The tokenizer in {folder} has no chat template; use a model that is tuned for chat.")
        self._spoken = _Tokenizer(self._tokenizer)
        self._model.generation_config = self._greedy()
        self._context = getattr(self._model.config.get_text_config(), "max_position_embeddings", None)
        self._cache: Any = None
        self._cached_tokens: list[int] = []
        self._worker = Worker("transformers")
        list(self._worker.run(lambda emit, abandoned: use_threads(threads), lambda: False))
        self.name = f"transformers {folder.name}"

    def stream(self, prompt: Prompt, max_tokens: int, stop: Stop) -> Iterator[Step]:
        """Yield the progress of reading, the text as it is written, and finally the usage."""

        def write(emit: Emit, abandoned: Abandoned) -> None:
            ids = self._ids(prompt)
            known = self._read(ids[:-1], emit, abandoned)
            stream = TextStream(self._spoken, emit)
            tokens = torch.tensor([ids], device=self._device)
            self._model.generate(
                tokens,
                attention_mask=torch.ones_like(tokens),
                past_key_values=self._cache,
                max_new_tokens=max_tokens if self._context is None else min(max_tokens, self._context - len(ids)),
                streamer=_Streamer(stream),
                stopping_criteria=StoppingCriteriaList(
                    [lambda ids, scores: torch.full((len(ids),), abandoned(), device=ids.device)]
                ),
            )
            emit(Usage(prompt=len(ids), read=len(ids) - known, written=len(stream.written)))

        yield from self._run(write, stop)

    def choose(self, prompt: Prompt, choices: tuple[str, ...], stop: Stop) -> Choice:
        """Return the probability of each choice as the first token; zero for a choice that is not a single token."""

        def weigh(emit: Emit, abandoned: Abandoned) -> None:
            ids = self._ids(prompt)
            known = self._read(ids[:-1], lambda _: None, abandoned)
            last = torch.tensor([ids[-1:]], device=self._device)
            scores = self._model(input_ids=last, past_key_values=self._cache, use_cache=True).logits[0, -1]
            chances = torch.softmax(scores.float(), dim=-1)
            found = choice_probabilities(self._spoken, choices, chances)
            emit(Choice(found, Usage(prompt=len(ids), read=len(ids) - known, written=1)))

        (choice,) = self._run(weigh, stop)
        return cast(Choice, choice)

    def read(self, prompt: Prompt, stop: Stop) -> None:
        """Read a prompt into the cache, where it stays until another is read."""

        def listen(emit: Emit, abandoned: Abandoned) -> None:
            self._read(self._ids(prompt)[:-1], emit, abandoned)

        for _ in self._run(listen, stop):
            pass

    def close(self) -> None:
        """Free the model and the cache, and end the engine's thread."""
        self._model = None
        self._forget()
        self._worker.end()

    def _run(self, job: Callable[[Emit, Abandoned], None], stop: Stop) -> Iterator[Any]:
        """Yield the items of a job; if it fails, clear the cache, since a step may be incomplete."""
        if self._model is None:
            raise GenerationError("The engine is closed; make a new one.")

        def guarded(emit: Emit, abandoned: Abandoned) -> None:
            with torch.inference_mode():
                try:
                    job(emit, abandoned)
                except BaseException:
                    self._forget()  # only some layers may have cached the failed step
                    raise

        yield from self._worker.run(guarded, stop)

    def _ids(self, prompt: Prompt) -> list[int]:
        """Return the prompt's tokens, up to where the answer begins; raise PromptTooLongError if they fill the context."""
        ids = self._spoken.chat(prompt.chat())
        if self._context is not None and len(ids) >= self._context:
            raise PromptTooLongError.of(len(ids), self._context)
        return ids

    def _read(self, ids: list[int], emit: Emit, abandoned: Abandoned) -> int:
        """Read tokens until exactly these are in the cache; return how many of them were cached already."""
        known = self._rewind(ids)
        step = self.BATCH.get(self._device.type, 1024)
        for start in range(known, len(ids), step):
            if abandoned():
                raise Cancelled("The answer was stopped.")
            part = torch.tensor([ids[start : start + step]], device=self._device)
            self._model.base_model(input_ids=part, past_key_values=self._cache, use_cache=True)
            self._cached_tokens = ids[: start + step]
            emit(Reading(len(self._cached_tokens[known:]) / (len(ids) - known)))
        return known

    def _rewind(self, ids: list[int]) -> int:
        """Truncate the cache to the longest common prefix with these tokens; return its length."""
        known = common(self._cached_tokens, ids)
        if self._cache is not None and known != self._cache.get_seq_length():  # in some versions, crop(0) cuts everything
            try:
                self._cache.crop(known - self._cache.get_seq_length())
            except (RuntimeError, ValueError, NotImplementedError):  # sliding-window and recurrent layers cannot be truncated
                known = 0
        if not known:
            self._cache = DynamicCache(config=self._model.config)
        self._cached_tokens = ids[:known]
        return known

    def _forget(self) -> None:
        self._cache, self._cached_tokens = None, []

    def _greedy(self) -> GenerationConfig:
        """Return a configuration for greedy decoding, whatever the folder recommends."""
        ends = self._model.generation_config.eos_token_id
        ends = {*(ends if isinstance(ends, list) else [ends]), self._tokenizer.eos_token_id} - {None}
        padding = self._tokenizer.pad_token_id
        return GenerationConfig(
            do_sample=False,
            eos_token_id=sorted(ends) or None,
            pad_token_id=min(ends, default=None) if padding is None else padding,
        )


class _Tokenizer:
    """Adapt a tokenizer of transformers to the `Tokenizer` protocol."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    def chat(self, messages: Sequence[dict[str, str]]) -> list[int]:
        try:
            return self.tokens(self._laid_out(messages))
        except TemplateError:
            if messages[0]["role"] != "system":
                raise
            system, first, *rest = messages  # some templates refuse a system message: put it into the user's
            merged = {**first, "content": f"{system['content']}\n\n{first['content']}"}
            return self.tokens(self._laid_out([merged, *rest]))

    def _laid_out(self, messages: Sequence[dict[str, str]]) -> str:
        """Return a chat rendered by the model's template, with thinking disabled where the template allows it."""
        return str(
            self._tokenizer.apply_chat_template(
                list(messages), tokenize=False, add_generation_prompt=True, enable_thinking=False
            )
        )

    def tokens(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def text(self, tokens: Sequence[int]) -> str:
        return str(self._tokenizer.decode(list(tokens), skip_special_tokens=True, clean_up_tokenization_spaces=False))


class _Streamer:
    """Pass the tokens of `generate` to a text stream, one at a time; the prompt, which comes first, is dropped."""

    def __init__(self, stream: TextStream) -> None:
        self._stream = stream
        self._prompted = False

    def put(self, tokens: torch.Tensor) -> None:
        if self._prompted:
            self._stream.add(tokens.flatten().tolist())
        self._prompted = True

    def end(self) -> None:
        self._stream.end()
