"""``ftwb chat``: the same prompt to base and tuned model, in the terminal or without a screen."""

from __future__ import annotations

import asyncio
import shutil
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.output import emit_json, narrate
from workbench.errors import BadInputError
from workbench.runs.folder import Runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.inference.headless import Answered, Settings
    from workbench.inference.messages import Opened
    from workbench.runs.folder import RunFolder

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
@click.option("--system", default="", help="System prompt for both models.")
@click.option(
    "--temperature",
    type=click.FloatRange(min=0),
    default=0.0,
    show_default=True,
    help="0 is greedy; above it, both models draw with the same seed.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the draws.")
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
    as_json: bool,
) -> None:
    """Ask the base model and the tuned model of RUN the same prompts.

    RUN is an id, a unique part of one, or 'last'. Every prompt starts a conversation of its own.
    Without a prompt the split chat opens.
    """
    from workbench.inference.headless import Settings
    from workbench.inference.messages import Sampling
    from workbench.inference.opening import require_result
    from workbench.inference.packs import read_prompts

    found = Runs(root).find(run)
    require_result(found)
    asked = [*prompts, *(read_prompts(file) if file else ())]
    if not asked:
        _open_screen(root, found, as_json=as_json)
        return
    settings = Settings(system, max_tokens, Sampling(temperature=temperature, seed=seed))
    opened, answered = asyncio.run(_ask(found, asked, settings, aloud=not as_json))
    if as_json:
        facts = opened.model_dump(exclude={"kind"})
        told = {"run": found.id, "mode": opened.decoding, **facts}
        emit_json({**told, "answers": [_as_data(each) for each in answered]})


def _open_screen(root: Path, run: RunFolder, *, as_json: bool) -> None:
    from workbench.tui import launch

    if as_json:
        raise BadInputError("--json needs something to ask: add --prompt or --prompts")
    launch(root, chat=run)


async def _ask(
    run: RunFolder, prompts: Sequence[str], settings: Settings, *, aloud: bool
) -> tuple[Opened, list[Answered]]:
    """Answer all prompts with one engine, printing each at once if ``aloud``."""
    from workbench.inference.client import EngineClient
    from workbench.inference.headless import ask_all, open_engine

    client = EngineClient(run)
    answered = []
    try:
        opened = await open_engine(client, narrate)
        narrate(f"Asking {len(prompts)} {'prompt' if len(prompts) == 1 else 'prompts'}")
        lanes = tuple(lane.name for lane in opened.lanes)
        async for each in ask_all(client, lanes, prompts, settings):
            answered.append(each)
            if aloud:
                _print(run, each)
    finally:
        await client.close()
    return opened, answered


def _print(run: RunFolder, answered: Answered) -> None:
    """Print a prompt and its answers; what a model says cannot reach the terminal as a command."""
    from workbench.inference.titles import lane_titles
    from workbench.untrusted import visible

    titles = lane_titles(run.recipe())
    click.secho(visible(answered.prompt), bold=True)
    for lane, done in answered.answers.items():
        click.echo(f"\n{lane} · {titles[lane]}  ({done.summary()})")
        for line in visible(done.text).splitlines() or ["(empty answer)"]:
            click.echo(textwrap.indent(_wrapped(line), "  "))
    click.echo()


def _wrapped(line: str) -> str:
    width = min(shutil.get_terminal_size().columns, _WIDEST) - 2
    return textwrap.fill(line, width, replace_whitespace=False)


def _as_data(answered: Answered) -> dict[str, Any]:
    answers = {
        lane: {
            **done.model_dump(exclude={"kind", "id", "lane"}),
            "tokens": done.tokens,
            "tokens_per_second": done.tokens_per_second,
        }
        for lane, done in answered.answers.items()
    }
    return {"prompt": answered.prompt, **answers}
