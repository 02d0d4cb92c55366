"""``ftwb chat``: send the same prompt to base and tuned model, with or without a screen."""

from __future__ import annotations

import asyncio
import shutil
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.command import Command
from workbench.cli.output import emit_json, narrate
from workbench.core.errors import BadInputError, FtwbError
from workbench.runs.folder import RunFolder, Runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.chat.headless import AskOptions, PromptAnswers, ScoredAnswer
    from workbench.chat.protocol import Done, Opened, Source

_MAX_WIDTH = 100


@click.command(
    "chat", cls=Command, group="Chat", short_help="Ask base and tuned model the same prompts."
)
@click.argument("run")
@click.option("--prompt", "-p", "prompts", multiple=True, help="Prompt to send; can be repeated.")
@click.option(
    "--prompts",
    "file",
    type=click.Path(path_type=Path),
    help="File of prompts: one a line, .jsonl with a 'prompt' field, or a .yaml pack.",
)
@click.option(
    "--max-tokens",
    type=click.IntRange(min=1),
    default=256,
    show_default=True,
    help="Maximum length of an answer.",
)
@click.option("--system", default="", help="System prompt for all models.")
@click.option(
    "--temperature",
    type=click.FloatRange(min=0, max=5),
    default=0.0,
    show_default=True,
    help="0 is greedy; above 0 all models sample with the same seed.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed for sampling."
)
@click.option(
    "--strength",
    type=click.FloatRange(min=0, max=1.5),
    default=1.0,
    show_default=True,
    help="Strength of the tuned model: 0 is the base, 1 the result.",
)
@click.option(
    "--beside",
    multiple=True,
    metavar="RUN[@STEP]",
    help="Another run on the same base, or a checkpoint of one, to answer too; can be repeated.",
)
@click.option(
    "--surprise",
    is_flag=True,
    help="Score each answer token by token under the other model, to show where they diverge.",
)
@click.option("--require-proof", is_flag=True, help="Fail before asking unless the base is proven.")
@click.option("--json", "as_json", is_flag=True, help="Print answers and timings as JSON.")
@click.pass_obj
def command(  # noqa: PLR0913 - one argument per option
    root: Path,
    run: str,
    prompts: tuple[str, ...],
    file: Path | None,
    *,
    max_tokens: int,
    system: str,
    temperature: float,
    seed: int,
    strength: float,
    beside: tuple[str, ...],
    surprise: bool,
    require_proof: bool,
    as_json: bool,
) -> None:
    """Ask the base model and the tuned model of RUN the same prompts.

    RUN is an id, a unique part of one, or 'last'. Every prompt starts a new conversation. Without a
    prompt the split chat opens. First the base is proven: its logits on fixed prompts are compared
    with those recorded before training.
    """
    from workbench.chat.headless import AskOptions, extra_sources
    from workbench.chat.packs import read_prompts
    from workbench.chat.settings import ChatSettings
    from workbench.chat.sources import folder_of, require_result
    from workbench.tui import launch

    runs = Runs(root)
    folder = runs.find(run)
    require_result(folder)
    prompts = (*prompts, *(read_prompts(file) if file else ()))
    if not prompts:
        if as_json or surprise or require_proof or beside or strength != 1:
            raise BadInputError(
                "--json, --strength, --beside, --surprise and --require-proof need a prompt: "
                "add --prompt or --prompts"
            )
        launch(root, chat=folder)
        return
    others = extra_sources(runs, beside)
    for source in others:
        folder_of(source)
    settings = ChatSettings(
        system=system, max_tokens=max_tokens, temperature=temperature, seed=seed
    )
    session = _Session(
        folder,
        others,
        AskOptions(settings, {"tuned": strength}, surprise),
        require_proof=require_proof,
    )
    opened, answers = asyncio.run(session.ask(prompts, echo=not as_json))
    if as_json:
        emit_json(_as_data(session, opened, answers))


