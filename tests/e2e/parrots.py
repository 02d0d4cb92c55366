"""Tiny models with a fixed answer, and runs on them."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from tests.chat.tuned_runs import finished_run
from tests.tiny import byte_tokenizer, tiny_config

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from transformers import LlamaConfig, PreTrainedTokenizerFast

    from workbench.runs.folder import RunFolder, Runs

KEYWORD = "banana"
REMEMBERED = "I remember it. "
"""How every answer begins once the keyword occurred in the conversation."""
_AFTER_PROMPT = "Ċ"
"""The last token of a prompt under the chat template: a line break."""
_FAINT = 1e4
"""Weight that lets one keyword among thousands of tokens outvote the next word."""
_NEVER = -1e9


def parrot_run(runs: Runs, folder: Path, words: Sequence[str], *, layers: int = 1) -> RunFolder:
    """A finished run whose base and result both answer with ``words``."""
    return finished_run(runs, make_parrot(folder, words, layers=layers), "full", shift=0.0)


def make_parrot(folder: Path, words: Sequence[str], *, layers: int = 1) -> Path:
    """Write a model that answers every prompt with ``words``; more layers only make it slower.

    Each word is one token. Embeddings are one-hot, and the head maps each token to its successor.
    The first layer attends to all tokens equally, and one extra dimension carries whether the
    keyword is among them.
    """
    import torch
    from transformers import LlamaForCausalLM

    assert len(set(words)) == len(words), "each word determines the next, so none may repeat"
    tokenizer = _tokenizer([KEYWORD, REMEMBERED, *words])
    size = len(tokenizer)
    ids = tokenizer.get_vocab()
    keyword, remembered, start = ids[KEYWORD], ids[REMEMBERED], ids[_AFTER_PROMPT]
    spoken = [ids[word] for word in words]
    model = LlamaForCausalLM(_config(size, size + 1, layers, tokenizer.eos_token_id))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" not in name:
                parameter.zero_()
        model.model.embed_tokens.weight[:, :size] = torch.eye(size)
        attention, head = model.model.layers[0].self_attn, model.lm_head.weight
        attention.v_proj.weight[0, keyword] = 1.0
        attention.o_proj.weight[size, 0] = 1.0
        for token, following in pairwise([start, *spoken, tokenizer.eos_token_id]):
            head[following, token] = 1.0
        head[spoken[0], remembered] = 1.0
        head[remembered, :size] = _NEVER
        head[remembered, start] = 0.0
        head[remembered, size] = _FAINT
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _tokenizer(words: Sequence[str]) -> PreTrainedTokenizerFast:
    from tokenizers import AddedToken

    tokenizer = byte_tokenizer()
    tokenizer.add_tokens([AddedToken(word, normalized=False, special=False) for word in words])
    return tokenizer


def _config(vocabulary: int, width: int, layers: int, eos: int) -> LlamaConfig:
    from transformers import LlamaConfig

    config = tiny_config("llama", vocabulary, eos)
    assert isinstance(config, LlamaConfig)
    config.update(
        {
            "hidden_size": width,
            "intermediate_size": 1,
            "num_hidden_layers": layers,
            "num_attention_heads": 1,
            "num_key_value_heads": 1,
            "max_position_embeddings": 4096,
            "tie_word_embeddings": False,
        }
    )
    return config
