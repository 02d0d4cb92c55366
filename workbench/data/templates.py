"""A model's chat template: conversations as text, and where the answers are in it."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from workbench.data import thinking
from workbench.data.formats import Message

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from transformers import PreTrainedTokenizerBase

PLAIN_TEMPLATE = (
    "{% for message in messages %}"
    "### {{ message['role'] | capitalize }}:\n{{ message['content'] }}"
    "{{ eos_token if message['role'] == 'assistant' else '' }}\n\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}### Assistant:\n{% endif %}"
)
"""Used for models without a chat template."""

T = TypeVar("T")
_GENERATION_MARK = re.compile(r"\{%-?\s*generation\s*-?%\}")


class Span(NamedTuple):
    """A range of characters in a text, its end excluded."""

    start: int
    end: int


class ChatTemplate:
    """Renders conversations as the model expects them.

    Attributes:
        plain: The model has no chat template, so that :data:`PLAIN_TEMPLATE` is used.
        bos: The beginning-of-sequence token if the tokenizer adds one to plain texts, for texts
            that no template of the model renders; otherwise empty.
        eos: The end-of-sequence token, or empty.
        thinking: How a model that thinks before it answers is kept from it; see
            :mod:`workbench.data.thinking`.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        """Use the template and the special tokens of ``tokenizer``."""
        self.plain = tokenizer.chat_template is None
        self.bos = _automatic_bos(tokenizer)
        self.eos: str = tokenizer.eos_token or ""
        self._tokenizer = tokenizer
        self._template = PLAIN_TEMPLATE if self.plain else tokenizer.get_chat_template()
        self._end_token = _special_token_pattern(tokenizer)
        self._options = thinking.template_options(self._template)
        prompt = self._shortest_prompt()
        self._thought = thinking.empty_thought(prompt)
        self.thinking: thinking.Thinking = thinking.thinking(self._template, prompt)

    def render(self, messages: Sequence[Message], *, add_generation_prompt: bool = False) -> str:
        """Render a conversation, with the beginning of the next answer if asked for.

        A system prompt that the template refuses is put in front of the first question. A thought
        that the template opens for the next answer is closed.

        Raises:
            jinja2.TemplateError: The template refuses the conversation.
        """
        apply = partial(self._apply, add_generation_prompt=add_generation_prompt)
        text = _merging_system_prompt(apply, messages)
        return thinking.closed(text) if add_generation_prompt else text

    def render_with_answers(self, messages: Sequence[Message]) -> tuple[str, list[Span]]:
        """Render a conversation and locate its answers.

        1. Where the template has ``{% generation %}`` marks, it says where the answers are.
        2. Otherwise each answer is searched for: after its prompt if the text begins with that,
           else at the last place where its words end a turn.
        3. A span includes the special token that ends the answer; a last answer without one gets
           the tokenizer's EOS.
        4. The last answer follows the empty thought that it follows when the model is asked.

        Returns:
            The text, and the span of each answer in it. An answer that the template drops has no
            span.

        Raises:
            jinja2.TemplateError: The template refuses the conversation.
        """
        if _GENERATION_MARK.search(self._template):
            text, spans = _merging_system_prompt(self._render_marked, messages)
        else:
            text = self.render(messages)
            spans = self._search_answers(messages, text)
        if spans and messages[-1].role == "assistant" and not self._has_end(text, spans[-1]):
            start, end = spans[-1]
            text, spans = text[:end] + self.eos, [*spans[:-1], Span(start, end + len(self.eos))]
        if spans and messages[-1].role == "assistant":
            return self._after_thought(text, spans)
        return text, spans

    def _after_thought(self, text: str, spans: list[Span]) -> tuple[str, list[Span]]:
        """Put the empty thought in front of the last answer, unless there is a thought."""
        start, end = spans[-1]
        if not self._thought or thinking.follows_thought(text, start):
            return text, spans
        length = len(self._thought)
        return (
            f"{text[:start]}{self._thought}{text[start:]}",
            [*spans[:-1], Span(start + length, end + length)],
        )

    def _shortest_prompt(self) -> str:
        """A prompt as the template renders it; empty where it refuses plain messages."""
        from jinja2 import TemplateError

        try:
            return self._apply([Message("user", "?")], add_generation_prompt=True)
        except TemplateError:
            return ""

    def _apply(self, messages: Sequence[Message], *, add_generation_prompt: bool) -> str:
        text = self._tokenizer.apply_chat_template(
            _as_dicts(messages),
            chat_template=self._template,
            tokenize=False,
            add_generation_prompt=add_generation_prompt,
            **self._options,
        )
        return f"{self.bos}{text}" if self.plain else str(text)

    def _render_marked(self, messages: Sequence[Message]) -> tuple[str, list[Span]]:
        """Render with a template that marks the answers itself."""
        from transformers.utils.chat_template_utils import render_jinja_template

        special_tokens: dict[str, Any] = dict(self._tokenizer.special_tokens_map)
        rendered: Any = render_jinja_template(
            conversations=[_as_dicts(messages)],
            chat_template=self._template,
            return_assistant_tokens_mask=True,
            **special_tokens,
            **self._options,
        )
        (text,), (marked,) = rendered
        return text, [self._extend_to_end(text, Span(*span)) for span in marked]

    def _extend_to_end(self, text: str, span: Span) -> Span:
        """Trim white space after an answer, and add the special token that ends it."""
        trimmed = Span(span.start, span.start + len(text[span.start : span.end].rstrip()))
        end = None if self._has_end(text, trimmed) else self._end_token.match(text, trimmed.end)
        return Span(span.start, end.end()) if end else trimmed

    def _search_answers(self, messages: Sequence[Message], text: str) -> list[Span]:
        """Search from the last message to the first: templates drop the earliest ones."""
        spans: list[Span] = []
        limit = len(text)
        for index in range(len(messages) - 1, -1, -1):
            message = messages[index]
            if message.role != "assistant":
                start = text.rfind(message.content.strip(), 0, limit)
                limit = limit if start < 0 else start
            elif span := self._search_answer(messages, index, text, limit):
                spans.append(span)
                limit = span.start
        return spans[::-1]

    def _search_answer(
        self, messages: Sequence[Message], index: int, text: str, limit: int
    ) -> Span | None:
        """The span of the answer ``messages[index]`` in ``text[:limit]``."""
        start = self._end_of_prompt(messages[:index], text)
        for wording in _wordings(messages[index].content):
            if start is None:
                span = self._last_turn_ending_with(wording, text, limit)
            else:
                span = self._first_occurrence(wording, text, start, limit)
            if span:
                return span
        return None

    def _end_of_prompt(self, messages: Sequence[Message], text: str) -> int | None:
        """The length of the prompt for the next answer; None if the text begins differently."""
        from jinja2 import TemplateError

        if not messages:
            return None
        try:
            prompt = self.render(messages, add_generation_prompt=True)
        except TemplateError:
            return None
        return len(prompt) if text.startswith(prompt) else None

    def _first_occurrence(self, wording: str, text: str, start: int, limit: int) -> Span | None:
        place = text.find(wording, start, limit)
        if place < 0:
            return None
        end = self._end_token.match(text, place + len(wording))
        return Span(start, end.end() if end else place + len(wording))

    def _last_turn_ending_with(self, wording: str, text: str, limit: int) -> Span | None:
        """The last place before ``limit`` where ``wording`` is followed by a special token."""
        while (place := text.rfind(wording, 0, limit)) >= 0:
            if end := self._end_token.match(text, place + len(wording)):
                return Span(place, end.end())
            limit = place + len(wording) - 1
        return None

    def _has_end(self, text: str, span: Span) -> bool:
        """Whether a span already ends with a special token."""
        tokens = self._end_token.finditer(text, span.start, span.end)
        return any(token.end() == span.end for token in tokens)


