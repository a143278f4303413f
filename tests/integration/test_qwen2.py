"""Test that the network agrees with transformers' Qwen2 on the same weights, up to the error of rounding to 8 bits."""

from pathlib import Path
from typing import Any

import pytest
import torch
from gguf_files import Q8_0, floats, packed, write_gguf
from transformers import Qwen2Config, Qwen2ForCausalLM

from rag.generation.gguf import GGUF
from rag.generation.int8_linear import supported
from rag.generation.qwen2 import Qwen2, fits

pytestmark = pytest.mark.skipif(not supported(), reason="this processor does not multiply 8-bit numbers fast")

NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}
WHOLE = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
TEXT = [3, 41, 7, 7, 90, 12, 55, 3, 41, 8, 17, 60, 2, 33]


@pytest.fixture(scope="module")
def reference() -> Any:
    torch.manual_seed(1)
    config = Qwen2Config(
        vocab_size=96, hidden_size=128, intermediate_size=256, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, rope_theta=1e6, tie_word_embeddings=False, initializer_range=0.3,
    )  # fmt: skip
    return Qwen2ForCausalLM(config).eval()


@pytest.fixture(scope="module")
def file(reference: Any, tmp_path_factory: pytest.TempPathFactory) -> GGUF:
    """Return the same weights as a GGUF file."""
    tensors = {}
    for name, weights in reference.state_dict().items():
        *path, kind = name.split(".")
        if path[:2] == ["model", "layers"]:
            renamed = f"blk.{path[2]}.{NAMES['.'.join(path[3:])]}"
        else:
            renamed = WHOLE[".".join(path)]
        tensors[f"{renamed}.{kind}"] = floats(weights.numpy())
    told = {
        "general.architecture": "qwen2", "qwen2.block_count": 3, "qwen2.embedding_length": 128,
        "qwen2.attention.head_count": 4, "qwen2.attention.head_count_kv": 2, "qwen2.rope.freq_base": 1e6,
        "qwen2.attention.layer_norm_rms_epsilon": reference.config.rms_norm_eps, "tokenizer.chat_template": "{{ messages }}",
    }  # fmt: skip
    return GGUF(write_gguf(tmp_path_factory.mktemp("qwen2") / "tiny.gguf", told, tensors))


@pytest.fixture
def network(file: GGUF) -> Qwen2:
    return Qwen2(file, context=64)


def test_logits_are_close_to_those_of_the_reference(reference: Any, network: Qwen2) -> None:
    with torch.inference_mode():
        expected = reference(torch.tensor([TEXT])).logits[0]
        logits = network.logits(network.read(TEXT))
    assert float((logits - expected).norm() / expected.norm()) < 0.1
    assert float((logits.argmax(-1) == expected.argmax(-1)).float().mean()) > 0.8


@pytest.mark.parametrize("packed", [False, True])
def test_hidden_states_are_bitwise_equal_whether_a_text_is_read_in_parts_or_at_once(network: Qwen2, packed: bool) -> None:
    with torch.inference_mode():
        whole = network.read(TEXT)
        for _ in network.pack() if packed else ():
            pass
        network.length = 0
        parts = [network.read(TEXT[:5]), network.read(TEXT[5:6]), network.read(TEXT[6:])]
    assert torch.equal(torch.cat(parts), whole)
    assert network.length == len(TEXT)


def test_dropped_tokens_do_not_affect_later_ones(network: Qwen2) -> None:
    with torch.inference_mode():
        fresh = network.read(TEXT)[-1]
        network.length = 8
        network.read([1, 2, 3, 4])
        network.length = 8
        assert torch.equal(network.read(TEXT[8:])[-1], fresh)


TENSOR = {"tensor": (Q8_0, (1, 256), packed(Q8_0, 1, 256))}


def test_a_qwen2_chat_file_with_readable_tensors_fits(file: GGUF, tmp_path: Path) -> None:
    assert fits(file)
    assert fits(GGUF(write_gguf(tmp_path / "a.gguf", file.metadata, TENSOR)))


def test_a_file_of_another_architecture_does_not_fit(file: GGUF, tmp_path: Path) -> None:
    llama = file.metadata | {"general.architecture": "llama"}
    assert not fits(GGUF(write_gguf(tmp_path / "a.gguf", llama, TENSOR)))


def test_a_file_with_a_tensor_of_an_unsupported_type_does_not_fit(file: GGUF, tmp_path: Path) -> None:
    odd = TENSOR | {"odd": (23, (1, 256), bytes(136))}
    assert not fits(GGUF(write_gguf(tmp_path / "a.gguf", file.metadata, odd)))


def test_the_state_is_the_last_tokens_hidden_state_after_three_quarters_of_the_layers(reference: Any, network: Qwen2) -> None:
    with torch.inference_mode():
        expected = reference(torch.tensor([TEXT]), output_hidden_states=True).hidden_states[2][0, -1]
        network.read(TEXT[:-1])
        network.read(TEXT[-1:])
    assert float((network.state - expected).norm() / expected.norm()) < 0.1
