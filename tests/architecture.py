"""The tree of packages and modules that ARCHITECTURE.md prints, read from the source itself.

    python -m tests.architecture    writes it into .github/ARCHITECTURE.md

Modules that plug in by being there (commands, strategies, protections, scorers) are summed up in
one line for their folder, so that adding one changes no page.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PAGE = ROOT / ".github" / "ARCHITECTURE.md"
START, END = "<!-- tree: python -m tests.architecture -->\n```\n", "```\n<!-- end of tree -->\n"
PLUGINS = {
    "cli/commands": "command",
    "evaluation/suites/scorers": "scorer",
    "retention": "protection",
    "strategies": "strategy",
}
"""What a module plugs in as, by the folder that it is found in."""
_COLUMN = 32
"""Where descriptions begin."""


def tree() -> str:
    """One line per package and module, with the first line of its docstring."""
    return "".join(f"{line}\n" for line in _lines(ROOT / "workbench", depth=0))


def printed() -> str:
    """The tree that the page shows."""
    return PAGE.read_text(encoding="utf-8").partition(START)[2].partition(END)[0]


def write() -> None:
    """Replace the tree in the page."""
    before, start, rest = PAGE.read_text(encoding="utf-8").partition(START)
    _, end, after = rest.partition(END)
    PAGE.write_text(f"{before}{start}{tree()}{end}{after}", encoding="utf-8")


def _lines(package: Path, depth: int) -> Iterator[str]:
    yield _line(f"{package.name}/", _description(package / "__init__.py"), depth)
    plugin = PLUGINS.get(package.relative_to(ROOT / "workbench").as_posix())
    modules = [path for path in package.glob("*.py") if path.name != "__init__.py"]
    if plugin:
        modules = [path for path in modules if not _plugs_in(path)]
        yield _line("*.py", f"One module per {plugin}; a new file is a new {plugin}.", depth + 1)
    folders = [path.parent for path in package.glob("*/__init__.py")]
    for path in sorted([*folders, *modules]):
        if path.is_dir():
            yield from _lines(path, depth + 1)
        else:
            yield _line(path.name, _description(path), depth + 1)


def _line(name: str, description: str, depth: int) -> str:
    return f"{'  ' * depth + name:<{_COLUMN}} {description}".rstrip()


def _description(source: Path) -> str:
    first, _, _ = (ast.get_docstring(_parsed(source)) or "").partition("\n")
    return first


def _plugs_in(source: Path) -> bool:
    """Whether a module defines a ``command``, or a class that gives its ``kind`` a value."""
    body = _parsed(source).body
    classes = [statement for statement in body if isinstance(statement, ast.ClassDef)]
    return _defines(body, "command") or any(_defines(cls.body, "kind") for cls in classes)


def _defines(body: list[ast.stmt], name: str) -> bool:
    return any(
        (isinstance(statement, ast.FunctionDef) and statement.name == name)
        or (
            isinstance(statement, ast.AnnAssign)
            and statement.value is not None
            and ast.unparse(statement.target) == name
        )
        for statement in body
    )


def _parsed(source: Path) -> ast.Module:
    return ast.parse(source.read_text(encoding="utf-8"))


if __name__ == "__main__":
    write()
