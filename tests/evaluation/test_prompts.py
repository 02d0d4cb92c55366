"""Questions to models that think, and to models without a chat template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.data import tokenizers
from tests.data.tokenizers import tokenizer_with
from workbench.data.rendering import Renderer
from workbench.evaluation.report import read_report
from workbench.evaluation.run.generation import Ending, greedy_answers
from workbench.evaluation.run.prompts import (
    chat_ending,
    form_notes,
    probe_ending,
    prompt_form,
    prompt_tokens,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from workbench.runs.folder import RunFolder
    from workbench.runs.view import RunView


class Scripted:
    """Lets a tiny model say given texts, and notes how it was asked."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> None:
        self._tokenizer = tokenizer
        self._texts = texts
        self.asked: dict[str, Any] = {}

    def __call__(self, *, input_ids: torch.Tensor, **settings: Any) -> torch.Tensor:
        self.asked = settings
        rows = [self._tokenizer(text, add_special_tokens=False).input_ids for text in self._texts]
        longest = min(max(map(len, rows)), settings["max_new_tokens"])
        padding = self._tokenizer.pad_token_id
        padded = [(row + [padding] * longest)[:longest] for row in rows]
        return torch.cat([input_ids, torch.tensor(padded)], dim=1)


@pytest.fixture
def model(tiny_model: Path) -> PreTrainedModel:
    loaded: PreTrainedModel = AutoModelForCausalLM.from_pretrained(tiny_model)
    return loaded


@pytest.fixture
def tokenizer(tiny_model: Path) -> PreTrainedTokenizerBase:
    loaded: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(tiny_model)
    return loaded


def _say(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    monkeypatch: pytest.MonkeyPatch,
    ending: Ending,
    *texts: str,
) -> tuple[list[str], Scripted]:
    script = Scripted(tokenizer, texts)
    monkeypatch.setattr(model, "generate", script)
    prompts = [[5, 6, 7]] * len(texts)
    answers = greedy_answers(model, tokenizer, prompts, max_new_tokens=8, ending=ending)
    return answers, script


def test_thoughts_are_stripped_and_answers_are_no_longer_than_without(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, script = _say(
        model,
        tokenizer,
        monkeypatch,
        Ending(thought_tokens=40),
        "<think>\nLet me see.\n</think>\n\nParis!",
        "No thought at all",
        "<think> one that never ends, however long it is",
    )
    assert script.asked["max_new_tokens"] == 48
    assert answers == ["Paris!", "No thoug", ""]


def test_the_budget_for_a_thought_ends_where_the_context_does(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, script = _say(model, tokenizer, monkeypatch, Ending(thought_tokens=4000), "Yes.")
    assert script.asked["max_new_tokens"] == 512 - 3


def test_an_answer_to_complete_ends_before_the_next_question(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, script = _say(
        model, tokenizer, monkeypatch, Ending(stop="\n\n"), "\nRed\n\nQuestion: What", "- a\n- b"
    )
    assert answers == ["Red", "- a\n- b"]
    (criterion,) = script.asked["stopping_criteria"]
    rows = [tokenizer(text).input_ids for text in ("a\n\nb\n\n", "a\n\nbc\n", "\n\n\n a")]
    longest = max(map(len, rows))
    ids = torch.tensor([[tokenizer.pad_token_id] * (longest - len(row)) + row for row in rows])
    assert criterion(ids, None).tolist() == [True, False, False]


def test_without_a_chat_template_questions_follow_a_few_with_answers() -> None:
    tokenizer = tokenizer_with(None, bos="<s>", eos="</s>", begins_texts=True)
    renderer = Renderer(tokenizer, True, 512)
    assert prompt_form(renderer) == "completion"
    assert probe_ending(renderer) == Ending(stop="\n\n")
    assert chat_ending(renderer) == Ending()
    text = str(tokenizer.decode(prompt_tokens(renderer, "What is tea?")))
    assert text.startswith("<s>Question: In which month does a year begin?\nAnswer:\nJanuary\n\n")
    assert text.endswith("\n\nQuestion: What is tea?\nAnswer:\n")
    assert "no chat template" in form_notes(renderer)[0]


def test_a_chat_model_is_asked_as_in_a_chat() -> None:
    renderer = Renderer(tokenizer_with(tokenizers.CHATML), True, 512)
    assert (prompt_form(renderer), probe_ending(renderer)) == ("chat", Ending())
    assert form_notes(renderer) == ()


@pytest.mark.dtype
@pytest.mark.slow
@pytest.mark.parametrize(
    ("template", "thinking", "form"),
    [
        (None, "", "completion"),
        (tokenizers.THINKS_IF_TOLD, "off", "chat"),
        (tokenizers.REASONING_OF_LAST_TURN_ONLY, "stripped", "chat"),
    ],
)
def test_the_report_says_how_both_models_were_asked(
    trained: Callable[..., tuple[RunFolder, RunView]],
    probed: tuple[str, ...],
    tiny_model: Path,
    tmp_path: Path,
    template: str | None,
    thinking: str,
    form: str,
) -> None:
    folder = tmp_path / "other"
    AutoModelForCausalLM.from_pretrained(tiny_model).save_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    run, view = trained(*probed, f"model.id={folder}", "retention.replay=true")
    assert view.status.state == "finished", view.status.reason
    report = read_report(run)
    assert (report.thinking, report.prompt_form) == (thinking, form)
    assert len(report.notes) == 1
    assert len(report.after.items) == len(report.before.items) == 9
