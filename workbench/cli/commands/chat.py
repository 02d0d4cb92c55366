"""``ftwb chat``: the same prompt to base and tuned model, in the terminal or without a screen."""

from __future__ import annotations

import asyncio
import shutil
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.output import emit_json, narrate
from workbench.core.errors import BadInputError, FtwbError
from workbench.runs.folder import RunFolder, Runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.chat.headless import AskOptions, PromptAnswers, ScoredAnswer
    from workbench.chat.protocol import Done, Opened, Source

_WIDEST = 100


@click.command("chat")
@click.argument("run")
@click.option("--prompt", "-p", "prompts", multiple=True, help="Ask this; may be given again.")
@click.option(
    "--prompts",
    "file",
    type=click.Path(path_type=Path),
    help="Ask every prompt of a file: one a line, .jsonl with 'prompt', or a .yaml pack.",
)
@click.option(
    "--max-tokens",
    type=click.IntRange(min=1),
    default=256,
    show_default=True,
    help="Longest answer.",
)
@click.option("--system", default="", help="System prompt for all models.")
@click.option(
    "--temperature",
    type=click.FloatRange(min=0, max=5),
    default=0.0,
    show_default=True,
    help="0 is greedy; above it, all models draw with the same seed.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the draws."
)
@click.option(
    "--strength",
    type=click.FloatRange(min=0, max=1.5),
    default=1.0,
    show_default=True,
    help="How far the tuned model goes from base (0) to tuned (1).",
)
@click.option(
    "--beside",
    multiple=True,
    metavar="RUN[@STEP]",
    help="Let another run on the same base answer too, or a checkpoint; may be given again.",
)
@click.option(
    "--surprise",
    is_flag=True,
    help="Weigh each answer token by token: how surprised the base is by it, and where the base's "
    "own would have been left.",
)
@click.option(
    "--require-proof", is_flag=True, help="Ask nothing and fail unless the base is proven."
)
@click.option("--json", "as_json", is_flag=True, help="Print answers and timings as JSON.")
@click.pass_obj
def command(  # noqa: PLR0913 - one argument an option
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

    RUN is an id, a unique part of one, or 'last'. Every prompt starts a conversation of its own.
    Without a prompt the split chat opens. Before anything is asked, the base is proven: its logits
    on fixed prompts are compared with those stored before training.
    """
    from workbench.chat.headless import AskOptions, extra_sources
    from workbench.chat.packs import read_prompts
    from workbench.chat.settings import ChatSettings
    from workbench.chat.sources import folder_of, require_result

    runs = Runs(root)
    found = runs.find(run)
    require_result(found)
    asked = [*prompts, *(read_prompts(file) if file else ())]
    if not asked:
        beyond = as_json or surprise or require_proof or bool(beside) or strength != 1
        _open_screen(root, found, beyond=beyond)
        return
    others = extra_sources(runs, beside)
    for source in others:
        folder_of(source)
    settings = ChatSettings(
        system=system, max_tokens=max_tokens, temperature=temperature, seed=seed
    )
    session = _Session(
        found,
        others,
        AskOptions(settings, {"tuned": strength}, surprise),
        require_proof=require_proof,
    )
    opened, answered = asyncio.run(session.ask(asked, aloud=not as_json))
    if as_json:
        emit_json(_as_data(session, opened, answered))


def _open_screen(root: Path, run: RunFolder, *, beyond: bool) -> None:
    from workbench.tui import launch

    if beyond:
        raise BadInputError(
            "--json, --strength, --beside, --surprise and --require-proof need something to ask: "
            "add --prompt or --prompts"
        )
    launch(root, chat=run)


@dataclass(frozen=True)
class _Session:
    """One engine and what is asked of it.

    Attributes:
        run: Its base and its result answer.
        others: What answers beside them.
        asking: What holds for every prompt.
        require_proof: Ask nothing unless the base is proven.
    """

    run: RunFolder
    others: tuple[Source, ...]
    asking: AskOptions
    require_proof: bool

    async def ask(
        self, prompts: Sequence[str], *, aloud: bool
    ) -> tuple[Opened, list[PromptAnswers]]:
        """Answer all prompts with one engine, printing each at once if ``aloud``."""
        from workbench.chat.client import EngineClient
        from workbench.chat.headless import ask_all, open_engine

        client = EngineClient(self.run)
        answered = []
        try:
            opened = await open_engine(client, self.others, narrate)
            self._check(opened)
            narrate(f"Asking {len(prompts)} {'prompt' if len(prompts) == 1 else 'prompts'}")
            lanes = [lane.name for lane in opened.lanes]
            async for each in ask_all(client, lanes, prompts, self.asking):
                answered.append(each)
                if aloud:
                    _print(self.headings(opened), each)
        finally:
            await client.close()
        return opened, answered

    def titles(self) -> dict[str, str]:
        """Which model answers in each lane."""
        from workbench.chat.titles import lane_titles

        theirs = {source.lane: RunFolder(Path(source.run)).recipe().name for source in self.others}
        return {**lane_titles(self.run.recipe()), **theirs}

    def headings(self, opened: Opened) -> dict[str, str]:
        """What stands over each lane's answers; a base that is not proven is not called one."""
        proven = opened.proof.state == "proven"
        return {
            lane: f"{lane if proven or lane != 'base' else 'base, unproven'} · {title}"
            for lane, title in self.titles().items()
        }

    def _check(self, opened: Opened) -> None:
        """Tell how the lanes stand, and refuse what they cannot do."""
        from workbench.chat.headless import proof_line, require_strengths, summary

        require_strengths(opened, self.asking.strengths)
        narrate(summary(opened))
        narrate(proof_line(opened))
        if self.require_proof and opened.proof.state != "proven":
            raise FtwbError(f"the base is not proven: {opened.proof.text}")


def _print(headings: dict[str, str], answered: PromptAnswers) -> None:
    """Print a prompt and its answers; what a model says cannot reach the terminal as a command."""
    from workbench.core.sanitize import visible

    click.secho(visible(answered.prompt), bold=True)
    for lane, done in answered.answers.items():
        click.echo(visible(f"\n{headings[lane]}  ({done.summary()})"))
        for line in visible(done.text).splitlines() or ["(empty answer)"]:
            click.echo(textwrap.indent(_wrapped(line), "  "))
        if lane in answered.scored:
            click.echo(f"  {_parting(lane, answered.scored[lane])}")
    click.echo()


def _parting(lane: str, compared: ScoredAnswer) -> str:
    """The token that the other lane would least have said, in one line."""
    from workbench.chat.surprise import peak, scale_of
    from workbench.core.sanitize import visible

    scale = scale_of(lane)
    found = peak(compared.scores, scale)
    if found is None:
        return f"[no token stands out against {visible(compared.other)}]"
    where = f"at {visible(found.text)!r}" if found.text else "at its end"
    return f"[{scale.title}: up to {found.value:.1f} nats, {where}]"


def _wrapped(line: str) -> str:
    width = min(shutil.get_terminal_size().columns, _WIDEST) - 2
    return textwrap.fill(line, width, replace_whitespace=False)


def _as_data(session: _Session, opened: Opened, answered: list[PromptAnswers]) -> dict[str, Any]:
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
        "answers": [_answers_as_data(each) for each in answered],
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
    told = {
        **done.model_dump(exclude={"kind", "id", "lane"}),
        "tokens": done.tokens,
        "tokens_per_second": done.tokens_per_second,
    }
    if compared is None:
        return told
    return {**told, "against": compared.other, "pieces": [p.model_dump() for p in compared.scores]}
