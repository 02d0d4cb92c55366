"""Weights, gradients and optimiser sharded over the devices (FSDP2), and gathered again."""

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

_WHOLE_STATE = StateDictOptions(full_state_dict=True, cpu_offload=True)


class TrainedModel:
    """The model in training, of which each process may hold a shard only.

    Before the model is sharded the main process copies it into host memory. That copy is what is
    saved and measured, after the trained weights of all processes were gathered into it.

    Attributes:
        sharded: Whether the model is sharded: then every forward pass needs all processes.
    """

    def __init__(
        self, model: Module, processes: ProcessGroup = SINGLE_PROCESS, *, shard: bool = False
    ) -> None:
        """Take the prepared model; ``shard`` splits each of its blocks over the processes."""
        self.sharded = shard
        self._model = model
        self._host_copy = _copy_to_host(model) if shard and processes.is_main else None
        if shard:
            _shard(model, processes.size)

    def gathered(self) -> Module:
        """The model in one piece with its newest weights.

        All processes must call this together. Where the model is sharded only the main process
        gets a model that it can use.
        """
        if not self.sharded:
            return self._model
        host_weights = dict(self._host_copy.named_parameters()) if self._host_copy else {}
        with torch.no_grad():
            for name, parameter in self._model.named_parameters():
                if parameter.requires_grad:
                    tensor = full_tensor(parameter)
                    if host_weights:
                        host_weights[name].copy_(tensor)
        return self._host_copy or self._model

    def stateful(self, optimizer: Any) -> Any:
        """The optimiser (accelerate's wrapper) with a state dict that is never a shard."""
        return ShardedOptimizer(self._model, optimizer.optimizer) if self.sharded else optimizer


class ShardedOptimizer:
    """An optimiser whose state is gathered from all processes, and distributed to them again."""

    def __init__(self, model: Module, optimizer: Optimizer) -> None:
        """Take the sharded model and its optimiser."""
        self._model = model
        self._optimizer = optimizer

    def state_dict(self) -> dict[str, Any]:
        """The whole state by names of weights; empty but in the main process."""
        return dict(get_optimizer_state_dict(self._model, self._optimizer, options=_WHOLE_STATE))

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load this process's shard of it."""
        set_optimizer_state_dict(self._model, self._optimizer, state_dict, options=_WHOLE_STATE)


def full_tensor(tensor: Tensor) -> Tensor:
    """The whole of a tensor that may be sharded; then every process must call this."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def _shard(model: Module, size: int) -> None:
    device: torch.device = next(model.parameters()).device
    mesh = init_device_mesh(device.type, (size,))
    for blocks in [module for module in model.modules() if isinstance(module, ModuleList)]:
        for block in blocks:
            fully_shard(block, mesh=mesh, reshard_after_forward=True)
    fully_shard(model, mesh=mesh, reshard_after_forward=True)
    register_fsdp_forward_method(model, "generate")


def _copy_to_host(model: Module) -> Module:
    """A copy in host memory, made without a second one on the device.

    ``deepcopy`` takes a tensor that is in its memo as copied already.
    """
    tensors: list[Tensor] = [*model.parameters(), *model.buffers()]
    memo: dict[int, Any] = {id(tensor): _on_host(tensor) for tensor in tensors}
    return copy.deepcopy(model, memo)


def _on_host(tensor: Tensor) -> Tensor:
    values = tensor.detach().to("cpu", copy=True)
    return Parameter(values, tensor.requires_grad) if isinstance(tensor, Parameter) else values
