"""What is known of the chat templates in the ``trl`` package, written down by hand."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tests.data.tokenizers import tokenizer_with

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class Family:
    """How the templates of a family write answers.

    Attributes:
        headers: What comes before an answer; the last of them before it counts.
        ends: What ends an answer; the first of them after it counts.
        call_ends: What ends an answer that calls tools.
        last_call_ends: The same for an answer that nothing follows, where that differs.
        eos: The tokenizer's end-of-sequence token.
        special: Its other special tokens.
        thoughts: They go to the template in a field, or stay in the text, or are put before the
            last answer because the template drops them.
        opens_thought: The prompt begins a thought.
        gap: White space after an empty thought.
        parts: Contents are lists of parts.
        null_content: The content of an answer that only calls tools has to be null.
        no_system: System prompts are refused, and put into the first question.
        json_results: Results of tools are written as JSON.
        json_arguments: Arguments of calls have to be JSON text.
        late_words: What is said beside a call comes after its result, so that the beginning of the
            next answer may not be certain.
        repeats_header: After the result of a tool the template writes the header, the prompt not.
        unended: With these words at its end, the last answer has no end of its own.
    """

    headers: tuple[str, ...]
    ends: tuple[str, ...]
    call_ends: tuple[str, ...] = ()
    last_call_ends: tuple[str, ...] = ()
    eos: str = "<|im_end|>"
    special: tuple[str, ...] = ()
    thoughts: Literal["field", "text", "put"] = "text"
    opens_thought: bool = False
    gap: str = ""
    parts: bool = False
    null_content: bool = False
    no_system: bool = False
    json_results: bool = False
    json_arguments: bool = False
    late_words: bool = False
    repeats_header: bool = False
    unended: str = ""


_CHATML: dict[str, Any] = {"headers": ("<|im_start|>assistant\n",), "ends": ("<|im_end|>",)}
_DEEPSEEK_EOS = "<\uff5cend\u2581of\u2581sentence\uff5c>"
_DEEPSEEK: dict[str, Any] = {
    "headers": ("<\uff5cAssistant\uff5c>", "<\uff5ctool\u2581outputs\u2581end\uff5c>"),
    "ends": (_DEEPSEEK_EOS,),
    "eos": _DEEPSEEK_EOS,
    "special": ("<\uff5cUser\uff5c>", "<\uff5cAssistant\uff5c>"),
    "opens_thought": True,
    "gap": "\n\n",
}
_R1_CALLS: dict[str, Any] = {
    "call_ends": (
        "<\uff5ctool\u2581call\u2581end\uff5c><\uff5ctool\u2581calls\u2581end\uff5c><\uff5cend\u2581of\u2581sentence\uff5c>",
        "<\uff5ctool\u2581call\u2581end\uff5c>",
    ),
    "json_arguments": True,
    "null_content": True,
    "unended": "<\uff5ctool\u2581call\u2581end\uff5c>",
}
_GEMMA: dict[str, Any] = {
    "headers": ("<start_of_turn>model\n",),
    "ends": ("<end_of_turn>",),
    "eos": "<eos>",
    "special": ("<start_of_turn>", "<end_of_turn>"),
}
_GEMMA_4: dict[str, Any] = {
    "headers": ("<|turn>model\n", "<tool_response|>"),
    "ends": ("<turn|>",),
    "call_ends": ("<|tool_response>", "<turn|>"),
    "late_words": True,
    "eos": "<eos>",
    "special": (
        *("<|turn>", "<turn|>", "<|channel>", "<channel|>", "<|think|>"),
        *("<|tool>", "<tool|>", "<|tool_call>", "<tool_call|>"),
        *("<|tool_response>", "<tool_response|>"),
    ),
}
_GLM_ROLES = ("<|user|>", "<|assistant|>", "<|system|>", "<|observation|>")
_LLAMA_3: dict[str, Any] = {
    "headers": ("<|start_header_id|>assistant<|end_header_id|>\n\n",),
    "ends": ("<|eot_id|>",),
    "eos": "<|eot_id|>",
    "special": ("<|start_header_id|>", "<|end_header_id|>"),
}
_COHERE_TOKENS = (
    *("<|START_OF_TURN_TOKEN|>", "<|USER_TOKEN|>", "<|CHATBOT_TOKEN|>", "<|SYSTEM_TOKEN|>"),
    *("<|START_RESPONSE|>", "<|END_RESPONSE|>"),
)

FAMILIES: dict[str, Family] = {
    "cohere2": Family(
        ("<|CHATBOT_TOKEN|><|START_RESPONSE|>",),
        ("<|END_RESPONSE|><|END_OF_TURN_TOKEN|>",),
        eos="<|END_OF_TURN_TOKEN|>",
        special=_COHERE_TOKENS,
    ),
    "cohere": Family(
        ("<|CHATBOT_TOKEN|>",),
        ("<|END_OF_TURN_TOKEN|>",),
        eos="<|END_OF_TURN_TOKEN|>",
        special=_COHERE_TOKENS,
    ),
    "deepseek_r1_distill_training": Family(**_DEEPSEEK, **_R1_CALLS),
    "deepseek_r1_distill": Family(**_DEEPSEEK, **_R1_CALLS, thoughts="put"),
    "deepseekv3_training": Family(**_DEEPSEEK, thoughts="put"),
    "deepseekv3": Family(**_DEEPSEEK, thoughts="put", json_arguments=True),
    "diffusion_gemma_training": Family(
        **{**_GEMMA_4, "call_ends": ("<tool_call|>",), "last_call_ends": ("<|tool_response>",)},
        thoughts="field",
    ),
    "diffusion_gemma": Family(**_GEMMA_4, thoughts="field", repeats_header=True),
    "gemma4_v5": Family(**_GEMMA_4, thoughts="field"),
    "gemma4": Family(**_GEMMA_4),
    "gemma3": Family(**_GEMMA),
    "gemma": Family(**_GEMMA, no_system=True),
    "glm4moe": Family(
        ("<|assistant|>",),
        _GLM_ROLES,
        eos="<|endoftext|>",
        special=("[gMASK]", "<sop>", "<tool_call>", "</tool_call>", *_GLM_ROLES),
        thoughts="field",
    ),
    "gptoss": Family(
        ("<|start|>assistant",),
        ("<|return|>", "<|end|>"),
        ("<|call|>",),
        eos="<|return|>",
        special=("<|start|>", "<|end|>", "<|message|>", "<|channel|>", "<|call|>"),
        thoughts="field",
        json_results=True,
    ),
    "idefics3": Family(
        ("Assistant:",), ("<end_of_utterance>",), special=("<end_of_utterance>",), parts=True
    ),
    "lfm2_2_5": Family(
        **_CHATML, special=("<|tool_call_start|>", "<|tool_call_end|>"), thoughts="field"
    ),
    "lfm2": Family(**_CHATML, special=("<|tool_call_start|>", "<|tool_call_end|>")),
    "llama3_1": Family(**_LLAMA_3, json_results=True),
    "llama3_2": Family(**_LLAMA_3, json_results=True),
    "llama3": Family(**_LLAMA_3),
    "llava_next": Family((" [/INST]",), ("</s>",), eos="</s>", parts=True),
    "muse_glimmer": Family(
        ("<|start|>assistant",),
        ("<|eot|>",),
        eos="<|eot|>",
        special=("<|start|>", "<|message|>", "<|eom|>"),
        thoughts="field",
    ),
    "nemotron": Family(**_CHATML, thoughts="field", opens_thought=True),
    "phi3": Family(
        ("<|assistant|>\n",),
        ("<|end|>",),
        eos="<|endoftext|>",
        special=("<|user|>", "<|system|>", "<|assistant|>", "<|end|>"),
    ),
    "qwen2_5": Family(**_CHATML),
    "qwen3_5": Family(**_CHATML, thoughts="field", opens_thought=True, gap="\n\n"),
    "qwen3_6": Family(**_CHATML, thoughts="field", opens_thought=True, gap="\n\n"),
    "qwen3_8": Family(**_CHATML, thoughts="field", opens_thought=True, gap="\n\n"),
    "qwen3_instruct": Family(**_CHATML),
    "qwen3_vl": Family(**_CHATML),
    "qwen3": Family(**_CHATML, thoughts="field", gap="\n\n"),
    "smolvlm": Family(
        ("Assistant:",), ("<end_of_utterance>",), special=("<end_of_utterance>",), parts=True
    ),
}
"""By the beginning of the template's name; the longest counts."""


def template_files() -> list[Path]:
    """The chat templates that the ``trl`` package ships; the package itself is not imported."""
    package = find_spec("trl")
    assert package is not None
    assert package.origin is not None
    return sorted((Path(package.origin).parent / "chat_templates").glob("*.jinja"))


def family_of(template: str) -> Family:
    """The family of a template, by its name."""
    return FAMILIES[max((name for name in FAMILIES if template.startswith(name)), key=len)]


@lru_cache
def family_tokenizer(template: Path) -> PreTrainedTokenizerBase:
    """A byte tokenizer with a template and the special tokens of its family."""
    family = family_of(template.stem)
    return tokenizer_with(
        template.read_text(encoding="utf-8"), eos=family.eos, bos="<s>", special=family.special
    )
