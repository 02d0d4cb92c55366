"""Access tokens and the home folder are redacted; everything else is kept."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from workbench.core.redaction import ScrubbedStream, holds_token, scrub

HUB = "hf_" + "aB3" * 12


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.setenv("SOME_API_KEY", "plain-but-secret")
    monkeypatch.setenv("PIN_TOKEN", "short")


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        (f"token={HUB}, again {HUB}.", "token=<token>, again <token>."),
        ("github_pat_" + "x1" * 20, "<token>"),
        ("ghp_" + "x1" * 18, "<token>"),
        ("key sk-ant-api03-" + "x1" * 12, "key <token>"),
        ("AKIAABCDEFGHIJKLMNOP", "<token>"),
        ("Authorization: Bearer abc.def-ghi_jkl.mno=", "Authorization: Bearer <token>"),
        ("https://ada:pw@host/x", "https://<token>@host/x"),
        ("used plain-but-secret here", "used <token> here"),
        ("/home/ada/models/x", "~/models/x"),
        ("open('/home/ada')", "open('~')"),
        (r'"error:\n/home/ada/a"', r'"error:\n~/a"'),
        ('"/home/ada/a":"/home/ada/b"', '"~/a":"~/b"'),
    ],
)
def test_secrets_are_redacted(raw: str, clean: str) -> None:
    assert scrub(raw) == clean
    assert scrub(clean) == clean


@pytest.mark.parametrize(
    "text",
    [
        "/home/adam/x",
        "/home/ada-2",
        "/mnt/home/ada",
        "hf_hub_download and hf_transfer",
        "sk-learn, task-oriented",
        "at 12:30@noon, https://host:8080/x",
        "the pin is short",
        "risk-averse-and-therefore-careful-people",
    ],
)
def test_lookalikes_are_kept(text: str) -> None:
    assert scrub(text) == text
    assert not holds_token(text)


def test_a_root_home_folder_is_not_redacted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/")
    assert scrub("/ and /data/x") == "/ and /data/x"


def test_a_path_is_not_a_token() -> None:
    assert not holds_token("/home/ada/models")
    assert holds_token(f"https://host/x?token={HUB}")


@given(some.text())
def test_scrubbing_twice_changes_nothing(text: str) -> None:
    assert scrub(scrub(text)) == scrub(text)


def test_a_stream_writes_the_clean_text() -> None:
    below = io.StringIO()
    stream: Any = ScrubbedStream(below)
    print(f"reading /home/ada/x with {HUB}", file=stream)
    assert below.getvalue() == "reading ~/x with <token>\n"
    assert stream.getvalue() == below.getvalue()