def _wordings(content: str) -> list[str]:
    """How a template may write an answer: whole, or without its reasoning."""
    whole, final = content.strip(), content.rpartition("</think>")[2].strip()
    return [wording for wording in dict.fromkeys((whole, final)) if wording]


def _as_dicts(messages: Sequence[Message]) -> list[dict[str, str]]:
    """Messages as templates want them.

    Answers are stripped, because a space at their beginning would merge into the prompt's last
    token.
    """
    return [
        {
            "role": message.role,
            "content": message.content.strip() if message.role == "assistant" else message.content,
        }
        for message in messages
    ]


def _merging_system_prompt(
    render: Callable[[Sequence[Message]], T], messages: Sequence[Message]
) -> T:
    """Render a conversation, with its system prompt in the first question if it is refused."""
    from jinja2 import TemplateError

    try:
        return render(messages)
    except TemplateError:
        match messages:
            case [Message("system", prompt), Message("user", question), *rest]:
                return render([Message("user", f"{prompt}\n\n{question}"), *rest])
        raise


def _automatic_bos(tokenizer: PreTrainedTokenizerBase) -> str:
    """The BOS token if the tokenizer puts it in front of texts by itself."""
    adds_bos = tokenizer("").input_ids[:1] == [tokenizer.bos_token_id]
    return str(tokenizer.bos_token) if adds_bos else ""


def _special_token_pattern(tokenizer: PreTrainedTokenizerBase) -> re.Pattern[str]:
    """Matches any special token, with white space that a template may put before it."""
    added = [str(token) for token in tokenizer.added_tokens_decoder.values() if token.special]
    longest_first = sorted({*added, *tokenizer.all_special_tokens}, key=len, reverse=True)
    return re.compile(r"\s*(?:" + "|".join(map(re.escape, longest_first)) + ")")
