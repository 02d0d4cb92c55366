"""A tiny Llama as llama.cpp would write it, and the weights it was written from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.tiny import CHAT_TEMPLATE, byte_tokenizer, tiny_config

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from torch import Tensor

_NAMES = {
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
_HEADS = {"q_proj": 4, "k_proj": 2}


def write_tiny_gguf(file: Path) -> dict[str, Tensor]:
    """Write a random Llama with a byte vocabulary, one merge and ChatML; return its weights."""
    import torch
    from gguf import GGUFWriter, TokenType
    from transformers import LlamaForCausalLM

    vocabulary = byte_tokenizer().get_vocab()
    tokens = [*sorted(vocabulary, key=lambda token: vocabulary[token]), "he", "12"]
    config: Any = tiny_config("llama", len(tokens), vocabulary["<|im_end|>"])
    torch.manual_seed(0)
    weights = dict(LlamaForCausalLM(config).model.state_dict())

    writer = GGUFWriter(file, "llama")
    writer.add_name("tiny")
    writer.add_license("mit")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_freq_base(10000.0)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types(
        [TokenType.CONTROL if token.startswith("<|") else TokenType.NORMAL for token in tokens]
    )
    writer.add_token_merges(["h e", "1 2"])
    writer.add_bos_token_id(vocabulary["<|im_start|>"])
    writer.add_eos_token_id(vocabulary["<|im_end|>"])
    writer.add_pad_token_id(vocabulary["<|im_end|>"])
    writer.add_chat_template(CHAT_TEMPLATE)
    for name, tensor in weights.items():
        writer.add_tensor(_gguf_name(name), _as_llama_cpp(name, tensor))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return {f"model.{name}": tensor for name, tensor in weights.items()}


def _gguf_name(name: str) -> str:
    if name == "embed_tokens.weight":
        return "token_embd.weight"
    if name == "norm.weight":
        return "output_norm.weight"
    _, layer, rest = name.split(".", 2)
    return f"blk.{layer}.{_NAMES[rest.removesuffix('.weight')]}.weight"


def _as_llama_cpp(name: str, tensor: Tensor) -> np.ndarray:
    """Interleave the rotary halves of queries and keys, as llama.cpp keeps them."""
    array = tensor.numpy()
    heads = next((count for part, count in _HEADS.items() if part in name), None)
    if heads is None:
        return array
    rows, columns = array.shape
    halves = array.reshape(heads, 2, rows // heads // 2, columns)
    return halves.swapaxes(1, 2).reshape(rows, columns).copy()
