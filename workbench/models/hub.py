"""Models of the Hugging Face hub: in its cache, described remotely, or downloaded."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from workbench.core.errors import BadInputError, MachineError, NotFoundError
from workbench.models.headers import INDEX, SINGLE, Headers, parse_headers, read_headers
from workbench.models.library_output import reporting_bar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from huggingface_hub import ModelInfo

    from workbench.core.progress import ProgressCallback
    from workbench.recipe.model import ModelSection

_DOWNLOADED = ("*.safetensors", "*.json", "*.jinja", "*.model", "*.txt", "*.tiktoken", "README.md")
_IGNORED = ("*/*", "consolidated*", "*.index.fp32.json")
"""Subfolders, and Mistral's consolidated file, contain the same weights in other formats."""

_VOCABULARIES = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model")

_TIMEOUT = 10.0
"""Seconds to wait for the hub."""


class RemoteModel(NamedTuple):
    """A model that is not downloaded: the cached folder of its config, and what the hub says."""

    folder: Path
    headers: Headers | None
    licence: str
    chat_template: bool


def cached_snapshot(model_id: str, revision: str | None = None) -> Path | None:
    """The cached folder of a revision, if it has a config; its weights may be missing."""
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(model_id, "config.json", revision=revision)
    return Path(config).parent if isinstance(config, str) else None


def complete_snapshot(model_id: str, revision: str | None = None) -> Path | None:
    """The cached folder of a revision, if everything needed to load the model is in it."""
    folder = cached_snapshot(model_id, revision)
    return folder if folder and _is_complete(folder) else None


def download(section: ModelSection, report: ProgressCallback) -> Path:
    """Return the cached folder of a hub model, downloading what is needed to load it.

    Raises:
        NotFoundError: The hub has no such model or revision.
        BadInputError: The model has no safetensors, or access must be requested on its page.
        MachineError: It is not cached, and the hub cannot be reached.
    """
    from huggingface_hub import snapshot_download

    if cached := complete_snapshot(section.id, section.revision):
        return cached
    with hub_errors(section.id):
        files = [sibling.rfilename for sibling in _info(section).siblings or []]
        if SINGLE not in files and INDEX not in files:
            raise BadInputError(
                f"{section.id}: has no safetensors, and opening pickled weights can run code; "
                "convert it first, or choose another model"
            )
        code = ("*.py",) if section.trust_remote_code else ()
        return Path(
            snapshot_download(
                section.id,
                revision=section.revision,
                allow_patterns=[*_DOWNLOADED, *code],
                ignore_patterns=list(_IGNORED),
                tqdm_class=reporting_bar(report, f"downloading {section.id}", unit="B"),
            )
        )


def describe_remote(section: ModelSection) -> RemoteModel:
    """Describe a hub model without downloading its weights.

    Raises:
        NotFoundError: The hub has no such model or revision.
        BadInputError: It has no config, or access must be requested on its page.
        MachineError: The hub cannot be reached.
    """
    from huggingface_hub import get_safetensors_metadata, hf_hub_download
    from huggingface_hub.errors import NotASafetensorsRepoError

    with hub_errors(section.id):
        info = _info(section)
        config = hf_hub_download(section.id, "config.json", revision=info.sha)
        try:
            headers = parse_headers(get_safetensors_metadata(section.id, revision=info.sha))
        except NotASafetensorsRepoError:
            headers = None
    return RemoteModel(Path(config).parent, headers, _licence(info), _has_template(info))


@contextmanager
def hub_errors(model_id: str) -> Iterator[None]:
    """Turn the hub client's errors into ftwb's own."""
    from huggingface_hub import errors

    try:
        yield
    except errors.GatedRepoError as error:
        raise BadInputError(
            f"{model_id}: request access on its hub page, then log in with 'hf auth login'"
        ) from error
    except (errors.RepositoryNotFoundError, errors.HFValidationError) as error:
        raise NotFoundError(
            f"{model_id}: no folder here and no model of that id on the hub; "
            "'ftwb models' lists the models on this machine"
        ) from error
    except (errors.RevisionNotFoundError, errors.RevisionResolutionError) as error:
        raise NotFoundError(f"{model_id}: the hub has no such revision") from error
    except errors.RemoteEntryNotFoundError as error:
        raise BadInputError(f"{model_id}: the hub has no config.json for it") from error
    except (OSError, errors.HTTPError) as error:
        raise MachineError(
            f"{model_id}: not on this machine, and the hub cannot be reached; connect, or choose "
            "one of 'ftwb models'"
        ) from error


def _info(section: ModelSection) -> ModelInfo:
    from huggingface_hub import HfApi

    return HfApi().model_info(section.id, revision=section.revision, timeout=_TIMEOUT)


def _licence(info: ModelInfo) -> str:
    return str(info.card_data.get("license") or "") if info.card_data else ""


def _has_template(info: ModelInfo) -> bool:
    config: dict[str, Any] = info.config or {}
    files = [sibling.rfilename for sibling in info.siblings or []]
    in_config = "chat_template" in (config.get("tokenizer_config") or {})
    return in_config or "chat_template.jinja" in files


def _is_complete(folder: Path) -> bool:
    try:
        return read_headers(folder) is not None and has_tokenizer(folder)
    except BadInputError:
        return False


def has_tokenizer(folder: Path) -> bool:
    """Whether ``folder`` has a tokenizer that transformers can read."""
    return any((folder / name).is_file() for name in _VOCABULARIES) or any(
        folder.glob("*.tiktoken")
    )
