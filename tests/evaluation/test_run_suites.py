"""All suites asked together, item by item as if each were asked alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.evaluation.suites import make_suite
from tests.strategies.cases import setup
from tests.tiny import make_tiny_model
from workbench.core.errors import BadInputError
from workbench.data.formats import Message
from workbench.data.rendering import Renderer
from workbench.evaluation.run.generation import GenerationRequest, generate
from workbench.evaluation.run.likelihoods import MultipleChoice, option_likelihoods
from workbench.evaluation.run.run_suites import run_suites
from workbench.evaluation.suites.items import Item
from workbench.evaluation.suites.scorers.contains import ContainsScorer
from workbench.evaluation.suites.scorers.diversity import DiversityScorer
from workbench.evaluation.suites.scorers.options import OptionsScorer

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.evaluation.suites.suites import Suite


WORDS = ("one", "a longer question?", "two", "three of them", "and the last")


def options_suite() -> Suite:
    items = [
        Item(id=f"o{number}", prompt=text, options=("yes", "no", "maybe"), answers=("no",))
        for number, text in enumerate(WORDS)
    ]
    return make_suite("options", OptionsScorer(), *items)


def answers_suite(new_tokens: int = 5) -> Suite:
    items = [
        Item(id=f"a{number}", prompt=text, answers=("x",)) for number, text in enumerate(WORDS)
    ]
    return make_suite("answers", ContainsScorer(), *items, new_tokens=new_tokens)


def drawn_suite() -> Suite:
    return make_suite("drawn", DiversityScorer(), *(Item(id=w, prompt=w) for w in WORDS[:2]))


class Asker:
    """A model with all that asking needs."""

    def __init__(self, folder: Path, model=None) -> None:
        self.model = model or AutoModelForCausalLM.from_pretrained(folder)
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self._renderer = Renderer(self.tokenizer, True, 512)

    def prompt(self, text: str) -> list[int]:
        return self._renderer.prompt([Message("user", text)])

    def ask(self, *suites: Suite, **settings):
        return run_suites(self.model, self.tokenizer, suites, render_prompt=self.prompt, **settings)


@pytest.fixture
def asker(tiny_model: Path) -> Asker:
    return Asker(tiny_model)


def test_every_item_has_a_result_in_the_order_of_the_suites(asker: Asker) -> None:
    results = asker.ask(answers_suite(), options_suite(), drawn_suite())
    assert [(one.suite, one.id) for one in results] == [
        *(("answers", f"a{number}") for number in range(5)),
        *(("options", f"o{number}") for number in range(5)),
        *(("drawn", word) for word in WORDS[:2]),
    ]
    assert [one.prompt for one in results[:5]] == list(WORDS)


def test_results_do_not_depend_on_the_batches_or_on_what_else_is_asked(asker: Asker) -> None:
    suites = (answers_suite(), options_suite(), drawn_suite())
    together = asker.ask(*suites)
    assert asker.ask(*suites, batch_size=1) == together
    turned = {(one.suite, one.id): one for one in asker.ask(*suites[::-1], batch_size=3)}
    assert [turned[one.suite, one.id] for one in together] == together
    assert [one for suite in suites for one in asker.ask(suite)] == together


def test_the_model_and_the_random_state_are_left_as_they_were(asker: Asker) -> None:
    asker.model.train()
    state = torch.get_rng_state()
    asker.ask(answers_suite(), options_suite(), drawn_suite())
    assert asker.model.training
    assert torch.equal(torch.get_rng_state(), state)


def test_options_are_scored_as_the_assistants_answer(asker: Asker) -> None:
    questions = [
        MultipleChoice(
            asker.tokenizer(
                f"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n"
            ).input_ids,
            [asker.tokenizer(option).input_ids for option in ("yes", "no", "maybe")],
        )
        for text in WORDS
    ]
    likelihoods = option_likelihoods(asker.model, asker.tokenizer, questions)
    suite = options_suite()
    expected = [
        OptionsScorer().choose(item, found)
        for item, found in zip(suite.items, likelihoods, strict=True)
    ]
    results = asker.ask(suite)
    assert [(one.score, one.answer) for one in results] == [
        (one.score, one.answer) for one in expected
    ]


def test_progress_ends_at_the_total(asker: Asker) -> None:
    progress: list[tuple[int, int]] = []
    asker.ask(
        answers_suite(),
        options_suite(),
        drawn_suite(),
        batch_size=4,
        report=lambda done, total: progress.append((done, total)),
    )
    total = 5 + 5 + 2 * 8
    assert [done for done, _ in progress] == sorted(done for done, _ in progress)
    assert progress[0] == (4, total)
    assert progress[-1] == (total, total)


def test_draws_follow_the_models_own_chances(asker: Asker) -> None:
    prompt = asker.prompt("one")
    requests = [GenerationRequest(prompt, 1, seed) for seed in range(4000)]
    drawn = [
        tokens[0] for tokens in generate(asker.model, asker.tokenizer, requests, batch_size=500)
    ]
    with torch.no_grad():
        chances = asker.model.eval()(torch.tensor([prompt])).logits[0, -1].softmax(-1)
    counts = torch.bincount(torch.tensor(drawn), minlength=len(chances))
    expected = 4000 * chances
    statistic = float(((counts - expected) ** 2 / expected).sum())
    freedom = len(chances) - 1
    assert abs(statistic - freedom) < 5 * (2 * freedom) ** 0.5


def test_eight_draws_differ_and_are_the_same_again(asker: Asker) -> None:
    first, again = asker.ask(drawn_suite()), asker.ask(drawn_suite())
    assert first == again
    assert all(one.numbers["unique"] == 8 for one in first)
    assert first[0].answer != first[1].answer


def test_an_item_longer_than_the_context_is_named_before_any_is_asked(asker: Asker) -> None:
    room = 512 - len(asker.prompt("")) - len("maybe")
    fits = Item(id="k1", prompt="x" * room, options=("yes", "maybe"), answers=("yes",))
    asker.ask(make_suite("mine", OptionsScorer(), fits))
    calls: list[int] = []
    asker.model.register_forward_pre_hook(lambda *_: calls.append(1))
    long = fits.model_copy(update={"id": "k2", "prompt": "x" * (room + 1)})
    with pytest.raises(
        BadInputError, match=r"item mine/k2: its 508 tokens and an answer of 5 exceed"
    ):
        asker.ask(make_suite("mine", OptionsScorer(), fits, long))
    assert not calls


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_an_answer_ends_where_the_context_does(tmp_path: Path, architecture) -> None:
    asker = Asker(make_tiny_model(tmp_path, architecture))
    room = 512 - len(asker.prompt(""))
    items = [Item(id=str(left), prompt="x" * (room - left), answers=("x",)) for left in (3, 1)]
    shortest = asker.ask(make_suite("mine", ContainsScorer(), *items, new_tokens=50))
    assert len(shortest) == 2
    full = make_suite("mine", ContainsScorer(), Item(id="0", prompt="x" * room, answers=("x",)))
    with pytest.raises(BadInputError, match="item mine/0: its 512 tokens and an answer of 1"):
        asker.ask(full)


@pytest.mark.parametrize("kind", ["prompt_tuning", "prefix_tuning", "p_tuning"])
def test_virtual_tokens_take_their_part_of_the_context(tiny_model: Path, kind: str) -> None:
    model = setup(tiny_model, kind, num_virtual_tokens=12).prepared()
    asker = Asker(tiny_model, model)
    results = asker.ask(answers_suite(), options_suite(), drawn_suite(), batch_size=3)
    alone = asker.ask(answers_suite(), options_suite(), drawn_suite(), batch_size=1)
    assert results == alone
    room = 512 - 12 - len(asker.prompt(""))
    long = make_suite("m", ContainsScorer(), Item(id="k", prompt="x" * room, answers=("x",)))
    for who, left in ((asker, 0), (Asker(tiny_model), 12)):
        with pytest.raises(BadInputError, match="context of 500"):
            who.ask(long, reserved_tokens=left)


def test_an_item_may_have_room_for_a_longer_answer(
    asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def counting(model, tokenizer, requests, **settings):
        asked.extend(request.max_new_tokens for request in requests)
        return generate(model, tokenizer, requests, **settings)

    monkeypatch.setattr("workbench.evaluation.run.run_suites.generate", counting)
    items = [
        Item(id=f"n{tokens}", prompt="one", answers=("x",), new_tokens=tokens) for tokens in (0, 12)
    ]
    asker.ask(make_suite("mine", ContainsScorer(), *items, new_tokens=3))
    assert asked == [3, 12]
