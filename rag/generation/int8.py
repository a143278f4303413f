"""Generate with 8-bit integers inside this process: the default where the processor multiplies them fast.

The engine loads the same GGUF file as llama.cpp, and reads prompts three times as fast on processors with AVX-512 VNNI or
similar instructions. Prompts are cached in blocks, and a later prompt is read only from where it differs. Importing this module
imports torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from llguidance import LLMatcher, LLTokenizer, TokenizerWrapper, grammar_from

from rag.embedding import Vectors
from rag.errors import Cancelled, GenerationError, PromptTooLongError
from rag.generation import Choice, Prompt, Reading, Step, Stop, Trace, Usage
from rag.generation.gguf import GGUF
from rag.generation.prefix_cache import PrefixCache
from rag.generation.qwen2 import Qwen2
from rag.generation.tokens import TextStream, choice_probabilities, common, ends
from rag.generation.vocabulary import Vocabulary
from rag.generation.worker import Abandoned, Emit, Worker, one_line
from rag.machine import free_large_blocks_at_once, trim_heap, use_threads


class Int8Generator:
    """Run one Qwen2 model.

    model: verified GGUF file. context: its context window, in tokens. threads: 0 means one per core. cache_mib: MiB of memory
    for cached prompts. Raises GenerationError if the file cannot be loaded.
    """

    BATCH = 128
    """Tokens read between two checks of `stop`; also the step of the progress bar."""

    SPECULATION = 3, 5
    """Number of last tokens that are searched for in the text before them, and maximum number of tokens after that occurrence
    that are verified in one step (prompt lookup decoding): a draft copies much of its evidence, and six tokens take little
    longer than one."""

    def __init__(self, model: Path, context: int, threads: int = 0, cache_mib: int = 256) -> None:
        self._cached_tokens: list[int] = []
        self._prefix_cache = PrefixCache(cache_mib << 20)
        self._worker = Worker("int8")
        self.name = f"int8 {model.stem}"

        def load(emit: Emit, abandoned: Abandoned) -> None:
            use_threads(threads)
            free_large_blocks_at_once()
            file = GGUF(model)
            try:
                emit(Vocabulary(file.metadata))
                with torch.inference_mode():
                    network = Qwen2(file, context)
            except (KeyError, RuntimeError) as error:
                raise GenerationError(f"{model} cannot be run ({one_line(error)}); use engine='llama_cpp'.") from error
            file.metadata.clear()  # it duplicates the vocabulary
            trim_heap()  # 250 MiB of free memory between the matrices
            self._worker.between(_packed(network))
            emit(network)

        self._vocabulary: Vocabulary
        self._network: Qwen2 | None
        try:
            self._vocabulary, self._network = self._worker.run(load, lambda: False)
        except GenerationError:
            self._worker.end()
            raise

    def stream(self, prompt: Prompt, max_tokens: int, stop: Stop) -> Iterator[Step]:
        """Yield the progress of reading, the text as it is written, and finally the usage."""

        def write(network: Qwen2, emit: Emit, abandoned: Abandoned) -> None:
            tokens = self._tokens(prompt, network)
            known = self._read(network, tokens[:-1], emit, abandoned)
            stream = TextStream(self._vocabulary, emit)
            pick = _Guide(self._grammars, prompt.grammar).pick if prompt.grammar else _likeliest
            traced: list[torch.Tensor] = []
            for written, states in self._write(network, tokens, pick, abandoned):
                traced.append(states)
                stream.add(written[: max_tokens - len(stream.written)])
                if len(stream.written) == max_tokens:
                    break
            stream.end()
            state = self._state_at_end(network) if len(stream.written) < max_tokens else None
            trace = self._trace(stream.written, traced)
            emit(Usage(len(tokens), len(tokens) - known, len(stream.written), state, trace))

        yield from self._run(write, stop)

    def choose(self, prompt: Prompt, choices: tuple[str, ...], stop: Stop) -> Choice:
        """Return the probability of each choice as the first token; zero for a choice that is not a single token."""

        def weigh(network: Qwen2, emit: Emit, abandoned: Abandoned) -> None:
            tokens = self._tokens(prompt, network)
            known = self._read(network, tokens[:-1], lambda _: None, abandoned)
            chances = torch.softmax(network.logits(network.read(tokens[-1:]))[0], -1)
            self._cached_tokens = tokens
            found = choice_probabilities(self._vocabulary, choices, chances)
            emit(Choice(found, Usage(len(tokens), len(tokens) - known, 1, network.state.numpy())))

        (choice,) = self._run(weigh, stop)
        return cast(Choice, choice)

    def read(self, prompt: Prompt, stop: Stop) -> None:
        """Read a prompt into the cache; prepare for its grammar if it has one."""

        def listen(network: Qwen2, emit: Emit, abandoned: Abandoned) -> None:
            if prompt.grammar:
                _ = self._grammars
            self._read(network, self._tokens(prompt, network)[:-1], emit, abandoned)

        for _ in self._run(listen, stop):
            pass

    def close(self) -> None:
        """Free the network and the cache, and end the engine's thread."""
        self._network = None
        self._prefix_cache.forget()
        self._worker.end()

    @cached_property
    def _grammars(self) -> Any:
        """Return the tokenizer in llguidance's form; built only for the first grammar, since it takes a while."""
        return LLTokenizer(TokenizerWrapper(_Spelled(self._vocabulary)), eos_token=sorted(self._vocabulary.ends))

    def _run(self, job: Callable[[Qwen2, Emit, Abandoned], None], stop: Stop) -> Iterator[Any]:
        """Yield the items of a job; if it fails, discard the tokens read so far, since a step may be incomplete."""
        network = self._network
        if network is None:
            raise GenerationError("The engine is closed; make a new one.")

        def guarded(emit: Emit, abandoned: Abandoned) -> None:
            with torch.inference_mode():
                try:
                    job(network, emit, abandoned)
                except Cancelled:
                    raise  # raised between two steps: the cache is consistent
                except BaseException:
                    self._cached_tokens = []
                    raise

        yield from self._worker.run(guarded, stop)

    def _tokens(self, prompt: Prompt, network: Qwen2) -> list[int]:
        tokens = self._vocabulary.chat(prompt.chat())
        if len(tokens) >= network.context:
            raise PromptTooLongError.of(len(tokens), network.context)
        return tokens

    def _read(self, network: Qwen2, tokens: list[int], emit: Emit, abandoned: Abandoned) -> int:
        """Read tokens until exactly these are in the network's cache; return how many of them were cached already."""
        known = common(self._cached_tokens, tokens)
        for block in self._prefix_cache.after(tokens, known):
            network.keys_values[..., block.first : block.last, :] = block.keys_values
            known = block.last
        network.length, self._cached_tokens = known, tokens[:known]
        for first in range(known, len(tokens), self.BATCH):
            if abandoned():
                raise Cancelled("The answer was stopped.")
            network.read(tokens[first : first + self.BATCH])
            self._cached_tokens = tokens[: first + self.BATCH]
            emit(Reading((len(self._cached_tokens) - known) / (len(tokens) - known)))
        self._prefix_cache.keep(tokens, network.keys_values)
        return known

    def _state_at_end(self, network: Qwen2) -> Vectors | None:
        """Return the state at an end-of-text token after the cached tokens; None if the context is full.

        The end-of-text token is not kept in the cache.
        """
        if network.length == network.context:
            return None
        network.read([self._vocabulary.end])
        network.length -= 1
        return cast(Vectors, network.state.numpy())

    def _trace(self, written: list[int], traced: list[torch.Tensor]) -> Trace | None:
        """Return the states of the generated tokens; traced: the states of the token before them, then of their own."""
        if not traced:
            return None
        states = torch.cat(traced)[1 : len(written) + 1].numpy()
        return Trace(ends(self._vocabulary, written[: len(states)]), states)

    def _write(
        self, network: Qwen2, prompt: list[int], pick: Callable[[torch.Tensor], int], abandoned: Abandoned
    ) -> Iterator[tuple[list[int], torch.Tensor]]:
        """Yield batches of the likeliest tokens after a prompt until the text ends; all but the last token are in the cache.

        With each batch come the states of the tokens read to find it, (tokens, hidden): those of the token before the batch and
        of all tokens in it but the last. The end token, last in its batch, is not yielded.
        """
        text = list(prompt)
        while network.length < network.context and not abandoned():
            guess = _repeated(text, *self.SPECULATION) if network.packed else []
            guess = guess[: network.context - network.length - 1]
            start = network.length
            logits = network.logits(network.read([text[-1], *guess]))
            written: list[int] = []
            for row, expected in zip(logits, [*guess, None], strict=True):
                written.append(pick(row))
                if written[-1] != expected or written[-1] in self._vocabulary.ends:
                    break
            network.length = start + len(written)
            self._cached_tokens = [*text, *written[:-1]]
            text += written
            states = network.traced[: len(written)]
            if written[-1] in self._vocabulary.ends:
                yield written[:-1], states
                return
            yield written, states
        if abandoned():
            raise Cancelled("The answer was stopped.")


