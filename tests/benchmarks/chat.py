"""What both answers cost in one batch: time against plain ``generate``, memory against the base.

Run it alone on a quiet machine: ``python tests/benchmarks/chat.py``. The demo model and a LoRA
adapter beside all its matrices answer the same prompt with the same number of tokens, in four ways
that take turns:

- apart: ``generate`` of the base, then of the tuned model alone (through PEFT);
- bare: ``generate`` of the base twice, as if the adapter cost nothing;
- peft: PEFT's own mixed batch, ``generate(adapter_names=...)``;
- ftwb: the base and the tuned lane of the chat engine.

Each ``to_`` is the median over the rounds of ftwb's time to that way's. Goals: ``to_apart`` at most
0.75 on a CPU of two cores and 0.55 on a GPU; ``memory`` (all weights, to the base's) at most 1.1.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from workbench.chat.engine.decoding import Decoder
from workbench.chat.engine.lanes import open_lanes, twin
from workbench.chat.engine.loader import load_lane
from workbench.chat.protocol import Done, Generate, Turn
from workbench.core.progress import silent
from workbench.models import loading
from workbench.models.demo import ensure_demo_model
from workbench.models.dtype import torch_dtype
from workbench.recipe.model import ModelSection
from workbench.strategies.lora import LoraStrategy

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch.nn import Module
    from transformers import PreTrainedModel

PROMPT = (Turn(role="user", content="Explain how plants make sugar from light."),)
NOISE = 0.05
CONTEXT = 2048

Tokens = list[list[int]]


def load_demo() -> tuple[PreTrainedModel, Path]:
    """The demo model as a run would load it, without an end of its own."""
    folder = ensure_demo_model(silent)
    device = loading.choose_device()
    dtype = torch_dtype("auto", device)
    base = loading.load_base(ModelSection(id="demo"), folder, device=device, dtype=dtype)
    base.generation_config.eos_token_id = None
    return base, folder


def save_adapter(base: PreTrainedModel, folder: Path) -> LoraStrategy:
    """An adapter that changes what is said, as a short training would leave it."""
    strategy = LoraStrategy()
    tuned = strategy.prepare(twin(base))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in tuned.named_parameters():
            if "lora_B" in name:
                parameter.copy_(NOISE * torch.randn(parameter.shape, generator=generator))
    strategy.save(tuned, folder)
    return strategy


def generated(model: Module, prompt: list[int], length: int, **options: list[str]) -> Tokens:
    """What plain ``generate`` says, for as many rows as adapters are named."""
    ids = torch.tensor([prompt] * len(options.get("adapter_names", "1")), device=model.device)
    output = model.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        do_sample=False,
        max_new_tokens=length,
        **options,
    )
    return output[:, ids.shape[1] :].tolist()


def answered(decoder: Decoder, length: int) -> Tokens:
    """What the two lanes say."""
    conversations = {"base": PROMPT, "tuned": PROMPT}
    request = Generate(id=1, conversations=conversations, max_tokens=length)
    events = list(decoder.answer(request, lambda: False))
    done = {event.lane: event for event in events if isinstance(event, Done)}
    return [list(done[lane].token_ids) for lane in conversations]


def ways(length: int, folder: Path) -> tuple[dict[str, Callable[[], Tokens]], float]:
    """The four ways by name, all on one copy of the base, and the ratio of memory."""
    base, where = load_demo()
    strategy = save_adapter(base, folder)
    plain, peft = twin(base), strategy.load(twin(base), folder).eval()
    lanes = open_lanes(base, [load_lane("tuned", base, strategy, folder)])
    tokenizer = loading.load_tokenizer(ModelSection(id="demo"), where)
    prompt = tokenizer.apply_chat_template(
        [turn.model_dump() for turn in PROMPT], add_generation_prompt=True, return_dict=False
    )
    decoder = Decoder(lanes, tokenizer, lambda _turns: prompt, CONTEXT)
    both = ["__base__", "default"]
    held = [lane.extra_bytes for lane in lanes.facts()]
    return {
        "apart": lambda: [*generated(plain, prompt, length), *generated(peft, prompt, length)],
        "bare": lambda: generated(plain, prompt, length) + generated(plain, prompt, length),
        "peft": lambda: generated(peft, prompt, length, adapter_names=both),
        "ftwb": lambda: answered(decoder, length),
    }, sum(held) / held[0]


def timed(way: Callable[[], Tokens]) -> float:
    """Seconds, until the device is done as well."""
    start = time.perf_counter()
    way()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


def measure(length: int, rounds: int) -> dict[str, float | bool]:
    """Median seconds of every way, the ratios, and whether the lanes said what ``apart`` said."""
    with tempfile.TemporaryDirectory() as folder:
        every, memory = ways(length, Path(folder))
        equal = every["ftwb"]() == every["apart"]()
        for way in every.values():
            way()
        times = [{name: timed(way) for name, way in every.items()} for _ in range(rounds)]
    medians = {name: statistics.median(each[name] for each in times) for name in every}
    ratios = {
        f"to_{name}": statistics.median(each["ftwb"] / each[name] for each in times)
        for name in ("apart", "bare", "peft")
    }
    return {**medians, **ratios, "memory": memory, "equal": equal}


def main() -> None:
    """Print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tokens", type=int, default=64, help="Length of each answer.")
    parser.add_argument("--rounds", type=int, default=7)
    chosen = parser.parse_args()
    result = measure(chosen.tokens, chosen.rounds)
    sys.stdout.write(json.dumps({key: round(value, 3) for key, value in result.items()}) + "\n")


if __name__ == "__main__":
    main()
