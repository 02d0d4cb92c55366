"""How questions are put to a model: as a chat, or to a model without a chat template as a text.

A model that was never trained on chats does not stop at the end of an answer, but continues with
the next turn. It is shown a few questions with their answers instead, and its answer ends where the
next question would begin. All of this is the same for base and tuned model.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from workbench.data.formats import Message
from workbench.data.thinking import THOUGHT_TOKENS
from workbench.evaluation.run.generation import Ending

if TYPE_CHECKING:
    from workbench.data.rendering import Renderer

PromptForm = Literal["chat", "completion"]

_SHOTS = (
    ("In which month does a year begin?", "January"),
    ("What is 40 + 2? Answer with the number only.", "42"),
    ("Write one sentence about a garden.", "The old garden behind the house was full of roses."),
)
_QUESTION, _ANSWER = "Question: ", "Answer:\n"
_STOP = "\n\n"


def prompt_form(renderer: Renderer) -> PromptForm:
    """Whether a model is asked in chats, or with a text to complete."""
    return "completion" if renderer.template.plain else "chat"


def prompt_tokens(renderer: Renderer, text: str) -> list[int]:
    """A question in tokens, up to where the answer begins."""
    if prompt_form(renderer) == "chat":
        return renderer.prompt([Message("user", text)])
    shots = (f"{_QUESTION}{question}\n{_ANSWER}{answer}" for question, answer in _SHOTS)
    return renderer.tokens(_STOP.join((*shots, f"{_QUESTION}{text}\n{_ANSWER}")))


def probe_ending(renderer: Renderer) -> Ending:
    """Where the answer to such a question ends."""
    ending = chat_ending(renderer)
    return replace(ending, stop=_STOP) if prompt_form(renderer) == "completion" else ending


def chat_ending(renderer: Renderer) -> Ending:
    """Where the answer in a conversation of the dataset's form ends."""
    stripped = renderer.template.thinking == "stripped"
    return Ending(renderer.template.end_of_turn, THOUGHT_TOKENS if stripped else 0)


def form_notes(renderer: Renderer) -> tuple[str, ...]:
    """What a reader of the report must know about how the questions were put."""
    notes = []
    if renderer.template.thinking == "off":
        notes.append("Base and result answer at once: their thinking is switched off.")
    if renderer.template.thinking == "stripped":
        notes.append("Where base or result think before they answer, the thought is not scored.")
    if prompt_form(renderer) == "completion":
        notes.append(
            "The model has no chat template: probes and general prompts are texts to complete, "
            "after a few questions with answers. Do not compare them with those of chat models."
        )
    return tuple(notes)
