"""Generate with a transformers model inside this process: for CUDA devices, and for models that are not GGUF.

Only safetensors from a local folder are loaded, and no code that comes with them. Importing this module imports torch.
The prompt is read in small steps, so that reading shows its progress and can be stopped, and what was read is kept: the
next prompt that begins alike starts after the longest common beginning.
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
from rag.generation.listening import Left, Tell, Worker, one_line
from rag.generation.tokens import Voice, common, weighed
from rag.machine import use_threads


class TransformersGenerator:
    """Run one causal language model.

    model: folder with a config, a tokenizer with a chat template, and safetensors. device: "auto" takes CUDA where it
    is available; else any name that torch knows. threads: of a CPU; 0 means one a core. Raises GenerationError where the folder
    cannot be loaded.
    """

    BATCH: ClassVar[dict[str, int]] = {"cpu": 128}
    """Tokens read between two looks at whether to stop, by kind of device."""

    def __init__(self, model: str | Path, device: str = "auto", threads: int = 0) -> None:
        folder = Path(model)
        if not (folder / "config.json").is_file():
            raise GenerationError(f"{folder} is not a transformers model; use a folder that holds config.json.")
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
        except Exception as error:  # loaders raise whatever the file formats' libraries raise
            raise GenerationError(f"transformers could not load {folder}: {one_line(error)}.") from error
        if not self._tokenizer.chat_template:
            raise GenerationError(f"The tokenizer in {folder} has no chat template; use a model that was tuned for chats.")
        self._spoken = _Tokenizer(self._tokenizer)
        self._model.generation_config = self._greedy()
        self._context = getattr(self._model.config.get_text_config(), "max_position_embeddings", None)
        self._cache: Any = None
        self._held: list[int] = []
        self._worker = Worker("transformers")
        list(self._worker.run(lambda tell, left: use_threads(threads), lambda: False))
        self.name = f"transformers {folder.name}"

    def stream(self, prompt: Prompt, max_tokens: int, stop: Stop) -> Iterator[Step]:
        """Yield the reading's progress, the text as it is written, and last the usage."""

        def write(tell: Tell, left: Left) -> None:
            ids = self._ids(prompt)
            known = self._read(ids[:-1], tell, left)
            voice = Voice(self._spoken, tell)
            tokens = torch.tensor([ids], device=self._device)
            self._model.generate(
                tokens,
                attention_mask=torch.ones_like(tokens),
                past_key_values=self._cache,
                max_new_tokens=max_tokens if self._context is None else min(max_tokens, self._context - len(ids)),
                streamer=_Streamer(voice),
                stopping_criteria=StoppingCriteriaList(
                    [lambda ids, scores: torch.full((len(ids),), left(), device=ids.device)]
                ),
            )
            tell(Usage(prompt=len(ids), read=len(ids) - known, written=len(voice.written)))

        yield from self._run(write, stop)

    def choose(self, prompt: Prompt, choices: tuple[str, ...], stop: Stop) -> Choice:
        """Return the probability of each choice as the first token; zero for one that is not a single token."""

        def weigh(tell: Tell, left: Left) -> None:
            ids = self._ids(prompt)
            known = self._read(ids[:-1], lambda _: None, left)
            last = torch.tensor([ids[-1:]], device=self._device)
            scores = self._model(input_ids=last, past_key_values=self._cache, use_cache=True).logits[0, -1]
            chances = torch.softmax(scores.float(), dim=-1)
            tell(Choice(weighed(self._spoken, choices, chances), Usage(prompt=len(ids), read=len(ids) - known, written=1)))

        (choice,) = self._run(weigh, stop)
        return cast(Choice, choice)

    def read(self, prompt: Prompt, stop: Stop) -> None:
        """Read a prompt and keep it until another is read."""

        def listen(tell: Tell, left: Left) -> None:
            self._read(self._ids(prompt)[:-1], tell, left)

        for _ in self._run(listen, stop):
            pass

    def close(self) -> None:
        """Let go of the model and of what was read."""
        self._model = None
        self._forget()
        self._worker.end()

    def _run(self, job: Callable[[Tell, Left], None], stop: Stop) -> Iterator[Any]:
        """Yield what a job tells; whatever it fails at, no half of a step is kept."""
        if self._model is None:
            raise GenerationError("The engine is closed; make a new one.")

        def guarded(tell: Tell, left: Left) -> None:
            with torch.inference_mode():
                try:
                    job(tell, left)
                except BaseException:
                    self._forget()  # a step that failed may have been kept by some layers only
                    raise

        yield from self._worker.run(guarded, stop)

    def _ids(self, prompt: Prompt) -> list[int]:
        """Return the prompt's tokens, ending where the engine goes on."""
        ids = self._spoken.chat(prompt.chat())
        if self._context is not None and len(ids) >= self._context:
            raise PromptTooLongError.of(len(ids), self._context)
        return ids

    def _read(self, ids: list[int], tell: Tell, left: Left) -> int:
        """Make the cache hold these tokens and no others; return how many of them it held already."""
        known = self._rewind(ids)
        step = self.BATCH.get(self._device.type, 1024)
        for start in range(known, len(ids), step):
            if left():
                raise Cancelled("The answer was stopped.")
            part = torch.tensor([ids[start : start + step]], device=self._device)
            self._model.base_model(input_ids=part, past_key_values=self._cache, use_cache=True)
            self._held = ids[: start + step]
            tell(Reading(len(self._held[known:]) / (len(ids) - known)))
        return known

    def _rewind(self, ids: list[int]) -> int:
        """Cut the cache back to what it has in common with these tokens; return how many those are."""
        known = common(self._held, ids)
        if self._cache is not None and known != self._cache.get_seq_length():  # some versions take 0 for all that is to be cut
            try:
                self._cache.crop(known - self._cache.get_seq_length())
            except (RuntimeError, ValueError, NotImplementedError):  # sliding and recurrent layers cannot go back
                known = 0
        if not known:
            self._cache = DynamicCache(config=self._model.config)
        self._held = ids[:known]
        return known

    def _forget(self) -> None:
        self._cache, self._held = None, []

    def _greedy(self) -> GenerationConfig:
        """Return a configuration that only picks the likeliest token, whatever the folder recommends."""
        ends = self._model.generation_config.eos_token_id
        ends = {*(ends if isinstance(ends, list) else [ends]), self._tokenizer.eos_token_id} - {None}
        padding = self._tokenizer.pad_token_id
        return GenerationConfig(
            do_sample=False,
            eos_token_id=sorted(ends) or None,
            pad_token_id=min(ends, default=None) if padding is None else padding,
        )


class _Tokenizer:
    """Give one of transformers' tokenizers the form that this project's engines share."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    def chat(self, messages: Sequence[dict[str, str]]) -> list[int]:
        try:
            return self.tokens(self._laid_out(messages))
        except TemplateError:
            if messages[0]["role"] != "system":
                raise
            system, first, *rest = messages  # some templates refuse a system's words, whose place is then before the reader's
            told = {**first, "content": f"{system['content']}\n\n{first['content']}"}
            return self.tokens(self._laid_out([told, *rest]))

    def _laid_out(self, messages: Sequence[dict[str, str]]) -> str:
        """Return a chat as the model's template writes it, told not to think where it can be."""
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
    """Give a voice what `generate` makes: first the prompt, which is not said, then one token at a time."""

    def __init__(self, voice: Voice) -> None:
        self._voice = voice
        self._prompted = False

    def put(self, tokens: torch.Tensor) -> None:
        if self._prompted:
            self._voice.say(tokens.flatten().tolist())
        self._prompted = True

    def end(self) -> None:
        self._voice.end()
