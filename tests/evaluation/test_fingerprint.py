"""What a run keeps of its base, and how far another may be from it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from transformers import AutoTokenizer

from tests.chat.tuned_runs import load, recipe_on
from tests.tiny import make_tiny_model
from workbench.core.errors import BadInputError, MachineError
from workbench.evaluation.fingerprint import (
    EXACT,
    PROMPTS,
    Fingerprint,
    Held,
    read_fingerprint,
    save_fingerprint,
    take_fingerprint,
)

if TYPE_CHECKING:
    from pathlib import Path

FULL = Held("float32", "cpu", "")
HALF = Held("bfloat16", "NVIDIA H200", "")
CODED = Held("float32", "cpu", "nf4")


def stored(held: Held | None) -> Fingerprint:
    return Fingerprint(torch.tensor([[3.0, 4.0]]), held, late=False)


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    logits = torch.randn(6, 258)
    save_fingerprint(logits, HALF, tmp_path / "base")
    found = read_fingerprint(tmp_path / "base")
    assert torch.equal(found.logits, logits)
    assert (found.held, found.late) == (HALF, False)
    save_fingerprint(logits, FULL, tmp_path / "base", late=True)
    assert read_fingerprint(tmp_path / "base").late


def test_a_file_that_says_nothing_of_how_it_was_made_is_read(tmp_path: Path) -> None:
    assert read_fingerprint(tmp_path) is None
    file = tmp_path / "fingerprint.safetensors"
    save_file({"logits": torch.ones(6, 4)}, file)
    found = read_fingerprint(tmp_path)
    assert (found.held, found.late) == (None, False)
    file.write_bytes(file.read_bytes()[:-5])
    with pytest.raises(BadInputError, match="broken, so no base can be proven"):
        read_fingerprint(tmp_path)


def test_the_distance_is_relative_to_what_is_stored() -> None:
    kept = stored(FULL)
    assert kept.distance(torch.tensor([[3.0, 4.0]])) == 0
    assert kept.distance(torch.tensor([[3.0, 4.5]])) == pytest.approx(0.1)
    assert kept.distance(torch.ones(1, 3)) == math.inf
    assert kept.fits(torch.tensor([[3.0, 4.0 + 4 * EXACT]]), FULL)
    assert not kept.fits(torch.tensor([[3.0, 4.0 + 6 * EXACT]]), FULL)
    assert not kept.fits(torch.tensor([[3.0, math.nan]]), FULL)
    assert not kept.fits(torch.tensor([[3.0, 4.0, 0.0]]), FULL)


@pytest.mark.parametrize(
    ("then", "now", "allowed"),
    [
        (FULL, FULL, EXACT),
        (FULL, Held("float32", "NVIDIA H200", ""), EXACT),
        (CODED, CODED, EXACT),
        (HALF, HALF, 0.05),
        (FULL, HALF, 0.05),
        (HALF, Held("bfloat16", "cpu", ""), 0.05),
        (None, FULL, 0.05),
        (None, CODED, 0.05),
        (CODED, Held("float32", "NVIDIA H200", "nf4"), 0.1),
    ],
)
def test_the_same_way_of_computing_is_held_to_more(
    then: Held | None, now: Held, allowed: float
) -> None:
    assert stored(then).tolerance(now) == allowed


def test_a_model_says_how_it_is_held(tmp_path: Path) -> None:
    base = make_tiny_model(tmp_path / "base", width=64)
    assert Held.of(load(base)) == FULL
    assert Held.of(load(base).bfloat16()) == Held("bfloat16", "cpu", "")
    qlora = recipe_on(base, "qlora", bnb_4bit_quant_type="fp4").strategy
    assert Held.of(load(base, qlora)) == Held("float32", "cpu", "fp4")
    coarse = recipe_on(base, "qlora", bnb_4bit_compute_dtype="bfloat16").strategy
    held = Held.of(load(base, coarse))
    assert held == Held("bfloat16", "cpu", "nf4")
    assert str(held) == "nf4 and bfloat16 on cpu"


def test_the_logits_are_those_after_each_prompt(tiny_model: Path) -> None:
    model, tokenizer = load(tiny_model), AutoTokenizer.from_pretrained(tiny_model)
    logits = take_fingerprint(model, tokenizer)
    assert logits.shape == (len(PROMPTS), 258)
    with torch.no_grad():
        last = model(**tokenizer(PROMPTS[2], return_tensors="pt")).logits[0, -1]
    torch.testing.assert_close(logits[2], last)


def test_a_write_that_breaks_off_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_fingerprint(torch.ones(6, 5), FULL, tmp_path)

    def half(_tensors: object, path: Path, **_: object) -> None:
        path.write_bytes(b"half")
        raise SafetensorError("I/O error: Read-only file system (os error 30)")

    monkeypatch.setattr("safetensors.torch.save_file", half)
    with pytest.raises(MachineError, match=r"fingerprint\.safetensors: cannot be written: .*30"):
        save_fingerprint(torch.zeros(6, 5), FULL, tmp_path)
    stored = read_fingerprint(tmp_path)
    assert stored is not None
    assert torch.equal(stored.logits, torch.ones(6, 5))
    assert [path.name for path in tmp_path.iterdir()] == ["fingerprint.safetensors"]
