"""The hub is reached, refuses, or hangs."""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING

import huggingface_hub
from httpx2 import ConnectError, Request
from huggingface_hub import constants

from workbench.hardware.network import hub_reachable

if TYPE_CHECKING:
    import pytest


def script(monkeypatch: pytest.MonkeyPatch, answer: object) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", answer)


def test_offline_mode_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    requests = []
    script(monkeypatch, lambda *_, **__: requests.append(1))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert not hub_reachable(5)
    assert requests == []


def test_any_answer_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    script(monkeypatch, lambda *_, **__: None)
    assert hub_reachable(30)


def test_a_refused_connection_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ConnectError("no", request=Request("GET", "https://hub"))

    script(monkeypatch, refuse)
    assert not hub_reachable(30)


def test_a_name_server_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    released = Event()
    script(monkeypatch, lambda *_, **__: released.wait())
    assert not hub_reachable(0.01)
    released.set()
