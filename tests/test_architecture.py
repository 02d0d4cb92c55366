"""The tree in ARCHITECTURE.md is the tree on disk, and every module says what it is for."""

from __future__ import annotations

from tests import architecture


def test_the_printed_tree_is_the_tree() -> None:
    assert architecture.printed() == architecture.tree(), "run: python -m tests.architecture"


def test_every_module_has_a_description() -> None:
    undescribed = [line for line in architecture.tree().splitlines() if len(line.split()) < 2]
    assert undescribed == []
