"""Workers compute, messages carry, handlers mutate: a rule that the source itself must follow."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path
from typing import TYPE_CHECKING

import workbench.tui
from workbench.tui.base import ReportsErrors

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(workbench.tui.__path__[0])
SOURCES = sorted(ROOT.rglob("*.py"))


def classes(tree: ast.AST) -> Iterator[ast.ClassDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))


def workers(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function with Textual's ``@work``."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and any(
            ast.unparse(decorator).split("(")[0] == "work" for decorator in node.decorator_list
        ):
            yield node


def threads(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function that runs in a thread: ``@work(thread=True)`` or ``run_worker(…)``."""
    started = {
        ast.unparse(call.args[0]).removeprefix("self.")
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and ast.unparse(call.func).endswith(("run_worker", "to_thread"))
        and call.args
    }
    marked = {
        worker.name
        for worker in workers(tree)
        if any("thread=True" in ast.unparse(decorator) for decorator in worker.decorator_list)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name in started | marked:
            yield node


def attribute_writes(function: ast.AST) -> list[str]:
    """The attributes of ``self`` and of other objects that ``function`` assigns or deletes."""
    written = [
        ast.unparse(node)
        for node in ast.walk(function)
        if isinstance(node, (ast.Attribute, ast.Subscript))
        and isinstance(node.ctx, (ast.Store, ast.Del))
        and isinstance(node.value, (ast.Attribute, ast.Name))
    ]
    calls = [ast.unparse(node.func) for node in ast.walk(function) if isinstance(node, ast.Call)]
    return [*written, *(name for name in calls if name in ("setattr", "self.set_reactive"))]


def test_no_thread_writes_an_attribute() -> None:
    writes = {
        f"{path.relative_to(ROOT)}: {thread.name}": written
        for path in SOURCES
        for thread in threads(ast.parse(path.read_text(encoding="utf-8")))
        if (written := attribute_writes(thread))
    }
    assert writes == {}


BAD = """
class Screen:
    @work(thread=True, group="poll")
    def poll(self):
        try:
            view = self.read()
        finally:
            self.polling = False
        self.seen["view"] = view

    def start(self):
        def count():
            self.count += 1

        self.run_worker(count, thread=True)

    def fine(self):
        self.count = 0
"""


def test_the_check_finds_a_thread_that_writes() -> None:
    writes = {thread.name: attribute_writes(thread) for thread in threads(ast.parse(BAD))}
    assert writes == {"poll": ["self.seen['view']", "self.polling"], "count": ["self.count"]}


def unnamed_workers(tree: ast.AST) -> list[str]:
    """The workers of which an error dialog could only quote the function's name."""
    named = {
        worker.name
        for worker in workers(tree)
        for decorator in worker.decorator_list
        if isinstance(decorator, ast.Call) and has_name(decorator)
    }
    started = [
        ast.unparse(call)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith(".run_worker")
        if not has_name(call) and "super()" not in ast.unparse(call.func)
    ]
    return [worker.name for worker in workers(tree) if worker.name not in named] + started


def has_name(call: ast.Call) -> bool:
    return any(keyword.arg == "name" for keyword in call.keywords)


def test_every_worker_says_what_it_does_for_the_error_dialog() -> None:
    unnamed = {
        str(path.relative_to(ROOT)): found
        for path in SOURCES
        if (found := unnamed_workers(ast.parse(path.read_text(encoding="utf-8"))))
    }
    assert unnamed == {}
    assert unnamed_workers(ast.parse(BAD)) == ["poll", "self.run_worker(count, thread=True)"]


def test_whoever_starts_workers_reports_their_errors() -> None:
    silent = []
    for path in SOURCES:
        for node in classes(ast.parse(path.read_text(encoding="utf-8"))):
            if next(workers(node), None):
                name = ".".join(path.relative_to(ROOT.parent.parent).with_suffix("").parts)
                cls = getattr(importlib.import_module(name), node.name)
                silent += [] if issubclass(cls, ReportsErrors) else [f"{name}.{node.name}"]
    assert silent == []
