"""Every chat template in the ``trl`` package learns what an independent oracle says."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from transformers import AutoModelForCausalLM

from tests.data.chats import Chat, chats
from tests.data.families import family_of, family_tokenizer, template_files
from tests.data.template_oracle import Oracle, Refusal
from tests.tiny import tiny_config
from workbench.data.batches import device_batches
from workbench.data.formats import Example, Message
from workbench.data.rendering import IGNORE_INDEX, Renderer
from workbench.data.rows import RowFault
from workbench.models.loss import labelled_nll

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from transformers import PreTrainedTokenizerBase

TEMPLATES = template_files()
_renderers: dict[str, Renderer] = {}


def renderer_of(template: Path) -> Renderer:
    """A renderer is made once, for it compiles the template."""
    if template.stem not in _renderers:
        _renderers[template.stem] = Renderer(family_tokenizer(template), True, 100_000)
    return _renderers[template.stem]


def check(template: Path, chat: Chat) -> str:
    """Compare product and oracle; say whether the row is ``learned`` or ``refused``."""
    family, tokenizer = family_of(template.stem), family_tokenizer(template)
    if family.thoughts == "text":  # a thought beside calls only has no text to be in
        bare = [replace(m, reasoning="") if not m.content else m for m in chat.messages]
        chat = replace(chat, messages=tuple(bare))
    inline = chat.inline or family.thoughts == "text"
    row = Example(1, {}, messages=chat.as_read(inline=inline), tools=chat.tools)
    (rendered,) = renderer_of(template).try_render([row])
    expected = Oracle(family, tokenizer, chat.messages, chat.tools).expected()
    if isinstance(expected, Refusal):
        assert isinstance(rendered, RowFault), f"{template.stem} should refuse: {expected.reason}"
        return "refused"
    if isinstance(rendered, RowFault) and family.late_words:
        assert "its beginning is not certain" in rendered.reason
        assert any(message.tool_calls and message.content for message in chat.messages)
        return "refused"
    assert not isinstance(rendered, RowFault), f"{template.stem} refuses: {rendered.reason}"
    labels = [token if learned else IGNORE_INDEX for token, learned in zip(*expected, strict=True)]
    assert (rendered.input_ids, rendered.labels) == (expected.input_ids, labels), (
        f"{template.stem} learns {learned_text(tokenizer, rendered.labels)}, not "
        f"{learned_text(tokenizer, labels)} of {tokenizer.decode(expected.input_ids)!r}"
    )
    return "learned"


def learned_text(tokenizer: PreTrainedTokenizerBase, labels: Sequence[int]) -> list[str]:
    """The stretches of text that labels cover."""
    runs = groupby(labels, key=lambda label: label != IGNORE_INDEX)
    return [str(tokenizer.decode(list(run))) for learned, run in runs if learned]


ASKED, SAID = Message("user", "What is 3+3?"), Message("assistant", "6")


def test_all_templates_are_there() -> None:
    assert len(TEMPLATES) >= 72


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.stem)
def test_short_chats(template: Path) -> None:
    assert check(template, Chat((ASKED, SAID, ASKED, SAID), (), inline=False)) == "learned"
    thought = Chat((ASKED, replace(SAID, reasoning="6 and 6")), (), inline=False)
    assert check(template, thought) == "learned"


@pytest.mark.slow
def test_any_chat_on_every_template(capsys: pytest.CaptureFixture[str]) -> None:
    counts: Counter[str] = Counter()

    @given(chats())
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    def run(chat: Chat) -> None:
        counts["chats"] += 1
        for template in TEMPLATES:
            counts[check(template, chat)] += 1

    run()
    with capsys.disabled():
        sys.stdout.write(
            f"\n{len(TEMPLATES)} templates, {counts['chats']} conversations: "
            f"{counts['learned']:,} rows learned as expected, {counts['refused']:,} refused\n"
        )
    assert counts["learned"] > counts["refused"]


@pytest.mark.parametrize("name", ["qwen3_5_think", "gptoss", "gemma4_v5"])
def test_the_loss_is_that_of_transformers_on_the_same_labels(name: str) -> None:
    template = next(path for path in TEMPLATES if path.stem == name)
    tokenizer = family_tokenizer(template)
    config = tiny_config("llama", len(tokenizer), tokenizer.eos_token_id)
    model: Any = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    chats = [(ASKED, replace(SAID, content=words, reasoning="3 more")) for words in ("6", "six")]
    rows = renderer_of(template).render_all([Example(1, {}, messages=chat) for chat in chats])
    (batch,) = device_batches(rows, 2, tokenizer.pad_token_id, torch.device("cpu"))
    with torch.no_grad():
        nll, count = labelled_nll(model, batch)
        theirs = [
            model(input_ids=torch.tensor([row.input_ids]), labels=torch.tensor([row.labels])).loss
            for row in rows
        ]
    assert count == sum(row.trained_tokens for row in rows)
    sums = [float(loss) * row.trained_tokens for loss, row in zip(theirs, rows, strict=True)]
    assert float(nll) == pytest.approx(sum(sums), rel=1e-5)
