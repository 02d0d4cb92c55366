"""Untrusted text, such as a model's, is made harmless before it reaches a terminal."""

from __future__ import annotations

import re

_CONTROL_PICTURES = 0x2400
_DELETE = 0x7F
_DANGEROUS = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f"  # C0 controls but tab and newline, and delete
    "\x80-\x9f"  # C1 controls: in UTF-8 terminals U+009B opens an escape sequence as well
    "\u2028\u2029"  # line and paragraph separators
    "\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069"  # marks that reorder the text around them
    "\ufff9-\ufffb"  # interlinear annotations
    "\U000e0000-\U000e007f"  # tags: invisible letters
    "\ud800-\udfff"  # lone surrogates
    "]"
)


def visible(text: str) -> str:
    r"""Replace control characters with visible ones: ESC becomes ``␛``, U+009B becomes ``\x9b``.

    Tabs and newlines stay, CR LF becomes a newline. The result is safe to write to a terminal and
    to pass to a Markdown renderer that renders no raw HTML.
    """
    return _DANGEROUS.sub(_picture, text.replace("\r\n", "\n"))


def _picture(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code == _DELETE:
        return "\N{SYMBOL FOR DELETE}"
    if code < ord(" "):
        return chr(_CONTROL_PICTURES + code)
    return match[0].encode("ascii", "backslashreplace").decode()
