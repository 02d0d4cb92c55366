"""A model's chat template, and where in its text the answers stand."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from transformers import PreTrainedTokenizerBase

    from workbench.data.formats import Message

PLAIN_TEMPLATE = (
    "{% for message in messages %}"
    "### {{ message['role'] | capitalize }}:\n{{ message['content'] }}"
    "{{ eos_token if message['role'] == 'assistant' else '' }}\n\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}### Assistant:\n{% endif %}"
)
T = TypeVar("T")
_MARKS_ANSWERS = re.compile(r"\{%-?\s*generation\s*-?%\}")


class Span(NamedTuple):
    """A stretch of text, in characters, end excluded."""

    start: int
    end: int


class ChatTemplate:
    """Writes conversations as the model expects them; a plain way where it says nothing.

    Attributes:
        plain: The model has no chat template and :data:`PLAIN_TEMPLATE` stands in.
        opening: The beginning-of-sequence token where the tokenizer begins texts with one, for
            texts that no template of the model's own has written.
        closing: The end-of-sequence token, or nothing.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        """Take the template and the special tokens of ``tokenizer``."""
        self.plain = tokenizer.chat_template is None
        self.opening = _opening(tokenizer)
        self.closing: str = tokenizer.eos_token or ""
        self._tokenizer = tokenizer
        self._template = PLAIN_TEMPLATE if self.plain else tokenizer.get_chat_template()
        self._ending = _ending(tokenizer)

    def write(self, messages: Sequence[Message], *, answer_next: bool = False) -> str:
        """Render a conversation, with the opening of the next answer if asked for.

        A system prompt that the template refuses is put before the first question.

        Raises:
            jinja2.TemplateError: The template refuses the conversation.
        """
        return _accepted(partial(self._apply, answer_next=answer_next), messages)

    def write_answered(self, messages: Sequence[Message]) -> tuple[str, list[Span]]:
        """Render a conversation and find its answers, each with the token that ends it.

        A last answer that no special token ends gets the tokenizer's EOS. An answer that the
        template leaves out of the text has no span.

        Raises:
            jinja2.TemplateError: The template refuses the conversation.
        """
        if _MARKS_ANSWERS.search(self._template):
            text, spans = _accepted(self._marked, messages)
        else:
            text = self.write(messages)
            spans = self._searched(messages, text)
        if spans and messages[-1].role == "assistant" and not self._ended(text, spans[-1]):
            start, end = spans[-1]
            return text[:end] + self.closing, [*spans[:-1], Span(start, end + len(self.closing))]
        return text, spans

    def _apply(self, messages: Sequence[Message], *, answer_next: bool) -> str:
        text = self._tokenizer.apply_chat_template(
            _as_dicts(messages),
            chat_template=self._template,
            tokenize=False,
            add_generation_prompt=answer_next,
        )
        return f"{self.opening}{text}" if self.plain else str(text)

    def _marked(self, messages: Sequence[Message]) -> tuple[str, list[Span]]:
        """Answers that the template itself marks with ``{% generation %}``."""
        from transformers.utils.chat_template_utils import render_jinja_template

        special: dict[str, Any] = dict(self._tokenizer.special_tokens_map)
        rendered: Any = render_jinja_template(
            conversations=[_as_dicts(messages)],
            chat_template=self._template,
            return_assistant_tokens_mask=True,
            **special,
        )
        (text,), (marked,) = rendered
        return text, [self._with_ending(text, Span(*span)) for span in marked]

    def _with_ending(self, text: str, span: Span) -> Span:
        trimmed = Span(span.start, span.start + len(text[span.start : span.end].rstrip()))
        follows = None if self._ended(text, trimmed) else self._ending.match(text, trimmed.end)
        return Span(span.start, follows.end()) if follows else trimmed

    def _searched(self, messages: Sequence[Message], text: str) -> list[Span]:
        """Answers found from the last to the first: what a template drops, it drops in front."""
        spans: list[Span] = []
        limit = len(text)
        for index in range(len(messages) - 1, -1, -1):
            message = messages[index]
            if message.role != "assistant":
                found = text.rfind(message.content.strip(), 0, limit)
                limit = limit if found < 0 else found
            elif span := self._answer(messages, index, text, limit):
                spans.append(span)
                limit = span.start
        return spans[::-1]

    def _answer(
        self, messages: Sequence[Message], index: int, text: str, limit: int
    ) -> Span | None:
        """The answer ``messages[index]``: behind its prompt, or where its words stand."""
        start = self._behind_prompt(messages[:index], text)
        for words in _wordings(messages[index].content):
            if start is None:
                span = self._last_ended(text, words, limit)
            else:
                span = self._first(text, words, start, limit)
            if span:
                return span
        return None

    def _behind_prompt(self, before: Sequence[Message], text: str) -> int | None:
        """Where the next answer begins, if the text begins with the prompt for it."""
        from jinja2 import TemplateError

        if not before:
            return None
        try:
            prompt = self.write(before, answer_next=True)
        except TemplateError:
            return None
        return len(prompt) if text.startswith(prompt) else None

    def _first(self, text: str, words: str, start: int, limit: int) -> Span | None:
        found = text.find(words, start, limit)
        if found < 0:
            return None
        ending = self._ending.match(text, found + len(words))
        return Span(start, ending.end() if ending else found + len(words))

    def _last_ended(self, text: str, words: str, limit: int) -> Span | None:
        """The last place before ``limit`` where ``words`` end a turn."""
        while (found := text.rfind(words, 0, limit)) >= 0:
            if ending := self._ending.match(text, found + len(words)):
                return Span(found, ending.end())
            limit = found + len(words) - 1
        return None

    def _ended(self, text: str, span: Span) -> bool:
        return any(
            match.end() == span.end for match in self._ending.finditer(text, span.start, span.end)
        )


def _wordings(content: str) -> list[str]:
    """How an answer may stand in the text: whole, or without its reasoning."""
    whole, spoken = content.strip(), content.rpartition("</think>")[2].strip()
    return [words for words in dict.fromkeys((whole, spoken)) if words]


def _as_dicts(messages: Sequence[Message]) -> list[dict[str, str]]:
    """As templates want them; space around an answer would melt into the tokens of its prompt."""
    return [
        {
            "role": message.role,
            "content": message.content.strip() if message.role == "assistant" else message.content,
        }
        for message in messages
    ]


def _accepted(write: Callable[[Sequence[Message]], T], messages: Sequence[Message]) -> T:
    """Write a conversation, with its system prompt in the first question if need be."""
    from jinja2 import TemplateError

    from workbench.data.formats import Message

    try:
        return write(messages)
    except TemplateError:
        match messages:
            case [Message("system", rule), Message("user", question), *rest]:
                return write([Message("user", f"{rule}\n\n{question}"), *rest])
        raise


def _opening(tokenizer: PreTrainedTokenizerBase) -> str:
    begins = tokenizer("").input_ids[:1] == [tokenizer.bos_token_id]
    return str(tokenizer.bos_token) if begins else ""


def _ending(tokenizer: PreTrainedTokenizerBase) -> re.Pattern[str]:
    """Matches a special token, with the space a template may put before it."""
    added = [str(token) for token in tokenizer.added_tokens_decoder.values() if token.special]
    longest_first = sorted({*added, *tokenizer.all_special_tokens}, key=len, reverse=True)
    return re.compile(r"\s*(?:" + "|".join(map(re.escape, longest_first)) + ")")
