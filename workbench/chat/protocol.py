"""What the chat engine and its owner say to each other: one JSON object a line."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

Finish = Literal["stop", "length", "context", "cancelled"]
Decoding = Literal["one batch", "in turns"]
ProofState = Literal["proven", "refuted", "missing"]

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


class Source(Message):
    """What answers in a lane beside the base.

    Attributes:
        lane: What the lane is called in every other message; ``base`` is taken.
        run: The folder of the run; all runs of a chat have one base.
        checkpoint: The step of one of its checkpoints; None is its result.
    """

    lane: str
    run: str
    checkpoint: int | None = None


class Open(Message):
    """Load a base and what stands beside it; the base is that of the first source's run."""

    kind: Literal["open"] = "open"
    sources: tuple[Source, ...] = Field(min_length=1)


class Generate(Message):
    """Answer in every named lane; each lane has its own conversation, ending with the user.

    Attributes:
        strengths: How far a lane has gone from base (0) to tuned (1); 1 where nothing is said.
    """

    kind: Literal["generate"] = "generate"
    id: int
    conversations: dict[str, tuple[Turn, ...]]
    max_tokens: int = Field(256, ge=1)
    sampling: Sampling = Sampling()
    strengths: dict[str, float] = {}


class Weigh(Message):
    """Say token by token how two lanes differ on an answer that one of them gave.

    Attributes:
        lane: Who gave the answer.
        other: Who is asked what it would have said.
        conversation: What led to the answer, ending with the user.
        tokens: The answer, as :class:`Done` had it.
        strengths: As in :class:`Generate`.
    """

    kind: Literal["weigh"] = "weigh"
    id: int
    lane: str
    other: str
    conversation: tuple[Turn, ...]
    tokens: tuple[int, ...]
    strengths: dict[str, float] = {}


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


class Proof(Message):
    """Whether the base lane is the model that the run started from.

    Attributes:
        distance: Of its logits on the fingerprint prompts from those stored before training,
            relative to them; None where none are stored, or those of another vocabulary.
        text: Why, in one sentence for the user.
    """

    state: ProofState
    distance: float | None
    text: str


class LaneFacts(Message):
    """One lane that is open.

    Attributes:
        name: What it is called in every other message.
        decoding: Whether it answers in one batch with the base, or after it, token by token.
        extra_bytes: Memory of the weights that only this lane holds; the base's are all its own.
        scalable: Whether it can answer at a strength other than 1.
    """

    name: str
    decoding: Decoding
    extra_bytes: int
    scalable: bool


class Opened(Message):
    """The lanes are ready, the base first.

    Attributes:
        proof: Of the base lane, taken with everything else loaded.
        context: Most tokens a conversation may have.
    """

    kind: Literal["opened"] = "opened"
    lanes: tuple[LaneFacts, ...]
    proof: Proof
    context: int
    device: str
    dtype: str

    @property
    def decoding(self) -> Decoding:
        """How they answer: in one batch where all of them do."""
        together = all(lane.decoding == "one batch" for lane in self.lanes)
        return "one batch" if together else "in turns"

    @property
    def weight_bytes(self) -> int:
        """Memory of all weights, tensors that lanes share counted once."""
        return sum(lane.extra_bytes for lane in self.lanes)


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
        token_ids: The tokens generated, the one that ended the answer included.
        seconds: From the request to the last token.
        first_token_seconds: From the request to the first token.
    """

    kind: Literal["done"] = "done"
    id: int
    lane: str
    text: str
    token_ids: tuple[int, ...]
    seconds: float
    first_token_seconds: float
    finish: Finish

    @property
    def tokens(self) -> int:
        """How many there are."""
        return len(self.token_ids)

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


class Piece(Message):
    """One token of an answer and how the two lanes see it.

    Attributes:
        text: What it adds to the answer; empty where a character is not complete yet.
        surprise: Its log-probability where it was said minus that in the other lane, nats: high
            where the other would not have said it.
        divergence: KL of the base's next-token distribution from the other lane's here, nats; on
            the base's own answer it shows the place where the answer is hijacked.
    """

    text: str
    surprise: float
    divergence: float


class Weighed(Message):
    """The answer to :class:`Weigh`: the pieces, in order."""

    kind: Literal["weighed"] = "weighed"
    id: int
    pieces: tuple[Piece, ...]


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


Request: TypeAlias = Open | Generate | Weigh | Cancel
Reply: TypeAlias = Progress | Opened | Delta | Done | Weighed | Finished | Failed
_REQUESTS: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="kind")])
_REPLIES: TypeAdapter[Reply] = TypeAdapter(Annotated[Reply, Field(discriminator="kind")])


def encode(message: Message) -> bytes:
    """Write a message as one line."""
    return message.model_dump_json().encode() + b"\n"


def read_request(line: bytes) -> Request:
    """Read what the owner asks."""
    return _REQUESTS.validate_json(line)


def read_reply(line: bytes) -> Reply:
    """Read what the engine answers."""
    return _REPLIES.validate_json(line)
