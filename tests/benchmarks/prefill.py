"""What the first token of a batch of answers costs, as ftwb loads the model and as it comes.

    python -m tests.benchmarks.prefill

The demo model and transformers' own copy of it, both frozen, read the same prompts and return the
logits of the last position, taking turns. ``ratio`` is the median over the rounds of the CPU time
of transformers' copy divided by that of ftwb's; above 1, ftwb is faster. The tokens are the same.
"""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

import torch
from transformers import AutoModelForCausalLM

from tests.benchmarks.recording import option_parser, save
from workbench.core.progress import silent
from workbench.models import loading
from workbench.models.demo import ensure_demo_model
from workbench.recipe.model import ModelSection

if TYPE_CHECKING:
    from transformers import PreTrainedModel

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
VOCABULARY = 49_152


@torch.inference_mode()
def first_token(model: PreTrainedModel, prompts: torch.Tensor) -> tuple[float, torch.Tensor]:
    """CPU seconds, and logits ``[rows, 1, vocabulary]``."""
    start = time.process_time()
    logits = model(prompts, use_cache=True, logits_to_keep=1).logits
    return time.process_time() - start, logits


def measure(dtype: torch.dtype, rows: int, rounds: int) -> float:
    """The ratio in one number format."""
    folder = ensure_demo_model(silent)
    ours = loading.load_base(
        ModelSection(id="demo"), folder, device=torch.device("cpu"), dtype=dtype
    )
    theirs = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()
    for model in (ours, theirs):
        model.requires_grad_(requires_grad=False)
    prompts = torch.randint(VOCABULARY, (rows, 24), generator=torch.Generator().manual_seed(0))
    ratios = []
    for _ in range(rounds + 1):  # the first is to warm up
        our_seconds, our_logits = first_token(ours, prompts)
        their_seconds, their_logits = first_token(theirs, prompts)
        ratios.append(their_seconds / our_seconds)
        assert torch.equal(our_logits.argmax(-1), their_logits.argmax(-1))
    return statistics.median(ratios[1:])


def main() -> None:
    parser = option_parser("prefill", __doc__)
    parser.add_argument("--rows", type=int, default=16, help="answers in a batch")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    figures = {
        f"ratio_{name}": round(measure(dtype, options.rows, options.rounds), 2)
        for name, dtype in DTYPES.items()
    }
    for name, value in figures.items():
        print(f"{name:<16}{value:8.2f}")
    save(options, figures)


if __name__ == "__main__":
    main()
