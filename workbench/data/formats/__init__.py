"""Dataset formats: recognised from the names of fields, and all turned into the same examples."""

from __future__ import annotations

from workbench.data.formats.examples import Example, Examples, Message, Piece, Role, Tokens
from workbench.data.formats.recognition import ExampleStream, to_examples

__all__ = [
    "Example",
    "ExampleStream",
    "Examples",
    "Message",
    "Piece",
    "Role",
    "Tokens",
    "to_examples",
]
