"""Redaction: access tokens and the path of the home folder are never written to a file."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import Path
from typing import TextIO

TOKEN = "<token>"  # noqa: S105 - the placeholder
_TOKENS = re.compile(
    r"\bhf_[A-Za-z0-9]{20,}"  # Hugging Face
    r"|\b(?:gh[pousr]_|github_pat_)[A-Za-z0-9_]{20,}"  # GitHub
    r"|\bglpat-[A-Za-z0-9_-]{20,}"  # GitLab
    r"|\bsk-[A-Za-z0-9_-]{20,}"  # OpenAI, Anthropic and others
    r"|\bAKIA[A-Z0-9]{16}\b"  # AWS
    r"|(?<=\bBearer )[A-Za-z0-9._~+/-]{16,}=*"
    r"|(?<=://)[^\s/:@]*:[^\s/@]+(?=@)"  # user:password@host
)
_SECRET_VARIABLE = re.compile(r"(TOKEN|API_KEY|SECRET|PASSWORD)$")
_MIN_SECRET_LENGTH = 12


def scrub(text: str) -> str:
    """Replace access tokens by ``<token>`` and the path of the home folder by ``~``.

    A token is recognised by its shape, or because it is the value of an environment variable such
    as ``HF_TOKEN``. Scrubbing twice changes nothing more.
    """
    for pattern, placeholder in _patterns(_secrets(), str(Path.home())):
        text = pattern.sub(placeholder, text)
    return text


def holds_token(text: str) -> bool:
    """Whether the text contains an access token."""
    tokens, *_ = _patterns(_secrets(), str(Path.home()))
    return tokens[0].search(text) is not None


class ScrubbedStream:
    """A text stream that scrubs what is written to it and otherwise is the stream it wraps."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write the scrubbed text."""
        self._stream.write(scrub(text))
        return len(text)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


def _secrets() -> tuple[str, ...]:
    values = (value for name, value in os.environ.items() if _SECRET_VARIABLE.search(name))
    return tuple(sorted({value for value in values if len(value) >= _MIN_SECRET_LENGTH}))


@lru_cache(maxsize=4)
def _patterns(secrets: tuple[str, ...], home: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Pairs of a pattern and its placeholder, tokens first."""
    tokens = "|".join([_TOKENS.pattern, *map(re.escape, secrets)])
    pairs = [(re.compile(tokens), TOKEN)]
    if len(Path(home).parts) > 1:
        pairs.append(
            (re.compile(rf"(?:(?<![\w.~/-])|(?<=\\[nrt])){re.escape(home)}(?![\w.-])"), "~")
        )
    return tuple(pairs)