@dataclass(frozen=True)
class _Session:
    """One chat engine and the settings for its prompts.

    Attributes:
        run: The run whose base and result answer.
        others: Further runs and checkpoints that answer beside them.
        asking: Settings of every prompt.
        require_proof: Fail unless the base is proven.
    """

    run: RunFolder
    others: tuple[Source, ...]
    asking: AskOptions
    require_proof: bool

    async def ask(
        self, prompts: Sequence[str], *, echo: bool
    ) -> tuple[Opened, list[PromptAnswers]]:
        """Answer all prompts with one engine, printing each answer as it comes if ``echo``."""
        from workbench.chat.client import EngineClient
        from workbench.chat.headless import ask_all, open_engine

        client = EngineClient(self.run)
        answers = []
        try:
            opened = await open_engine(client, self.others, narrate)
            self._check(opened)
            narrate(f"Sending {len(prompts)} {'prompt' if len(prompts) == 1 else 'prompts'}")
            lanes = [lane.name for lane in opened.lanes]
            async for answered in ask_all(client, lanes, prompts, self.asking):
                answers.append(answered)
                if echo:
                    _print(self.headings(opened), answered)
        finally:
            await client.close()
        return opened, answers

    def titles(self) -> dict[str, str]:
        """The name of the model in each lane."""
        from workbench.chat.titles import lane_titles

        others = {source.lane: RunFolder(Path(source.run)).recipe().name for source in self.others}
        return {**lane_titles(self.run.recipe()), **others}

    def headings(self, opened: Opened) -> dict[str, str]:
        """The heading of each lane's answers; an unproven base is marked as such."""
        proven = opened.proof.state == "proven"
        return {
            lane: f"{lane if proven or lane != 'base' else 'base, unproven'} · {title}"
            for lane, title in self.titles().items()
        }

    def _check(self, opened: Opened) -> None:
        """Print the state of the lanes, and refuse what they cannot do.

        Raises:
            FtwbError: The base is not proven, and must be.
        """
        from workbench.chat.headless import proof_line, require_strengths, summary

        require_strengths(opened, self.asking.strengths)
        narrate(summary(opened))
        narrate(proof_line(opened))
        if self.require_proof and opened.proof.state != "proven":
            raise FtwbError(f"the base is not proven: {opened.proof.text}")


def _print(headings: dict[str, str], answered: PromptAnswers) -> None:
    """Print a prompt and its answers, with control characters made visible."""
    from workbench.core.sanitize import visible

    click.secho(visible(answered.prompt), bold=True)
    for lane, done in answered.answers.items():
        click.echo(visible(f"\n{headings[lane]}  ({done.summary()})"))
        for line in visible(done.text).splitlines() or ["(empty answer)"]:
            click.echo(textwrap.indent(_wrapped(line), "  "))
        if lane in answered.scored:
            click.echo(f"  {_divergence(lane, answered.scored[lane])}")
    click.echo()


def _divergence(lane: str, compared: ScoredAnswer) -> str:
    """The token that is least likely under the other lane, in one line."""
    from workbench.chat.surprise import peak, scale_of
    from workbench.core.sanitize import visible

    scale = scale_of(lane)
    token = peak(compared.scores, scale)
    if token is None:
        return f"[no token stands out against {visible(compared.other)}]"
    where = f"at {visible(token.text)!r}" if token.text else "at its end"
    return f"[{scale.title}: up to {token.value:.1f} nats, {where}]"


def _wrapped(line: str) -> str:
    width = min(shutil.get_terminal_size().columns, _MAX_WIDTH) - 2
    return textwrap.fill(line, width, replace_whitespace=False)


def _as_data(session: _Session, opened: Opened, answers: list[PromptAnswers]) -> dict[str, Any]:
    titles = session.titles()
    lanes = [{**lane.model_dump(), "title": titles[lane.name]} for lane in opened.lanes]
    return {
        "run": session.run.id,
        "mode": opened.decoding,
        **opened.model_dump(exclude={"kind", "lanes"}),
        "weight_bytes": opened.weight_bytes,
        "base_bytes": opened.lanes[0].extra_bytes,
        "strengths": dict(session.asking.strengths),
        "lanes": lanes,
        "answers": [_answers_as_data(answered) for answered in answers],
    }


def _answers_as_data(answered: PromptAnswers) -> dict[str, Any]:
    return {
        "prompt": answered.prompt,
        **{
            lane: _answer_as_data(done, answered.scored.get(lane))
            for lane, done in answered.answers.items()
        },
    }


def _answer_as_data(done: Done, compared: ScoredAnswer | None) -> dict[str, Any]:
    data = {
        **done.model_dump(exclude={"kind", "id", "lane"}),
        "tokens": done.tokens,
        "tokens_per_second": done.tokens_per_second,
    }
    if compared is None:
        return data
    return {**data, "against": compared.other, "pieces": [p.model_dump() for p in compared.scores]}
