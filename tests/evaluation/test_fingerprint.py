"""Fingerprints of bases: storing, comparing, and the tolerance for rounding."""

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
    Numerics,
    read_fingerprint,
    save_fingerprint,
    take_fingerprint,
)

if TYPE_CHECKING:
    from pathlib import Path

FULL = Numerics("float32", "cpu", "")
HALF = Numerics("bfloat16", "NVIDIA H200", "")
QUANTIZED = Numerics("float32", "cpu", "nf4")


def stored(numerics: Numerics | None) -> Fingerprint:
    return Fingerprint(torch.tensor([[3.0, 4.0]]), numerics, late=False)


def test_a_fingerprint_is_read_as_written(tmp_path: Path) -> None:
    logits = torch.randn(6, 258)
    save_fingerprint(logits, HALF, tmp_path / "base")
    fingerprint = read_fingerprint(tmp_path / "base")
    assert torch.equal(fingerprint.logits, logits)
    assert (fingerprint.numerics, fingerprint.late) == (HALF, False)
    save_fingerprint(logits, FULL, tmp_path / "base", late=True)
    assert read_fingerprint(tmp_path / "base").late


def test_a_file_without_numerics_is_read(tmp_path: Path) -> None:
    assert read_fingerprint(tmp_path) is None
    file = tmp_path / "fingerprint.safetensors"
    save_file({"logits": torch.ones(6, 4)}, file)
    fingerprint = read_fingerprint(tmp_path)
    assert (fingerprint.numerics, fingerprint.late) == (None, False)
    file.write_bytes(file.read_bytes()[:-5])
    with pytest.raises(BadInputError, match="broken, so the base cannot be verified"):
        read_fingerprint(tmp_path)


def test_the_distance_is_relative_to_what_is_stored() -> None:
    kept = stored(FULL)
    assert kept.distance(torch.tensor([[3.0, 4.0]])) == 0
    assert kept.distance(torch.tensor([[3.0, 4.5]])) == pytest.approx(0.1)
    assert kept.distance(torch.ones(1, 3)) == math.inf
    assert kept.matches(torch.tensor([[3.0, 4.0 + 4 * EXACT]]), FULL)
    assert not kept.matches(torch.tensor([[3.0, 4.0 + 6 * EXACT]]), FULL)
    assert not kept.matches(torch.tensor([[3.0, math.nan]]), FULL)
    assert not kept.matches(torch.tensor([[3.0, 4.0, 0.0]]), FULL)


@pytest.mark.parametrize(
    ("then", "now", "allowed"),
    [
        (FULL, FULL, EXACT),
        (FULL, Numerics("float32", "NVIDIA H200", ""), EXACT),
        (QUANTIZED, QUANTIZED, EXACT),
        (HALF, HALF, 0.05),
        (FULL, HALF, 0.05),
        (HALF, Numerics("bfloat16", "cpu", ""), 0.05),
        (None, FULL, 0.05),
        (None, QUANTIZED, 0.05),
        (QUANTIZED, Numerics("float32", "NVIDIA H200", "nf4"), 0.1),
    ],
)
def test_the_tolerance_depends_on_the_numerics_of_both_sides(
    then: Numerics | None, now: Numerics, allowed: float
) -> None:
    assert stored(then).tolerance(now) == allowed


def test_numerics_are_read_from_a_model(tmp_path: Path) -> None:
    base = make_tiny_model(tmp_path / "base", width=64)
    assert Numerics.of(load(base)) == FULL
    assert Numerics.of(load(base).bfloat16()) == Numerics("bfloat16", "cpu", "")
    qlora = recipe_on(base, "qlora", bnb_4bit_quant_type="fp4").strategy
    assert Numerics.of(load(base, qlora)) == Numerics("float32", "cpu", "fp4")
    coarse = recipe_on(base, "qlora", bnb_4bit_compute_dtype="bfloat16").strategy
    numerics = Numerics.of(load(base, coarse))
    assert numerics == Numerics("bfloat16", "cpu", "nf4")
    assert str(numerics) == "nf4 and bfloat16 on cpu"


def test_the_logits_are_those_after_each_prompt(tiny_model: Path) -> None:
    model, tokenizer = load(tiny_model), AutoTokenizer.from_pretrained(tiny_model)
    logits = take_fingerprint(model, tokenizer)
    assert logits.shape == (len(PROMPTS), 258)
    with torch.no_grad():
        last = model(**tokenizer(PROMPTS[2], return_tensors="pt")).logits[0, -1]
    torch.testing.assert_close(logits[2], last)


def test_a_failed_write_leaves_the_old_fingerprint(
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
