"""Settings of a chat: the system prompt, and how the next token is chosen."""

from __future__ import annotations

from workbench.chat.protocol import Sampling
from workbench.recipe.base import Section, field


class ChatSettings(Section):
    """The same for every lane, so that any difference comes from the model."""

    system: str = field(
        "",
        title="System prompt",
        help="How every model should behave; empty for none.",
        max_length=100_000,
    )
    temperature: float = field(
        0.0,
        title="Temperature",
        help="0 is greedy: always the most likely token. Above it, every lane samples.",
        ge=0,
        le=5,
    )
    top_p: float = field(
        1.0,
        title="Top-p",
        help="Sample only from the most likely tokens whose probabilities add up to this.",
        gt=0,
        le=1,
    )
    seed: int = field(
        0,
        title="Seed",
        help="Of the sampling, the same in every lane.",
        ge=0,
        le=2**63 - 1,
    )
    max_tokens: int = field(
        256,
        title="Longest answer",
        help="An answer is cut off after this many tokens.",
        unit="tokens",
        ge=1,
        le=131_072,
    )

    @property
    def sampling(self) -> Sampling:
        """The part of the settings that the engine samples with."""
        return Sampling(temperature=self.temperature, top_p=self.top_p, seed=self.seed)

    def decoding(self) -> str:
        """How the next token is chosen, in a few words."""
        if self.temperature == 0:
            return "greedy"
        nucleus = f" top-p {self.top_p:g}" if self.top_p < 1 else ""
        return f"temperature {self.temperature:g}{nucleus} seed {self.seed}"
