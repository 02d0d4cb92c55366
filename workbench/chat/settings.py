"""How a chat is held: what every lane is told, and how it picks its words."""

from __future__ import annotations

from workbench.chat.protocol import Sampling
from workbench.recipe.base import Section, field


class ChatSettings(Section):
    """The same for every lane, so that what differs is the model."""

    system: str = field(
        "",
        title="System prompt",
        help="How every model shall behave; empty for none.",
        max_length=100_000,
    )
    temperature: float = field(
        0.0,
        title="Temperature",
        help="0 is greedy: always the likeliest token. Above it, every lane draws.",
        ge=0,
        le=5,
    )
    top_p: float = field(
        1.0,
        title="Top-p",
        help="Draws only from the likeliest tokens that share this much of the probability.",
        gt=0,
        le=1,
    )
    seed: int = field(
        0,
        title="Seed",
        help="Of the draws, the same in every lane.",
        ge=0,
        le=2**63 - 1,
    )
    max_tokens: int = field(
        256,
        title="Longest answer",
        help="An answer is cut after so many tokens.",
        unit="tokens",
        ge=1,
        le=131_072,
    )

    @property
    def sampling(self) -> Sampling:
        """How the next token is picked, as the engine is told."""
        return Sampling(temperature=self.temperature, top_p=self.top_p, seed=self.seed)

    def picking(self) -> str:
        """How the next token is picked, in a few words."""
        if self.temperature == 0:
            return "greedy"
        nucleus = f" top-p {self.top_p:g}" if self.top_p < 1 else ""
        return f"temperature {self.temperature:g}{nucleus} seed {self.seed}"
