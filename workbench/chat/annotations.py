"""What the user thinks of a tuned answer beside the base's: ``chats/marks.jsonl`` of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from workbench.chat.protocol import Sampling
from workbench.core import files

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.runs.folder import RunFolder

Judgement = Literal["kept", "lost", "improved"]


class Annotation(BaseModel):
    """One exchange as it was judged.

    Attributes:
        exchange: Names the exchange; the newest mark of an exchange counts.
        time: When it was judged, in seconds since the epoch.
        mark: The tuned answer against the base's; None takes an earlier mark back.
        system: The system prompt; empty for none.
        answers: What each lane answered, by lane.
        blind: Whether it was judged without knowing which answer was whose.
        strengths: How far each lane had gone from base (0) to tuned (1), where that was chosen.
    """

    model_config = ConfigDict(frozen=True)

    exchange: str
    time: float
    mark: Judgement | None
    prompt: str
    system: str = ""
    answers: dict[str, str]
    blind: bool = False
    strengths: dict[str, float] = {}
    sampling: Sampling = Sampling()


def annotations_file(run: RunFolder) -> Path:
    """Where the marks of a run are kept."""
    return run.chats / "marks.jsonl"


def add_annotation(run: RunFolder, mark: Annotation) -> None:
    """Keep a mark; the one before of the same exchange stays in the file and no longer counts.

    Raises:
        MachineError: The disk is full or the folder cannot be written.
    """
    files.append_line(annotations_file(run), mark.model_dump_json())


def read_annotations(run: RunFolder) -> tuple[Annotation, ...]:
    """The marks that count, in the order their exchanges were first judged.

    A torn or foreign line is skipped: a mark is a note, and one that is lost loses no other.
    """
    found: dict[str, Annotation] = {}
    for line in files.read_lines(annotations_file(run)):
        try:
            mark = Annotation.model_validate_json(line)
        except ValidationError:
            continue
        found[mark.exchange] = mark
    return tuple(mark for mark in found.values() if mark.mark)
