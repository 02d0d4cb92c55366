"""How much may be lost: the limits that the verdict on a run compares its evidence with."""

from __future__ import annotations

from workbench.recipe.base import Section, field


class Limits(Section):
    """One limit per kind of evidence; a run fails where one is proven to be exceeded."""

    capability: float | None = field(
        None,
        title="Loss of a capability",
        empty="by number",
        help="Tolerated drop of one capability's score, as a share: 0.05 is five points; if empty, "
        "0.15 for up to 100 items and less for more.",
        advanced=True,
        gt=0,
        le=1,
    )
    pooled: float | None = field(
        None,
        title="Loss over all items",
        empty="by size",
        help="Tolerated drop over all items of knowledge and behaviour, as a share; if empty, 0.1 "
        "at quick, 0.05 at standard and 0.03 at full, and more for few items.",
        advanced=True,
        gt=0,
        le=1,
    )
    domain_leak: float = field(
        0.15,
        title="Domain leak",
        help="Tolerated rise of the share of general answers with phrases of the training answers.",
        advanced=True,
        gt=0,
        le=1,
    )
    kl_opening: float = field(
        1.0,
        title="KL at the opening",
        help="Tolerated KL to the base at the first token of general answers, where a hijacked "
        "model shows.",
        unit="nats",
        advanced=True,
        gt=0,
        le=100,
    )
    kl_body: float = field(
        0.3,
        title="KL of the body",
        help="Tolerated KL to the base over the other tokens of general text.",
        unit="nats/token",
        advanced=True,
        gt=0,
        le=100,
    )
    delta_nll: float = field(
        0.2,
        title="Rise of the loss",
        help="Tolerated rise of the loss on general text over the base's.",
        unit="nats/token",
        advanced=True,
        gt=0,
        le=100,
    )
