"""Base models into memory: where they lie, on which device, in which dtype."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.core.errors import BadInputError, first_line
from workbench.core.weights import require_safetensors
from workbench.models import hub
from workbench.models.configs import read_config
from workbench.models.conversion import convert_once
from workbench.models.demo import ensure_demo_model
from workbench.models.dtype import torch_dtype
from workbench.models.headers import read_headers
from workbench.models.progress import quieten_libraries
from workbench.models.sources import kind_of, path_of

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from torch.nn import Module
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from workbench.core.progress import ProgressCallback
    from workbench.recipe.model import ModelSection
    from workbench.strategies.base import Quantization


def locate(section: ModelSection, report: ProgressCallback) -> Path:
    """Return a local folder that holds the model, downloading or converting it the first time.

    Raises:
        NotFoundError: There is no such model.
        BadInputError: It cannot be used as a base model.
        MachineError: Network, disk or pip are missing for what has to be fetched.
    """
    match kind_of(section.id):
        case "demo":
            return ensure_demo_model(report)
        case "gguf":
            return convert_once(path_of(section.id), report)
        case "folder":
            return path_of(section.id)
        case "hub":
            return hub.download(section, report)


def choose_device() -> torch.device:
    """The first CUDA device, or the CPU."""
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def load_tokenizer(section: ModelSection, folder: Path) -> PreTrainedTokenizerBase:
    """Load the tokenizer; one without a padding token pads with its end-of-sequence token.

    Raises:
        BadInputError: There is none, or it cannot be read.
    """
    from transformers import AutoTokenizer

    quieten_libraries()
    if not hub.has_tokenizer(folder):
        raise BadInputError(
            f"{section.id}: no tokenizer in {folder}; copy the base model's into it"
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
    """Load the base model for inference on ``device``, its matrices in four bits if so asked.

    Raises:
        BadInputError: Weights are missing, cut off, or of an architecture that transformers does
            not know.
    """
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM

    quieten_libraries()
    read_config(folder)
    require_safetensors(folder, section.id)
    read_headers(folder)
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=dtype,
            trust_remote_code=section.trust_remote_code,
            local_files_only=True,
            use_safetensors=True,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
            **({} if quantization is None else _four_bits(quantization, device, dtype)),
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise BadInputError(f"{section.id}: cannot be loaded: {first_line(error)}") from error
    model, told = loaded
    _check_all_loaded(section, told)
    if quantization is not None:
        _keep_packing(model)
    ready: PreTrainedModel = model.to(device).eval()
    return ready


def _four_bits(
    quantization: Quantization, device: torch.device, dtype: torch.dtype
) -> dict[str, Any]:
    """Arguments that make transformers quantise with bitsandbytes while it loads."""
    from transformers import BitsAndBytesConfig

    asked = quantization.compute_dtype
    config = BitsAndBytesConfig(  # type: ignore[no-untyped-call]
        load_in_4bit=True,
        bnb_4bit_quant_type=quantization.code,
        bnb_4bit_use_double_quant=quantization.double,
        bnb_4bit_compute_dtype=dtype if asked == "auto" else torch_dtype(asked, device),
    )
    return {"device_map": {"": device}, "quantization_config": config}


def _keep_packing(model: Module) -> None:
    """Forbid bitsandbytes to repack weights between training and inference.

    On CPUs with bfloat16 instructions it does so by itself, rounding the scales on the way there
    and guessing them on the way back: the frozen base would not stay what it was.
    """
    from bitsandbytes.nn.modules import Linear4bit

    for module in model.modules():
        if isinstance(module, Linear4bit):
            module.support_avx512bf16_for_cpu = False


def _check_all_loaded(section: ModelSection, told: dict[str, Any]) -> None:
    """Refuse a model of which transformers had to make up a part."""
    wrong = sorted(str(key[0]) for key in told["mismatched_keys"])
    if wrong:
        raise BadInputError(
            f"{section.id}: {wrong[0]} has another shape than its config says ({len(wrong)} such "
            "in all); config.json and weights belong to different models"
        )
    missing = sorted(told["missing_keys"])
    if missing:
        raise BadInputError(
            f"{section.id}: its weights lack {missing[0]} ({len(missing)} missing in all); "
            "download them again"
        )
