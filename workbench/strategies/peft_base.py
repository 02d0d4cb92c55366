"""The base class of all strategies that PEFT implements."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from workbench.core.errors import BadInputError
from workbench.core.weights import require_safetensors
from workbench.strategies.base import Strategy

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from peft import PeftConfig, PeftModel
    from torch import Tensor
    from torch.nn import Module
    from transformers import PreTrainedModel


class PeftStrategy(Strategy):
    """Trains an adapter that PEFT attaches to a frozen base; subclasses give its config."""

    trains_base_weights: ClassVar[bool] = False

    @abstractmethod
    def config(self, model: PreTrainedModel) -> PeftConfig:
        """The PEFT config for this model."""

    def prepare(self, model: Module) -> Module:
        """Freeze the base and attach the adapter."""
        from peft import get_peft_model
        from transformers import PreTrainedModel

        assert isinstance(model, PreTrainedModel)  # noqa: S101 - narrows for mypy
        tuned: Module = get_peft_model(model, self.config(model))
        return tuned

    def save(self, model: Module, folder: Path) -> None:
        """Write PEFT's own format: adapter_model.safetensors and adapter_config.json."""
        as_peft(model).save_pretrained(str(folder))

    def load(self, base: Module, folder: Path) -> Module:
        """Attach the adapter in ``folder`` to ``base``.

        Raises:
            BadInputError: The folder has no adapter in safetensors format.
        """
        from peft import PeftModel

        require_safetensors(folder, folder.parent.name)
        tuned: Module = PeftModel.from_pretrained(base, str(folder))
        return tuned

    def result_tensors(self, model: Module) -> Mapping[str, Tensor]:
        """The tensors of the adapter, as PEFT names them in its file."""
        from peft import get_peft_model_state_dict

        tensors: dict[str, Tensor] = get_peft_model_state_dict(as_peft(model))
        return tensors

    def disabled_adapter(self, model: Module) -> AbstractContextManager[None]:
        """Switch the adapter off: the frozen base answers, bit for bit."""
        context: AbstractContextManager[None] = as_peft(model).disable_adapter()
        return context


def as_peft(model: Module) -> PeftModel:
    """Narrow ``model`` to PEFT's type.

    Raises:
        BadInputError: It has no adapter.
    """
    from peft import PeftModel

    if not isinstance(model, PeftModel):
        raise BadInputError("this model has no adapter; load a result of a PEFT strategy")
    return model
