"""Moving a loaded result towards its base and back."""

from __future__ import annotations

import torch
from safetensors.torch import save_file

from workbench.strategies.interpolation import Interpolation


def test_only_tensors_that_differ_are_interpolated() -> None:
    start, result = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    with torch.no_grad():
        result.bias.copy_(start.bias)
    begun, ended = start.weight.detach().clone(), result.weight.detach().clone()
    line = Interpolation.between(dict(start.named_parameters()), result)
    assert len(line.segments) == 1
    for alpha in (1.2, 0.0, 0.3, 1.0):
        line.set_alpha(alpha)
        assert torch.allclose(result.weight, begun + alpha * (ended - begun), atol=1e-6)
    assert torch.equal(result.weight, ended)
    line.set_alpha(0)
    assert torch.equal(result.weight, begun)


def test_end_values_are_read_from_the_results_file_and_rounded_once(tmp_path) -> None:
    start = torch.nn.Linear(8, 8, dtype=torch.bfloat16)
    end = start.weight.detach().float() + torch.randn(8, 8) / 3
    save_file({"weight": end}, tmp_path / "changed.safetensors")
    result = torch.nn.Linear(8, 8, dtype=torch.bfloat16)
    with torch.no_grad():
        result.weight.copy_(end)
        result.bias.copy_(start.bias)
    line = Interpolation.between(dict(start.named_parameters()), result, tmp_path)
    line.set_alpha(0.25)
    begun = start.weight.detach().double()
    exact = begun + 0.25 * (end.double() - begun)
    torch.testing.assert_close(result.weight.double(), exact, rtol=2**-8, atol=0)
    assert torch.equal(result.weight, start.weight.float().lerp(end, 0.25).bfloat16())
    line.set_alpha(1)
    assert torch.equal(result.weight, end.bfloat16())
