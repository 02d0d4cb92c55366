"""The messages between the chat engine and its client: one JSON object per line."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

Finish = Literal["stop", "length", "context", "cancelled"]
Decoding = Literal["one batch", "in turns"]
ProofState = Literal["proven", "refuted", "missing"]

_FINISH_LABELS: dict[Finish, str] = {
    "stop": "",
    "length": "token limit",
    "context": "context full",
    "cancelled": "stopped",
}


class Message(BaseModel):
    """A line of the protocol; an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Turn(Message):
    """One message of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


class Sampling(Message):
    """How the next token is chosen; temperature 0 is greedy, and all lanes share one seed."""

    temperature: float = Field(0.0, ge=0)
    top_p: float = Field(1.0, gt=0, le=1)
    seed: int = 0


class Source(Message):
    """The weights that answer in a lane beside the base.

    Attributes:
        lane: The lane's name in every other message; ``base`` is reserved.
        run: The run's folder; all runs of a chat share one base.
        checkpoint: The step of one of its checkpoints; None for its result.
    """

    lane: str
    run: str
    checkpoint: int | None = None


class Open(Message):
    """Load the base of the first source's run, and every source beside it."""

    kind: Literal["open"] = "open"
    sources: tuple[Source, ...] = Field(min_length=1)


class Generate(Message):
    """Answer in every named lane; each lane has its own conversation, ending with the user.

    Attributes:
        id: Set by the client; every reply to this request carries it.
        strengths: Each lane's strength from base (0) to tuned (1); 1 where it is missing.
    """

    kind: Literal["generate"] = "generate"
    id: int = 0
    conversations: dict[str, tuple[Turn, ...]]
    max_tokens: int = Field(256, ge=1)
    sampling: Sampling = Sampling()
    strengths: dict[str, float] = {}


class ScoreTokens(Message):
    """Compare, token by token, how likely two lanes find an answer that one of them gave.

    Attributes:
        id: As in :class:`Generate`.
        lane: The lane that gave the answer.
        other: The lane it is compared with.
        conversation: What led to the answer, ending with the user.
        tokens: The answer's token ids, as in :class:`Done`.
        strengths: As in :class:`Generate`.
    """

    kind: Literal["score_tokens"] = "score_tokens"
    id: int = 0
    lane: str
    other: str
    conversation: tuple[Turn, ...]
    tokens: tuple[int, ...]
    strengths: dict[str, float] = {}


class Cancel(Message):
    """Stop answering the request with that id; each lane keeps what it has so far."""

    kind: Literal["cancel"] = "cancel"
    id: int


class Progress(Message):
    """A long step of opening a run; ``total`` is 0 where its length is unknown."""

    kind: Literal["progress"] = "progress"
    what: str
    done: int
    total: int


class Proof(Message):
    """Whether the base lane is the model that the run started from.

    Attributes:
        distance: Relative distance of its logits on the fingerprint prompts from those stored
            before training; None where none are stored, or only those of another vocabulary.
        text: The reason, in one sentence for the user.
    """

    state: ProofState
    distance: float | None
    text: str


class LaneFacts(Message):
    """One open lane.

    Attributes:
        name: Its name in every other message.
        decoding: Whether it decodes in one batch with the base, or token by token after it.
        extra_bytes: Memory of the weights that only this lane holds; for the base, all of them.
        scalable: Whether it can answer at a strength other than 1.
        note: What the user must know of how it answers; empty if nothing.
    """

    name: str
    decoding: Decoding
    extra_bytes: int
    scalable: bool
    note: str = ""


class Opened(Message):
    """The lanes are ready, the base first.

    Attributes:
        proof: Checked on the base lane with every other lane loaded.
        context: The most tokens a conversation may have.
    """

    kind: Literal["opened"] = "opened"
    lanes: tuple[LaneFacts, ...]
    proof: Proof
    context: int
    device: str
    dtype: str

    @property
    def decoding(self) -> Decoding:
        """``one batch`` if every lane decodes that way."""
        batched = all(lane.decoding == "one batch" for lane in self.lanes)
        return "one batch" if batched else "in turns"

    @property
    def weight_bytes(self) -> int:
        """Memory of all weights; tensors that lanes share are counted once."""
        return sum(lane.extra_bytes for lane in self.lanes)


class Delta(Message):
    """More text of one lane's answer."""

    kind: Literal["delta"] = "delta"
    id: int
    lane: str
    text: str


class Done(Message):
    """One lane's complete answer.

    Attributes:
        text: The whole answer; it replaces the text of the deltas.
        token_ids: The generated tokens, including the one that ended the answer.
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
        """The number of generated tokens."""
        return len(self.token_ids)

    @property
    def tokens_per_second(self) -> float:
        """Speed after the first token, as the reader sees it; 0 with fewer than two tokens."""
        streaming = self.seconds - self.first_token_seconds
        return (self.tokens - 1) / streaming if self.tokens > 1 and streaming > 0 else 0.0

    def summary(self) -> str:
        """Speed, time to the first token, length, and why the answer was cut off, if it was."""
        facts = [f"first token {self.first_token_seconds:.2f} s", f"{self.tokens} tokens"]
        if self.tokens_per_second:
            facts.insert(0, f"{self.tokens_per_second:.1f} tok/s")
        return " · ".join([*facts, *filter(None, [_FINISH_LABELS[self.finish]])])


class TokenScore(Message):
    """One token of an answer, as the two lanes see it.

    Attributes:
        text: What it adds to the answer; empty where a character is not complete yet.
        surprise: Its log-probability in the lane that answered minus that in the other lane, in
            nats: high where the other lane would not have said it.
        divergence: KL of the base's next-token distribution from the other lane's at this place,
            in nats; on the base's own answer it shows where the answer is hijacked.
    """

    text: str
    surprise: float
    divergence: float


class TokenScores(Message):
    """The reply to :class:`ScoreTokens`: one score per token, in order."""

    kind: Literal["token_scores"] = "token_scores"
    id: int
    scores: tuple[TokenScore, ...]


class Finished(Message):
    """Every lane of the request is done."""

    kind: Literal["finished"] = "finished"
    id: int


class Failed(Message):
    """A request failed and the engine lives on; ``id`` is None if it was to open a run."""

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


Request: TypeAlias = Open | Generate | ScoreTokens | Cancel
Reply: TypeAlias = Progress | Opened | Delta | Done | TokenScores | Finished | Failed
_REQUESTS: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="kind")])
_REPLIES: TypeAdapter[Reply] = TypeAdapter(Annotated[Reply, Field(discriminator="kind")])


def encode(message: Message) -> bytes:
    """Write a message as one line."""
    return message.model_dump_json().encode() + b"\n"


def read_request(line: bytes) -> Request:
    """Parse a request of the client."""
    return _REQUESTS.validate_json(line)


def read_reply(line: bytes) -> Reply:
    """Parse a reply of the engine."""
    return _REPLIES.validate_json(line)
