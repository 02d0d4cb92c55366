"""How a hub model is described and downloaded, with a scripted hub client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import huggingface_hub
import pytest
from httpx2 import ConnectError, Request, Response
from huggingface_hub import ModelInfo, errors, get_local_safetensors_metadata

from workbench.core.errors import BadInputError, FtwbError, MachineError, NotFoundError
from workbench.core.progress import silent
from workbench.models import hub
from workbench.models.describing import folder_facts, read_facts
from workbench.recipe.model import ModelSection

if TYPE_CHECKING:
    from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SECTION = ModelSection(id="someone/far", revision="v1")

pytestmark = pytest.mark.usefixtures("own_cache")


def answer(monkeypatch: pytest.MonkeyPatch, *files: str, **extra: Any) -> list[dict[str, Any]]:
    """Let the hub have one model; return the requests it got."""
    requests: list[dict[str, Any]] = []
    siblings = [{"rfilename": name} for name in files]
    info = ModelInfo(id=SECTION.id, sha=COMMIT, siblings=siblings, **extra)

    def model_info(_: object, name: str, **options: Any) -> ModelInfo:
        requests.append({"id": name, **options})
        return info

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", model_info)
    return requests


def test_a_remote_model_is_described_without_its_weights(
    monkeypatch: pytest.MonkeyPatch, tiny_model: Path
) -> None:
    requests = answer(
        monkeypatch,
        "config.json",
        "chat_template.jinja",
        cardData={"license": "mit"},
    )
    pinned = []

    def take_config(_: str, name: str, *, revision: str) -> str:
        pinned.append(revision)
        return str(tiny_model / name)

    def take_headers(_: str, *, revision: str) -> object:
        pinned.append(revision)
        return get_local_safetensors_metadata(tiny_model)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", take_config)
    monkeypatch.setattr(huggingface_hub, "get_safetensors_metadata", take_headers)
    expected = folder_facts(tiny_model, SECTION.id).model_copy(update={"licence": "mit"})
    assert read_facts(SECTION) == expected
    assert [(call["id"], call["revision"]) for call in requests] == [("someone/far", "v1")]
    assert pinned == [COMMIT, COMMIT]


def test_a_model_with_only_pickles_has_no_parameters(
    monkeypatch: pytest.MonkeyPatch, tiny_model: Path
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise errors.NotASafetensorsRepoError("pickles")

    answer(monkeypatch, "config.json", "pytorch_model.bin")
    monkeypatch.setattr(
        huggingface_hub, "hf_hub_download", lambda *_, **__: str(tiny_model / "config.json")
    )
    monkeypatch.setattr(huggingface_hub, "get_safetensors_metadata", refuse)
    facts = read_facts(SECTION)
    assert (facts.parameters, facts.shapes, facts.layers) == (0, {}, 2)
    assert facts.licence == ""
    assert not facts.chat_template


def test_pickles_are_never_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, "config.json", "pytorch_model.bin")
    with pytest.raises(BadInputError, match=r"someone/far: has no safetensors"):
        hub.download(SECTION, silent)


@pytest.mark.parametrize("trusted", [False, True])
def test_code_is_fetched_only_where_it_is_trusted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, trusted: bool
) -> None:
    answer(monkeypatch, "config.json", "model.safetensors")
    requested: dict[str, Any] = {}

    def take(_: str, **options: Any) -> str:
        requested.update(options)
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", take)
    section = SECTION.model_copy(update={"trust_remote_code": trusted})
    assert hub.download(section, silent) == tmp_path
    assert requested["revision"] == "v1"
    assert ("*.py" in requested["allow_patterns"]) == trusted
    assert not any(pattern.endswith((".bin", ".pt")) for pattern in requested["allow_patterns"])


def test_the_bytes_of_a_download_are_reported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answer(monkeypatch, "config.json", "model.safetensors")
    reported: list[tuple[str, int, int]] = []

    def take(_: str, *, tqdm_class: type, **__: object) -> str:
        with tqdm_class(total=3, unit="it") as files, tqdm_class(total=100, unit="B") as data:
            files.update(2)
            data.update(40)
            data.refresh()
            data.update(60)
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", take)
    hub.download(SECTION, lambda *progress: reported.append(progress))
    assert ("downloading someone/far", 40, 100) in reported
    assert reported[-1] == ("downloading someone/far", 100, 100)
    assert {total for _, _, total in reported} == {100}


def failing(kind: str) -> Exception:
    request = Request("GET", "https://hub")
    response = Response(404, request=request)
    return {
        "gated": errors.GatedRepoError("x", response=response),
        "missing": errors.RepositoryNotFoundError("x", response=response),
        "revision": errors.RevisionNotFoundError("x", response=response),
        "config": errors.RemoteEntryNotFoundError("x", response=response),
        "server": errors.HfHubHTTPError("x", response=response),
        "network": ConnectError("no route", request=request),
        "offline": errors.OfflineModeIsEnabled("x"),
    }[kind]


@pytest.mark.parametrize(
    ("kind", "expected", "message"),
    [
        ("gated", BadInputError, "request access on its hub page"),
        ("missing", NotFoundError, "no model of that id on the hub"),
        ("revision", NotFoundError, "the hub has no such revision"),
        ("config", BadInputError, "no config.json"),
        ("server", MachineError, "the hub cannot be reached"),
        ("network", MachineError, "the hub cannot be reached"),
        ("offline", MachineError, "the hub cannot be reached"),
    ],
)
def test_every_refusal_is_one_line(
    monkeypatch: pytest.MonkeyPatch, kind: str, expected: type[FtwbError], message: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise failing(kind)

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", refuse)
    for act in (read_facts, lambda section: hub.download(section, silent)):
        with pytest.raises(expected, match=message) as error:
            act(SECTION)
        assert str(error.value).startswith("someone/far: ")
        assert "\n" not in str(error.value)


def test_a_template_without_a_card_is_seen(
    monkeypatch: pytest.MonkeyPatch, tiny_model: Path
) -> None:
    answer(monkeypatch, config={"tokenizer_config": {"chat_template": "x"}})
    monkeypatch.setattr(
        huggingface_hub, "hf_hub_download", lambda *_, **__: str(tiny_model / "config.json")
    )
    monkeypatch.setattr(
        huggingface_hub,
        "get_safetensors_metadata",
        lambda *_, **__: get_local_safetensors_metadata(tiny_model),
    )
    facts = read_facts(SECTION)
    assert facts.licence == ""
    assert facts.chat_template
