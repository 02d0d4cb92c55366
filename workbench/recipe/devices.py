"""How many devices train a run together, and what each of them holds."""

from __future__ import annotations

from typing import Literal

from workbench.recipe.base import Section, field

Sharding = Literal["none", "full"]


class DevicesSection(Section):
    """The devices of a run; each is driven by a separate process."""

    count: int = field(
        1,
        title="Devices",
        help="Devices that train together; a step takes micro batch x accumulation x devices rows. "
        "For more than one machine has, start the run with 'ftwb slurm'.",
        unit="devices",
        ge=1,
        le=1024,
    )
    sharding: Sharding = field(
        "none",
        title="Sharding",
        help="What each device holds; full lets models train that do not fit on one device.",
        choices={
            "none": "the whole model on every device (DDP)",
            "full": "weights, gradients and optimiser state split over all devices (FSDP2); only "
            "the base's own weights must fit on one",
        },
        advanced=True,
    )
