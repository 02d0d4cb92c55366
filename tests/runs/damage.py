"""Ways in which a run folder can be damaged, and what the list of runs must say of each."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workbench.runs.folder import RunFolder

    Damage = Callable[[RunFolder], object]

DIGITS = "9" * 5000
DEEP = 100_000


def text(name: str, content: str | bytes) -> Damage:
    """A file with this content."""
    data = content if isinstance(content, bytes) else content.encode()
    return lambda run: (run.path / name).write_bytes(data)


def status(**values: Any) -> Damage:
    """A status with some values replaced."""

    def damage(run: RunFolder) -> None:
        before = json.loads(run.status_file.read_text())
        run.status_file.write_text(json.dumps(before | values))

    return damage


def event(line: str) -> Damage:
    """A line at the end of the log."""

    def damage(run: RunFolder) -> None:
        with run.events.open("a") as stream:
            stream.write(f"{line}\n")

    return damage


def recipe(old: str, new: str) -> Damage:
    """A recipe in which one text is replaced."""

    def damage(run: RunFolder) -> None:
        before = run.recipe_file.read_text()
        assert old in before
        run.recipe_file.write_text(before.replace(old, new))

    return damage


def instead(name: str, make: Callable[[Path], object]) -> Damage:
    """Something else in the place of a file or a folder."""

    def damage(run: RunFolder) -> None:
        path = run.path / name
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        make(path)

    return damage


def folder(name: str) -> Damage:
    return instead(name, lambda path: path.mkdir())


def pipe(name: str) -> Damage:
    return instead(name, os.mkfifo)


def link(name: str) -> Damage:
    return instead(name, lambda path: path.symlink_to("/etc/passwd"))


def missing(name: str) -> Damage:
    return instead(name, lambda _path: None)


NAMED: dict[str, tuple[Damage, str]] = {
    "recipe not UTF-8": (text("recipe.yaml", b"name: \xff\xfe\n"), "recipe.yaml is not UTF-8"),
    "recipe of NULs": (text("recipe.yaml", bytes(4096)), "recipe.yaml is not YAML"),
    "recipe empty": (text("recipe.yaml", ""), "recipe.yaml is not a recipe"),
    "recipe a list": (text("recipe.yaml", "[1, 2]"), "recipe.yaml is not a recipe"),
    "recipe half": (text("recipe.yaml", "name: [half"), "recipe.yaml is not YAML"),
    "recipe nested": (text("recipe.yaml", "[" * DEEP), "nested more than 40 deep"),
    "recipe nested blocks": (
        text("recipe.yaml", "".join(f"{' ' * n}a:\n" for n in range(300))),
        "nested more than 40 deep",
    ),
    "recipe of aliases": (
        text("recipe.yaml", "a: &a 1\nb: [" + "*a, " * 1000 + "]\n"),
        "more than 20 aliases",
    ),
    "recipe huge": (text("recipe.yaml", "#" * (2 << 20)), "is larger than 1 MB"),
    "recipe with a long integer": (
        recipe("seed:", f"other: {DIGITS}\n  seed:"),
        "recipe.yaml is not YAML",
    ),
    "recipe with a number for a name": (recipe("name: sound", "name: 5"), "is not a recipe"),
    "recipe with an object": (
        text("recipe.yaml", "!!python/object/apply:os.system ['true']"),
        "recipe.yaml is not YAML",
    ),
    "recipe a folder": (folder("recipe.yaml"), "recipe.yaml cannot be read"),
    "recipe a pipe": (pipe("recipe.yaml"), "recipe.yaml cannot be read"),
    "recipe a link": (link("recipe.yaml"), "recipe.yaml is a link"),
    "recipe missing": (missing("recipe.yaml"), "recipe.yaml cannot be read"),
    "status empty": (text("status.json", ""), "status.json cannot be read"),
    "status half": (text("status.json", '{"state": "runn'), "status.json cannot be read"),
    "status not UTF-8": (text("status.json", b'{"state": "\xff"}'), "status.json cannot be read"),
    "status a list": (text("status.json", "[]"), "status.json cannot be read"),
    "status nested": (text("status.json", "[" * DEEP), "status.json cannot be read"),
    "status huge": (text("status.json", " " * (2 << 20)), "status.json cannot be read"),
    "status a folder": (folder("status.json"), "status.json cannot be read"),
    "status a pipe": (pipe("status.json"), "status.json cannot be read"),
    "status a link": (link("status.json"), "status.json is a link"),
    "status missing": (missing("status.json"), "status.json cannot be read"),
    "state unknown": (status(state="sleeping"), "status.json cannot be read"),
    "pid negative": (status(pid=-1, state="running"), "status.json cannot be read"),
    "pid zero": (status(pid=0, state="running"), "status.json cannot be read"),
    "pid large": (status(pid=1 << 70, state="running"), "status.json cannot be read"),
    "step with many digits": (
        text("status.json", f'{{"state": "stopped", "step": {DIGITS}}}'),
        "status.json cannot be read",
    ),
    "step negative": (status(step=-5), "status.json cannot be read"),
    "created never": (status(created=1e300), "status.json cannot be read"),
    "created not a number": (
        text("status.json", '{"state": "stopped", "created": NaN}'),
        "status.json cannot be read",
    ),
    "events a folder": (folder("events.jsonl"), "events.jsonl is not a regular file"),
    "events a pipe": (pipe("events.jsonl"), "events.jsonl is not a regular file"),
    "events a link": (link("events.jsonl"), "events.jsonl is a link"),
    "report half": (text("report.json", '{"prompts": ['), "report.json is damaged"),
    "report not UTF-8": (text("report.json", b"\xff\xfe\xfd"), "report.json is damaged"),
    "report nested": (text("report.json", "[" * DEEP), "report.json is damaged"),
    "report a list": (text("report.json", "[]"), "report.json is not a report"),
    "report with a long integer": (text("report.json", f"[{DIGITS}]"), "report.json is damaged"),
    "report a folder": (folder("report.json"), "report.json cannot be read"),
    "report a pipe": (pipe("report.json"), "report.json cannot be read"),
    "checkpoints a link": (link("checkpoints"), "checkpoints is a link"),
    "control a link": (link("control"), "control is a link"),
    "model a link": (link("model"), "model is a link"),
}
"""Damage that hides something, and what must be said."""

HARMLESS: dict[str, Damage] = {
    "events missing": missing("events.jsonl"),
    "events not UTF-8": event("\udcff".encode("utf-8", "surrogateescape").decode("latin-1")),
    "events of NULs": text("events.jsonl", bytes(9999)),
    "event nested": event("[" * DEEP),
    "event a list": event("[]"),
    "event with a long integer": event(f'{{"kind": "train", "step": {DIGITS}, "loss": 1}}'),
    "event with a large step": event(f'{{"kind": "train", "step": {"9" * 400}, "loss": 1}}'),
    "event with a large loss": event(f'{{"kind": "train", "step": 3, "loss": {"9" * 400}}}'),
    "event with an infinite loss": event('{"kind": "train", "step": 3, "loss": Infinity}'),
    "event with NaN": event('{"kind": "train", "step": 3, "loss": NaN}'),
    "event with a word for a loss": event('{"kind": "train", "step": 3, "loss": "low"}'),
    "event with a list for a loss": event('{"kind": "train", "step": 3, "loss": [1]}'),
    "event with a word for a step": event('{"kind": "train", "step": "3", "loss": 1}'),
    "event of a strange kind": event('{"kind": "\\u001b]0;x\\u0007", "step": 1, "a": 1}'),
    "notice without a text": event('{"kind": "notice", "step": 1, "level": "warning"}'),
    "notice with a number": event('{"kind": "notice", "step": 1, "text": 5}'),
    "phase without a name": event('{"kind": "phase", "step": 1}'),
    "phase with words": event('{"kind": "phase", "step": 1, "name": "x", "done": "a"}'),
    "resumed from nowhere": event('{"kind": "notice", "step": 1, "text": "", "resumed_from": []}'),
    "checkpoint without a path": event('{"kind": "checkpoint", "step": 1}'),
    "a time far away": event('{"kind": "notice", "step": 1, "text": "a", "t": 1e308}'),
    "checkpoints a file": instead("checkpoints", lambda path: path.touch()),
    "a folder of notes": folder("notes"),
    "model a file": instead("model", lambda path: path.touch()),
    "control missing": missing("control"),
    "log a folder": folder("worker.log"),
    "sweep not UTF-8": text("sweep", b"\xff\xfe"),
    "sweep a folder": folder("sweep"),
}
"""Damage that hides nothing of what the list shows."""
