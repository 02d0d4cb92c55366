"""Weights, gradients and optimiser split over the devices (FSDP2), and made whole again."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import torch
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_optimizer_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method
from torch.distributed.tensor import DTensor
from torch.nn import ModuleList, Parameter

from workbench.training.distributed.process_group import SINGLE_PROCESS

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module
    from torch.optim import Optimizer

    from workbench.training.distributed.process_group import ProcessGroup

_FULL = StateDictOptions(full_state_dict=True, cpu_offload=True)


class Weights:
    """The trained model in one piece, whatever part of it this process holds.

    Before the model is split the leader takes a copy into host memory. Whoever saves or measures
    the model gets the copy, with the trained weights of all processes gathered into it.

    Attributes:
        sharded: Whether the model is split: then every look at it needs all processes.
    """

    def __init__(
        self, model: Module, processes: ProcessGroup = SINGLE_PROCESS, *, shard: bool = False
    ) -> None:
        """Take the prepared model and split it where so asked, each of its blocks by itself."""
        self.sharded = shard
        self._model = model
        self._copy = _in_host_memory(model) if shard and processes.is_main else None
        if shard:
            _split(model, processes.size)

    def whole(self) -> Module:
        """The model with its newest weights; where it is split, of use to the leader alone.

        All processes must ask for it together.
        """
        if not self.sharded:
            return self._model
        kept = dict(self._copy.named_parameters()) if self._copy else {}
        with torch.no_grad():
            for name, parameter in self._model.named_parameters():
                if parameter.requires_grad:
                    tensor = full(parameter)
                    if kept:
                        kept[name].copy_(tensor)
        return self._copy or self._model

    def machinery(self, optimizer: Any) -> Any:
        """The optimiser, as one whose state can be kept whatever part of it is here."""
        return ShardedOptimizer(self._model, optimizer.optimizer) if self.sharded else optimizer


class ShardedOptimizer:
    """An optimiser whose state is gathered from all processes, and dealt out again."""

    def __init__(self, model: Module, optimizer: Optimizer) -> None:
        """Take the split model and its optimiser."""
        self._model = model
        self._optimizer = optimizer

    def state_dict(self) -> dict[str, Any]:
        """All of it by the names of the weights; empty but in the first process."""
        return dict(get_optimizer_state_dict(self._model, self._optimizer, options=_FULL))

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take this process's part of it."""
        set_optimizer_state_dict(self._model, self._optimizer, state_dict, options=_FULL)


def full(tensor: Tensor) -> Tensor:
    """All of a tensor that may be split; then every process must ask for it."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def _split(model: Module, size: int) -> None:
    device: torch.device = next(model.parameters()).device
    mesh = init_device_mesh(device.type, (size,))
    for blocks in [module for module in model.modules() if isinstance(module, ModuleList)]:
        for block in blocks:
            fully_shard(block, mesh=mesh, reshard_after_forward=True)
    fully_shard(model, mesh=mesh, reshard_after_forward=True)
    register_fsdp_forward_method(model, "generate")


def _in_host_memory(model: Module) -> Module:
    """A copy whose weights never were on the device twice."""
    tensors: list[Tensor] = [*model.parameters(), *model.buffers()]
    memo: dict[int, Any] = {id(tensor): _copied(tensor) for tensor in tensors}
    return copy.deepcopy(model, memo)


def _copied(tensor: Tensor) -> Tensor:
    values = tensor.detach().to("cpu", copy=True)
    return Parameter(values, tensor.requires_grad) if isinstance(tensor, Parameter) else values
