"""The stylesheets of the workbench name only widgets that exist."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from textual.css.model import SelectorType
from textual.css.stylesheet import Stylesheet
from textual.dom import DOMNode

import workbench.tui
from workbench.tui.app import WorkbenchApp

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(workbench.tui.__path__[0])
FILES = sorted(ROOT.rglob("*.tcss"))


@pytest.fixture(scope="module")
def node_classes() -> set[type[DOMNode]]:
    """Every class of Textual and of the workbench that a stylesheet can name."""
    for module in pkgutil.walk_packages(workbench.tui.__path__, "workbench.tui."):
        importlib.import_module(module.name)
    return set(descendants(DOMNode))


def descendants(cls: type[DOMNode]) -> Iterator[type[DOMNode]]:
    for child in cls.__subclasses__():
        yield child
        yield from descendants(child)


def named_types(css: str, variables: dict[str, str]) -> set[str]:
    """The names of widget classes in the selectors of a stylesheet."""
    stylesheet = Stylesheet(variables=variables)
    stylesheet.add_source(css)
    return {
        selector.name
        for rule in stylesheet.rules
        for selectors in rule.selector_set
        for selector in selectors.selectors
        if selector.type is SelectorType.TYPE
    }


def test_every_selector_names_a_widget_that_exists(node_classes: set[type[DOMNode]]) -> None:
    variables = WorkbenchApp(Path("runs")).get_css_variables()
    sources = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in FILES}
    sources |= {
        f"{cls.__module__}.{cls.__name__}": css
        for cls in node_classes
        if cls.__module__.startswith("workbench.")
        if (css := vars(cls).get("DEFAULT_CSS") or vars(cls).get("CSS"))
    }
    existing = {cls.__name__ for cls in node_classes}
    unknown = {source: named_types(css, variables) - existing for source, css in sources.items()}
    assert len(sources) > len(FILES) > 5
    assert {source: names for source, names in unknown.items() if names} == {}
    assert named_types("Runs > NoSuchPane.-wide { &:focus Label { height: 1; } }", variables) == {
        *("Runs", "NoSuchPane", "Label")
    }
