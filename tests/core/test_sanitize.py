"""Terminal instructions in untrusted text are made visible; ordinary text is unchanged."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as some

from workbench.core.sanitize import visible


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[2J", "␛[2J"),
        ("\x1b]52;c;aGk=\x07", "␛]52;c;aGk=␇"),
        ("\x9b31m", "\\x9b31m"),
        ("a\r\nb\rc", "a\nb␍c"),
        ("x\x7f\x08", "x␡␈"),
        ("abc\u202edcb", "abc\\u202edcb"),
        ("a\u2028b", "a\\u2028b"),
        ("hidden\U000e0041", "hidden\\U000e0041"),
        ("[bold]not markup[/]", "[bold]not markup[/]"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("👩‍🔬 ž 漢", "👩‍🔬 ž 漢"),
    ],
)
def test_known_cases(raw: str, shown: str) -> None:
    assert visible(raw) == shown


@given(some.text())
def test_no_control_character_is_left(text: str) -> None:
    left = {character for character in visible(text) if unicodedata.category(character) == "Cc"}
    assert left <= {"\n", "\t"}


@given(some.text())
def test_it_is_idempotent(text: str) -> None:
    assert visible(visible(text)) == visible(text)
