"""Packs of probe prompts: questions worth asking both models."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workbench.core import locations
from workbench.core.errors import BadInputError, NotFoundError, first_line

if TYPE_CHECKING:
    from pathlib import Path


class ProbePrompt(BaseModel):
    """One question and the kind of ability that it tests."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: str = Field(min_length=1)
    kind: str = ""


class ProbePack(BaseModel):
    """A titled list of questions."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    prompts: tuple[ProbePrompt, ...] = Field(min_length=1)


def load_pack(path: Path) -> ProbePack:
    """Read a pack from YAML.

    Raises:
        BadInputError: The file is not a pack.
    """
    try:
        return ProbePack.model_validate(yaml.safe_load(_read(path)))
    except (yaml.YAMLError, ValidationError) as error:
        raise BadInputError(f"{path}: not a pack of probe prompts: {first_line(error)}") from error


def shipped_pack() -> ProbePack:
    """The pack that comes with ftwb."""
    return load_pack(locations.presets() / "probes" / "chat.yaml")


def read_prompts(path: Path) -> list[str]:
    """Read prompts from a pack (.yaml), rows with a ``prompt`` (.jsonl), or one per line.

    Raises:
        NotFoundError: There is no such file.
        BadInputError: A row is malformed (its line is named), or there is no prompt.
    """
    if not path.is_file():
        raise NotFoundError(f"{path}: no such file of prompts")
    if path.suffix in (".yaml", ".yml"):
        return [probe.prompt for probe in load_pack(path).prompts]
    numbered = [
        (number, line) for number, line in enumerate(_read(path).splitlines(), 1) if line.strip()
    ]
    if path.suffix == ".jsonl":
        prompts = [_row_prompt(path, number, line) for number, line in numbered]
    else:
        prompts = [line.strip() for _, line in numbered]
    if not prompts:
        raise BadInputError(f"{path}: contains no prompt")
    return prompts


def _row_prompt(path: Path, number: int, line: str) -> str:
    try:
        prompt = json.loads(line)["prompt"]
    except (ValueError, KeyError, TypeError) as error:
        raise BadInputError(f"{path}, line {number}: not a JSON object with a 'prompt'") from error
    return str(prompt)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{path}: cannot be read: {error}") from error
