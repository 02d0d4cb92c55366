"""Byte tokenizers with the chat templates and special tokens of well-known families."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.tiny import byte_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

CHATML = byte_tokenizer().chat_template

LLAMA_2 = (
    "{% if messages[0]['role'] == 'system' %}"
    "{% set system = '<<SYS>>\n' + messages[0]['content'] + '\n<</SYS>>\n\n' %}"
    "{% set messages = messages[1:] %}{% else %}{% set system = '' %}{% endif %}"
    "{% for message in messages %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate') }}{% endif %}"
    "{% if message['role'] == 'user' %}"
    "{{ bos_token + '[INST] ' + (system if loop.first else '') + message['content'] + ' [/INST]' }}"
    "{% else %}{{ ' ' + message['content'] + ' ' + eos_token }}{% endif %}"
    "{% endfor %}"
)

GEMMA = (
    "{{ bos_token }}"
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    "{% for message in messages %}"
    "<start_of_turn>{{ 'model' if message['role'] == 'assistant' else message['role'] }}\n"
    "{{ message['content'] | trim }}<end_of_turn>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)

PHI_3 = (
    "{% for message in messages %}<|{{ message['role'] }}|>\n{{ message['content'] }}<|end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% else %}{{ eos_token }}{% endif %}"
)

LAST_EXCHANGE_ONLY = (
    "{% for message in messages[-2:] if not add_generation_prompt %}"
    "<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>user\n{{ messages[-1]['content'] }}<|im_end|>\n"
    "<|im_start|>assistant\n{% endif %}"
)

REASONING_OF_LAST_TURN_ONLY = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['role'] == 'assistant' and not loop.last %}"
    "{{ message['content'].split('</think>')[-1].strip() }}"
    "{% else %}{{ message['content'] }}{% endif %}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

THINKS_IF_TOLD = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['role'] == 'assistant' and '</think>' in message['content'] %}"
    "{% set parts = message['content'].split('</think>') %}"
    "{% if loop.last %}{{ '<think>\n' + parts[0].split('<think>')[-1].strip() }}"
    "{{ '\n</think>\n\n' }}{% endif %}{{ parts[-1].strip() }}"
    "{% elif message['role'] == 'assistant' and loop.last %}"
    "{{ '<think>\n\n</think>\n\n' + message['content'] }}"
    "{% else %}{{ message['content'] }}{% endif %}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and enable_thinking is false %}"
    "{{ '<think>\n\n</think>\n\n' }}{% endif %}{% endif %}"
)
"""As Qwen3: the thought of the last answer stays, an empty one if it has none."""

ALWAYS_THINKS = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'user' %}{{ '<|User|>' + message['content'] }}"
    "{% elif message['role'] == 'assistant' %}"
    "{{ '<|Assistant|>' + message['content'].split('</think>')[-1] + eos_token }}"
    "{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|Assistant|><think>\n' }}{% endif %}"
)
"""As DeepSeek-R1: a thought is opened for the next answer, and earlier ones are dropped."""

MARKED = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['role'] == 'assistant' %}"
    "{% generation %}{{ message['content'] }}{% endgeneration %}<|im_end|>\n"
    "{% else %}{{ message['content'] }}<|im_end|>\n{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

MARKED_WITH_END = MARKED.replace(
    "{% endgeneration %}<|im_end|>\n",
    "<|im_end|>{% endgeneration %}{{ '\n' }}",
)

PARTS_ONLY = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% for part in message['content'] %}{{ part.text }}{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

NO_END = (
    "{% for message in messages %}[{{ message['role'] }}] {{ message['content'] }}\n\n{% endfor %}"
    "{% if add_generation_prompt %}[assistant] {% endif %}"
)


def tokenizer_with(
    template: str | None,
    *,
    eos: str = "<|im_end|>",
    bos: str | None = None,
    special: tuple[str, ...] = (),
    begins_texts: bool = False,
) -> PreTrainedTokenizerBase:
    """A byte tokenizer of another family; with ``begins_texts`` it adds BOS itself, as Llama's."""
    tokenizer = byte_tokenizer()
    tokens: dict[str, Any] = {"eos_token": eos, "pad_token": eos}
    tokens["additional_special_tokens"] = [*special]
    tokenizer.add_special_tokens(tokens | ({"bos_token": bos} if bos else {}))
    if begins_texts:
        from tokenizers.processors import TemplateProcessing

        tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
            single=f"{bos} $A", special_tokens=[(bos, tokenizer.bos_token_id)]
        )
    tokenizer.chat_template = template
    return tokenizer
