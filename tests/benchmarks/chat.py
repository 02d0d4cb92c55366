"""What answering with base and tuned model in one batch costs, in time and memory.

    python -m tests.benchmarks.chat

The demo model, and a LoRA adapter on all of its linear layers, answer the same prompt with the same
number of tokens in four ways that take turns:

- apart: ``generate`` of the base, then of the tuned model (through PEFT);
- bare: ``generate`` of the base twice, as if the adapter cost nothing;
- peft: PEFT's mixed batch, ``generate(adapter_names=...)``;
- ftwb: the base lane and the tuned lane of the chat engine.

``ratio_to_X`` is the median over the rounds of ftwb's time divided by that of X. Goals:
``ratio_to_apart`` at most 0.75 on a CPU of two cores and 0.55 on a GPU; ``memory_ratio`` (all
weights, relative to the base's) at most 1.1. Run it on a quiet machine.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from tests.benchmarks.recording import option_parser, save
from workbench.chat.engine.decoding import Decoder
from workbench.chat.engine.lanes import open_lanes, twin
from workbench.chat.engine.loader import load_lane
from workbench.chat.protocol import Done, Generate, Turn
from workbench.core.progress import silent
from workbench.data.formats import Message
from workbench.data.rendering import Renderer
from workbench.models import loading
from workbench.models.demo import ensure_demo_model
from workbench.models.dtype import torch_dtype
from workbench.recipe.model import ModelSection
from workbench.strategies.lora import LoraStrategy

if TYPE_CHECKING:
    from collections.abc import Callable

    from transformers import PreTrainedModel

QUESTION = "Explain how plants make sugar from light."
NOISE = 0.05
CONTEXT = 2048

Tokens = list[list[int]]


def load_demo() -> tuple[PreTrainedModel, Path]:
    """The demo model as a run would load it, but one that never ends its answer."""
    folder = ensure_demo_model(silent)
    device = loading.choose_device()
    dtype = torch_dtype("auto", device)
    base = loading.load_base(ModelSection(id="demo"), folder, device=device, dtype=dtype)
    base.generation_config.eos_token_id = None
    return base, folder


def save_adapter(base: PreTrainedModel, folder: Path) -> LoraStrategy:
    """Save an adapter with noise in place of what a short training would learn."""
    strategy = LoraStrategy()
    tuned = strategy.prepare(twin(base))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in tuned.named_parameters():
            if "lora_B" in name:
                parameter.copy_(NOISE * torch.randn(parameter.shape, generator=generator))
    strategy.save(tuned, folder)
    return strategy


def generate(
    model: Any, prompt: list[int], length: int, adapters: list[str] | None = None
) -> Tokens:
    """The new tokens of plain ``generate``; one row per adapter where they are named."""
    ids = torch.tensor([prompt] * len(adapters or [""]), device=model.device)
    options = {"adapter_names": adapters} if adapters else {}
    output = model.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        do_sample=False,
        max_new_tokens=length,
        **options,
    )
    tokens: Tokens = output[:, ids.shape[1] :].tolist()
    return tokens


def answer_in_lanes(decoder: Decoder, length: int) -> Tokens:
    """The tokens of the engine's two lanes."""
    conversation = (Turn(role="user", content=QUESTION),)
    conversations = {"base": conversation, "tuned": conversation}
    request = Generate(id=1, conversations=conversations, max_tokens=length)
    events = list(decoder.answer(request, lambda: False))
    done = {event.lane: event for event in events if isinstance(event, Done)}
    return [list(done[lane].token_ids) for lane in conversations]


def build_ways(length: int, folder: Path) -> tuple[dict[str, Callable[[], Tokens]], float]:
    """The four ways by name, all on one copy of the base, and the ratio of memory."""
    base, model_folder = load_demo()
    strategy = save_adapter(base, folder)
    plain, peft = twin(base), strategy.load(twin(base), folder).eval()
    lanes = open_lanes(base, [load_lane("tuned", base, strategy, folder)])
    tokenizer = loading.load_tokenizer(ModelSection(id="demo"), model_folder)
    renderer = Renderer(tokenizer, assistant_only_loss=True, sequence_length=CONTEXT)
    prompt = renderer.prompt([Message("user", QUESTION)])
    decoder = Decoder(lanes, tokenizer, lambda _turns: prompt, CONTEXT)
    lane_bytes = [lane.extra_bytes for lane in lanes.facts()]
    return {
        "apart": lambda: [*generate(plain, prompt, length), *generate(peft, prompt, length)],
        "bare": lambda: generate(plain, prompt, length) + generate(plain, prompt, length),
        "peft": lambda: generate(peft, prompt, length, ["__base__", "default"]),
        "ftwb": lambda: answer_in_lanes(decoder, length),
    }, sum(lane_bytes) / lane_bytes[0]


def timed(way: Callable[[], Tokens]) -> float:
    """Seconds, including the work queued on the device."""
    start = time.perf_counter()
    way()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


def measure(length: int, rounds: int) -> dict[str, float | bool]:
    """Median seconds of every way, the ratios, and whether the lanes answered like ``apart``."""
    with tempfile.TemporaryDirectory() as folder:
        ways, memory = build_ways(length, Path(folder))
        equal = ways["ftwb"]() == ways["apart"]()
        for way in ways.values():
            way()
        times = [{name: timed(way) for name, way in ways.items()} for _ in range(rounds)]
    medians = {
        f"{name}_seconds": statistics.median(seconds[name] for seconds in times) for name in ways
    }
    ratios = {
        f"ratio_to_{name}": statistics.median(seconds["ftwb"] / seconds[name] for seconds in times)
        for name in ("apart", "bare", "peft")
    }
    return {**medians, **ratios, "memory_ratio": memory, "equal_tokens": equal}


def main() -> None:
    parser = option_parser("chat", __doc__)
    parser.add_argument("--tokens", type=int, default=64, help="Length of each answer.")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    measured = measure(options.tokens, options.rounds)
    figures = {
        name: value if isinstance(value, bool) else round(value, 3)
        for name, value in measured.items()
    }
    for name, value in figures.items():
        print(f"{name:<16}{value!s:>8}")
    save(options, figures)


if __name__ == "__main__":
    main()
