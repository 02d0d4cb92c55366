"""What must not be written down: access tokens, and whose home folder it was."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import Path
from typing import TextIO

TOKEN = "<token>"  # noqa: S105 - what stands where a token was
_TOKENS = re.compile(
    r"\bhf_[A-Za-z0-9]{20,}"  # Hugging Face
    r"|\b(?:gh[pousr]_|github_pat_)[A-Za-z0-9_]{20,}"  # GitHub
    r"|\bglpat-[A-Za-z0-9_-]{20,}"  # GitLab
    r"|\bsk-[A-Za-z0-9_-]{20,}"  # OpenAI, Anthropic and those who follow them
    r"|\bAKIA[A-Z0-9]{16}\b"  # AWS
    r"|(?<=\bBearer )[A-Za-z0-9._~+/-]{16,}=*"
    r"|(?<=://)[^\s/:@]*:[^\s/@]+(?=@)"  # user:password@host
)
_NAMES_OF_SECRETS = re.compile(r"(TOKEN|API_KEY|SECRET|PASSWORD)$")
_SHORTEST_SECRET = 12


def scrub(text: str) -> str:
    """Replace access tokens by ``<token>`` and the path of the home folder by ``~``.

    Tokens are known by their shape, or by standing in an environment variable such as
    ``HF_TOKEN``. Scrubbing twice changes nothing.
    """
    for pattern, instead in _patterns(_secrets(), str(Path.home())):
        text = pattern.sub(instead, text)
    return text


def holds_token(text: str) -> bool:
    """Whether an access token stands in the text."""
    tokens, *_ = _patterns(_secrets(), str(Path.home()))
    return tokens[0].search(text) is not None


class ScrubbedStream:
    """A text stream that scrubs what is written to it, and is the stream it wraps otherwise."""

    def __init__(self, stream: TextIO) -> None:
        """Write to ``stream``."""
        self._stream = stream

    def write(self, text: str) -> int:
        """Write the text without tokens and home folder."""
        self._stream.write(scrub(text))
        return len(text)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


def _secrets() -> tuple[str, ...]:
    named = (value for name, value in os.environ.items() if _NAMES_OF_SECRETS.search(name))
    return tuple(sorted({value for value in named if len(value) >= _SHORTEST_SECRET}))


@lru_cache(maxsize=4)
def _patterns(secrets: tuple[str, ...], home: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """What is replaced by what: tokens first."""
    tokens = "|".join([_TOKENS.pattern, *map(re.escape, secrets)])
    found = [(re.compile(tokens), TOKEN)]
    if len(Path(home).parts) > 1:
        found.append(
            (re.compile(rf"(?:(?<![\w.~/-])|(?<=\\[nrt])){re.escape(home)}(?![\w.-])"), "~")
        )
    return tuple(found)
