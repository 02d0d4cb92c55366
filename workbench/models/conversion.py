"""GGUF files, converted once into a folder that transformers can train."""

from __future__ import annotations

import hashlib
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.core import locations
from workbench.core.errors import BadInputError, MachineError, first_line
from workbench.core.store import build_once
from workbench.models.gguf_files import read_gguf
from workbench.models.library_output import gguf_progress, quieten_libraries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from workbench.core.progress import ProgressCallback

_SPLITS_DIGITS = ("smollm", "starcoder")
"""Pre-tokenizers that split digits, which transformers does not restore from a GGUF file."""
CONVERSION_VERSION = 2
"""Raised when :func:`convert` writes something else than before, so that nothing old is read."""


def converted_folder(file: Path) -> Path:
    """Where the conversion of ``file`` is cached; a changed file or version has another folder."""
    stat = file.stat()
    identity = f"{CONVERSION_VERSION}\n{file.resolve()}\n{stat.st_size}\n{stat.st_mtime_ns}"
    digest = hashlib.sha256(identity.encode()).hexdigest()[:12]
    return locations.cache() / "models" / f"{file.stem}-{digest}"


def convert_once(file: Path, report: ProgressCallback) -> Path:
    """Return a folder with the model of ``file`` in float32, converting it the first time.

    Raises:
        BadInputError: The file is broken, or transformers cannot read its architecture.
        MachineError: The cache is not writable.
    """
    return build_once(converted_folder(file), lambda folder: convert(file, folder, report), report)


def convert(file: Path, folder: Path, report: ProgressCallback) -> None:
    """Convert ``file`` into ``folder``: safetensors, config, tokenizer and a model card.

    Raises:
        BadInputError: The file is broken, or transformers cannot read its architecture.
        MachineError: The disk is full.
    """
    report("reading the tokenizer", 0, 0)
    from safetensors import SafetensorError
    from transformers import AutoTokenizer

    quieten_libraries()
    header = read_gguf(file)
    try:
        with _apart(file) as alone:
            tokenizer = AutoTokenizer.from_pretrained(alone, gguf_file=file.name)
            report("reading the weights", 0, 0)
            model = _load_weights(alone, file.name, report)
    except (OSError, ValueError, KeyError, NotImplementedError) as error:
        raise BadInputError(
            f"{file}: transformers cannot read this GGUF file ({first_line(error)}); use the "
            "model's safetensors instead"
        ) from error
    restore_tokenizer(tokenizer, header.pre_tokenizer, header.context)
    report("saving the converted model", 0, 0)
    try:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        card = f"---\nlicense: {header.licence}\n---\nConverted by ftwb from {file.name}.\n"
        (folder / "README.md").write_text(card, encoding="utf-8")
    except SafetensorError as error:
        raise MachineError(f"{folder}: the converted model cannot be written: {error}") from error


@contextmanager
def _apart(file: Path) -> Iterator[Path]:
    """A folder with a link to ``file`` alone: transformers also reads what lies beside it."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / file.name).symlink_to(file.resolve())
        yield Path(folder)


def _load_weights(folder: Path, name: str, report: ProgressCallback) -> PreTrainedModel:
    import torch
    from transformers import AutoModelForCausalLM, GgufConfig

    with gguf_progress(report, "converting the weights"):
        return AutoModelForCausalLM.from_pretrained(
            folder,
            gguf_file=name,
            dtype=torch.float32,
            quantization_config=GgufConfig(dequantize=True),
        )


def restore_tokenizer(tokenizer: PreTrainedTokenizerBase, pre_tokenizer: str, context: int) -> None:
    """Restore what a GGUF file does not keep: how digits are split, and the longest input.

    Args:
        tokenizer: Modified in place.
        pre_tokenizer: The file's ``tokenizer.ggml.pre``.
        context: Most tokens that the model can read.
    """
    from tokenizers import pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    tokenizer.model_max_length = context
    if pre_tokenizer in _SPLITS_DIGITS and isinstance(tokenizer, PreTrainedTokenizerFast):
        tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Digits(individual_digits=True),
                pre_tokenizers.ByteLevel(add_prefix_space=False),
            ]
        )
