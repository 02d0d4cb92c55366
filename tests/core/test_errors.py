"""An error in one line, whatever a library wrote."""

from __future__ import annotations

import pytest

from workbench.core.errors import first_line


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ValueError("broken\nat line 2\n"), "broken"),
        (ValueError("\n\nafter blank lines"), "after blank lines"),
        (KeyError(), "KeyError"),
        (ValueError(" \n"), "ValueError"),
    ],
)
def test_the_first_line_or_the_type(error: Exception, expected: str) -> None:
    assert first_line(error) == expected
