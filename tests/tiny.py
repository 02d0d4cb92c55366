"""Tiny real models for tests: two layers, a byte tokenizer, a chat template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import PreTrainedConfig, PreTrainedTokenizerFast

Architecture = Literal["llama", "gpt2", "qwen3", "gemma3"]

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def make_tiny_model(
    folder: Path, architecture: Architecture = "llama", *, seed: int = 0, width: int = 32
) -> Path:
    """Write a randomly initialised model and its tokenizer to ``folder``."""
    import torch
    from transformers import AutoModelForCausalLM

    tokenizer = byte_tokenizer()
    torch.manual_seed(seed)
    config = tiny_config(architecture, len(tokenizer), tokenizer.eos_token_id, width)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def byte_tokenizer() -> PreTrainedTokenizerFast:
    """One token per byte and the two ChatML markers; padding is the end-of-sequence token."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {character: index for index, character in enumerate(alphabet)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|im_start|>", "<|im_end|>"])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|im_end|>",
        chat_template=CHAT_TEMPLATE,
    )


def tiny_config(
    architecture: Architecture, vocabulary: int, eos: int, width: int = 32
) -> PreTrainedConfig:
    """A two-layer config of that architecture."""
    from transformers import Gemma3TextConfig, GPT2Config, LlamaConfig, Qwen3Config

    special: dict[str, Any] = {"eos_token_id": eos, "pad_token_id": eos, "bos_token_id": eos}
    if architecture == "gpt2":
        return GPT2Config(
            vocab_size=vocabulary, n_embd=width, n_layer=2, n_head=4, n_positions=512, **special
        )
    shape: dict[str, Any] = {
        "vocab_size": vocabulary,
        "hidden_size": width,
        "intermediate_size": 2 * width,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": width // 4,
        "max_position_embeddings": 512,
        **special,
    }
    match architecture:
        case "llama":
            return LlamaConfig(**shape, tie_word_embeddings=True)
        case "qwen3":
            return Qwen3Config(**shape, tie_word_embeddings=False)
        case "gemma3":
            return Gemma3TextConfig(**shape)