def _packed(network: Qwen2) -> Iterator[None]:
    """Pack the matrices of a network step by step, then return free memory to the system."""
    yield from network.pack()
    trim_heap()


class _Spelled:
    """Adapt a vocabulary to the interface that llguidance expects of a tokenizer."""

    bos_token_id = None

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self.eos_token_id = vocabulary.end
        self.special_token_ids = vocabulary.controls
        self.tokens = vocabulary.spelled()

    def __call__(self, text: str | bytes) -> list[int]:
        """Return the tokens of a text."""
        return self._vocabulary.tokens(text.decode() if isinstance(text, bytes) else text)


class _Guide:
    """Constrain a text to a grammar while it is generated.

    grammars: the tokenizer in llguidance's form. grammar: in llama.cpp's GBNF.
    """

    def __init__(self, grammars: Any, grammar: str) -> None:
        self._matcher = LLMatcher(grammars, grammar_from("gbnf", grammar))

    def pick(self, logits: torch.Tensor) -> int:
        """Return the likeliest token that the grammar allows next."""
        token = _likeliest(logits)
        if not self._matcher.validate_tokens([token]):
            bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
            allowed = torch.from_numpy(np.unpackbits(bits, bitorder="little")[: len(logits)]).bool()
            token = _likeliest(logits.masked_fill(~allowed, -torch.inf))
        self._matcher.consume_token(token)
        if self._matcher.is_error():
            raise GenerationError(f"The grammar cannot be enforced: {self._matcher.get_error()}")
        return token


def _likeliest(logits: torch.Tensor) -> int:
    return int(logits.argmax())


def _repeated(text: Sequence[int], longest: int, most: int) -> list[int]:
    """Return at most `most` tokens that followed the latest earlier occurrence of the text's last tokens, [] if there is none.

    longest: number of last tokens to search for; if they do not occur earlier, fewer are searched for.
    """
    for size in range(longest, 0, -1):
        end = text[-size:]
        for place in range(len(text) - size - 1, -1, -1):
            if text[place : place + size] == end:
                return list(text[place + size : place + size + most])
    return []
