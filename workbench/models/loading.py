"""Loading base models: from where, onto which device, in which dtype."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.core.errors import BadInputError, first_line
from workbench.core.weights import NO_ADAPTER
from workbench.models import hub
from workbench.models.conversion import convert_once
from workbench.models.demo import ensure_demo_model
from workbench.models.describing import read_config
from workbench.models.dtype import torch_dtype
from workbench.models.headers import read_headers, require_weights
from workbench.models.library_output import quieten_libraries
from workbench.models.output_head import feed_head_contiguously
from workbench.models.sources import local_path, source_kind

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from torch.nn import Module
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from workbench.core.progress import ProgressCallback
    from workbench.recipe.model import ModelSection
    from workbench.strategies.base import Quantization


FLOATS = ("float32", "bfloat16", "float16")
"""Number formats in which a result can be saved."""


def locate(section: ModelSection, report: ProgressCallback) -> Path:
    """Return a local folder with the model, downloading or converting it the first time.

    Raises:
        NotFoundError: There is no such model.
        BadInputError: It cannot be used as a base model.
        MachineError: There is no network, disk space or pip to download it.
    """
    match source_kind(section.id):
        case "demo":
            return ensure_demo_model(report)
        case "gguf":
            return convert_once(local_path(section.id), report)
        case "folder":
            return local_path(section.id)
        case "hub":
            return hub.download(section, report)


def choose_device() -> torch.device:
    """The first CUDA device, or the CPU."""
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def load_tokenizer(section: ModelSection, folder: Path) -> PreTrainedTokenizerBase:
    """Load the tokenizer; one without a padding token pads with its end-of-sequence token.

    Raises:
        BadInputError: There is no tokenizer, or it cannot be read.
    """
    from transformers import AutoTokenizer

    quieten_libraries()
    if not hub.has_tokenizer(folder):
        raise BadInputError(
            f"{section.id}: no tokenizer in {folder}; copy that of the base model there"
        )
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            folder, trust_remote_code=section.trust_remote_code, local_files_only=True
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInputError(f"{section.id}: broken tokenizer: {first_line(error)}") from error
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_base(
    section: ModelSection,
    folder: Path,
    *,
    device: torch.device,
    dtype: torch.dtype,
    quantization: Quantization | None = None,
) -> PreTrainedModel:
    """Load a base model in evaluation mode, from the weights that its facts were read from.

    An adapter in the same folder is left where it is.

    Args:
        section: The model as the recipe names it.
        folder: Where it is.
        device: Where to put it.
        dtype: Number format of weights that are not quantised.
        quantization: How to quantise its matrices to 4 bits; None leaves them as they are.

    Raises:
        BadInputError: Weights are missing, truncated or of other shapes than config.json says, or
            transformers does not know the architecture.
    """
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM

    quieten_libraries()
    read_config(folder)
    require_weights(folder, section.id)
    headers = read_headers(folder)
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=dtype,
            trust_remote_code=section.trust_remote_code,
            local_files_only=True,
            use_safetensors=True,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
            **NO_ADAPTER,
            **({} if quantization is None else _quantize(quantization, device, dtype)),
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise BadInputError(f"{section.id}: cannot be loaded: {first_line(error)}") from error
    model, info = loaded
    _check_complete(section, info)
    if section.resize_embeddings:
        from workbench.models.embedding import add_rows

        add_rows(model, len(load_tokenizer(section, folder)))
    if quantization is not None:
        _disable_cpu_repacking(model)
    feed_head_contiguously(model)
    on_device: PreTrainedModel = model.to(device).eval()
    if headers and headers.dtype in FLOATS:
        model.stored_dtype = getattr(torch, headers.dtype)  # results are saved in it
    return on_device


def _quantize(
    quantization: Quantization, device: torch.device, dtype: torch.dtype
) -> dict[str, Any]:
    """Arguments of ``from_pretrained`` that quantise with bitsandbytes while loading."""
    from transformers import BitsAndBytesConfig

    compute_dtype = (
        dtype
        if quantization.compute_dtype == "auto"
        else torch_dtype(quantization.compute_dtype, device)
    )
    config = BitsAndBytesConfig(  # type: ignore[no-untyped-call]
        load_in_4bit=True,
        bnb_4bit_quant_type=quantization.quant_type,
        bnb_4bit_use_double_quant=quantization.use_double_quant,
        bnb_4bit_compute_dtype=compute_dtype,
    )
    return {"device_map": {"": device}, "quantization_config": config}


def _disable_cpu_repacking(model: Module) -> None:
    """Keep bitsandbytes from repacking 4-bit weights between training and inference.

    It does so by itself on CPUs with bfloat16 instructions, which rounds the scales and estimates
    them when it packs back: the frozen base would change.
    """
    from bitsandbytes.nn.modules import Linear4bit

    for module in model.modules():
        if isinstance(module, Linear4bit):
            module.support_avx512bf16_for_cpu = False


def _check_complete(section: ModelSection, info: dict[str, Any]) -> None:
    """Refuse a model of which transformers had to initialise a part at random."""
    mismatched = sorted(str(key[0]) for key in info["mismatched_keys"])
    if mismatched:
        raise BadInputError(
            f"{section.id}: shape of {mismatched[0]} does not match config.json "
            f"({len(mismatched)} mismatches); config and weights are of different models"
        )
    missing = sorted(info["missing_keys"])
    if missing:
        raise BadInputError(
            f"{section.id}: weights lack {missing[0]} ({len(missing)} missing); download them again"
        )
