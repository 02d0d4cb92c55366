"""Number formats follow from the processor's capabilities, and a run keeps its first ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from workbench.core.errors import BadInputError
from workbench.models import dtype
from workbench.models.dtype import (
    CPU_BF16,
    RunDtypes,
    fast_bfloat16,
    read_dtypes,
    resolve_dtypes,
    torch_dtype,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from workbench.runs.folder import RunFolder

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("cpuinfo", "fast"),
    [
        ("processor\t: 0\nflags\t\t: fpu avx2 avx512_bf16 sse\n", True),
        ("processor\t: 0\nflags\t\t: fpu amx_bf16 amx_tile\n", True),
        ("processor\t: 0\nFeatures\t: fp asimd bf16 i8mm\n", True),
        ("processor\t: 0\nflags\t\t: fpu avx2 avx512f\n", False),
        ("", False),
    ],
)
def test_the_flags_of_a_cpu_decide(
    monkeypatch: pytest.MonkeyPatch, cpuinfo: str, *, fast: bool
) -> None:
    monkeypatch.delenv(CPU_BF16, raising=False)
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: cpuinfo)
    assert fast_bfloat16(CPU) is fast


def test_a_system_without_cpu_flags_gets_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> str:
        raise FileNotFoundError

    monkeypatch.delenv(CPU_BF16, raising=False)
    monkeypatch.setattr(Path, "read_text", missing)
    assert torch_dtype("auto", CPU) == torch.float32


@pytest.mark.parametrize(("forced", "expected"), [("1", torch.bfloat16), ("0", torch.float32)])
def test_the_environment_overrides_the_flags(
    monkeypatch: pytest.MonkeyPatch, forced: str, expected: torch.dtype
) -> None:
    monkeypatch.setenv(CPU_BF16, forced)
    assert torch_dtype("auto", CPU) == expected


@pytest.mark.parametrize("supported", [True, False])
def test_emulated_bfloat16_on_a_gpu_does_not_count(
    monkeypatch: pytest.MonkeyPatch, *, supported: bool
) -> None:
    def answer(*, including_emulation: bool) -> bool:
        return including_emulation or supported

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", answer)
    assert fast_bfloat16(torch.device("cuda")) is supported


def test_named_dtypes_and_unknown_ones() -> None:
    assert torch_dtype("float16", CPU) == torch.float16
    with pytest.raises(BadInputError, match="torch has no dtype 'linear'"):
        torch_dtype("linear", CPU)


@pytest.mark.parametrize(
    ("kind", "bf16", "expected"),
    [
        ("lora", "1", RunDtypes("bfloat16", "bfloat16")),
        ("lora", "0", RunDtypes("float32", "float32")),
        ("full", "1", RunDtypes("float32", "bfloat16")),
        ("freeze", "0", RunDtypes("float32", "float32")),
    ],
)
def test_a_run_keeps_the_formats_of_its_first_start(
    new_run: Callable[..., RunFolder],
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    bf16: str,
    expected: RunDtypes,
) -> None:
    run = new_run(f"strategy.kind={kind}", "model.dtype=auto", "training.precision=auto")
    monkeypatch.setenv(CPU_BF16, bf16)
    assert resolve_dtypes(run, run.recipe(), CPU) == expected
    monkeypatch.setenv(CPU_BF16, "01".replace(bf16, ""))
    assert resolve_dtypes(run, run.recipe(), CPU) == read_dtypes(run) == expected


def test_a_dtype_named_in_the_recipe_is_used(
    new_run: Callable[..., RunFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dtype, "fast_bfloat16", lambda _: pytest.fail("must not be called"))
    run = new_run("model.dtype=float16", "training.precision=bf16")
    assert resolve_dtypes(run, run.recipe(), CPU) == RunDtypes("float16", "bfloat16")


@pytest.mark.parametrize("text", [None, "", "[]", json.dumps({"weights": "float32"})])
def test_a_run_without_recorded_formats_is_refused_in_one_line(
    new_run: Callable[..., RunFolder], text: str | None
) -> None:
    run = new_run()
    if text is not None:
        (run.path / "dtypes.json").write_text(text)
    with pytest.raises(BadInputError, match=r"dtypes\.json is missing or unreadable"):
        read_dtypes(run)
