"""What the chat engine and its owner say to each other: one JSON object a line."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

Finish = Literal["stop", "length", "context", "cancelled"]

_ENDED: dict[Finish, str] = {
    "stop": "",
    "length": "token limit",
    "context": "context full",
    "cancelled": "stopped",
}


class Message(BaseModel):
    """A line of the protocol; a field that the other side does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Turn(Message):
    """One message of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


class Sampling(Message):
    """How the next token is picked; temperature 0 is greedy, and each lane gets the same seed."""

    temperature: float = Field(0.0, ge=0)
    top_p: float = Field(1.0, gt=0, le=1)
    seed: int = 0


class Open(Message):
    """Load the base and the result of the run in that folder."""

    kind: Literal["open"] = "open"
    run: str


class Generate(Message):
    """Answer in every named lane; each lane has its own conversation, ending with the user."""

    kind: Literal["generate"] = "generate"
    id: int
    conversations: dict[str, tuple[Turn, ...]]
    max_tokens: int = Field(256, ge=1)
    sampling: Sampling = Sampling()


class Cancel(Message):
    """Stop answering the request of that id; each lane ends with what it has."""

    kind: Literal["cancel"] = "cancel"
    id: int


class Progress(Message):
    """Something long is under way while opening; ``total`` 0 means that its length is unknown."""

    kind: Literal["progress"] = "progress"
    what: str
    done: int
    total: int


class Opened(Message):
    """The lanes are ready.

    Attributes:
        lanes: Their names, in the order of the panes.
        mode: Whether one set of base weights serves all lanes, or each has its own.
        weight_bytes: Memory of all weights held, shared tensors counted once.
        context: Most tokens a conversation may have.
    """

    kind: Literal["opened"] = "opened"
    lanes: tuple[str, ...]
    mode: Literal["shared", "side by side"]
    weight_bytes: int
    context: int
    device: str
    dtype: str


class Delta(Message):
    """More text of one lane's answer."""

    kind: Literal["delta"] = "delta"
    id: int
    lane: str
    text: str


class Done(Message):
    """One lane's answer is complete.

    Attributes:
        text: The whole answer; it replaces what the deltas built.
        tokens: Tokens generated, the one that ended the answer included.
        seconds: From the request to the last token.
        first_token_seconds: From the request to the first token.
    """

    kind: Literal["done"] = "done"
    id: int
    lane: str
    text: str
    tokens: int
    seconds: float
    first_token_seconds: float
    finish: Finish

    @property
    def tokens_per_second(self) -> float:
        """Speed after the first token, as the reader sees it; 0 when there is no second one."""
        streaming = self.seconds - self.first_token_seconds
        return (self.tokens - 1) / streaming if self.tokens > 1 and streaming > 0 else 0.0

    def summary(self) -> str:
        """Speed, first-token time, length, and how the answer ended if not by itself."""
        facts = [f"first token {self.first_token_seconds:.2f} s", f"{self.tokens} tokens"]
        if self.tokens_per_second:
            facts.insert(0, f"{self.tokens_per_second:.1f} tok/s")
        return " · ".join([*facts, *filter(None, [_ENDED[self.finish]])])


class Finished(Message):
    """Every lane of the request is done."""

    kind: Literal["finished"] = "finished"
    id: int


class Failed(Message):
    """A request failed and the engine lives on; ``id`` is None when it was opening the run."""

    kind: Literal["failed"] = "failed"
    id: int | None
    text: str


class EngineDied(Message):
    """The engine process ended; made by the client, never sent.

    Attributes:
        reason: One line for the user.
        log: The last lines the engine wrote.
    """

    kind: Literal["died"] = "died"
    reason: str
    log: str


Request = Annotated[Open | Generate | Cancel, Field(discriminator="kind")]
Reply = Annotated[Progress | Opened | Delta | Done | Finished | Failed, Field(discriminator="kind")]
_REQUESTS: TypeAdapter[Open | Generate | Cancel] = TypeAdapter(Request)
_REPLIES: TypeAdapter[Progress | Opened | Delta | Done | Finished | Failed] = TypeAdapter(Reply)


def encode(message: Message) -> bytes:
    """Write a message as one line."""
    return message.model_dump_json().encode() + b"\n"


def read_request(line: bytes) -> Open | Generate | Cancel:
    """Read what the owner asks."""
    return _REQUESTS.validate_json(line)


def read_reply(line: bytes) -> Progress | Opened | Delta | Done | Finished | Failed:
    """Read what the engine answers."""
    return _REPLIES.validate_json(line)
