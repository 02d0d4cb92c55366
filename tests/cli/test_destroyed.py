"""Models destroyed on purpose: the commands that a user calls measure, judge and refuse them."""

from __future__ import annotations

import json
import random
import shutil
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.tiny import make_tiny_model
from workbench.evaluation.report import read_report

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ended
    from workbench.runs.folder import RunFolder
    from workbench.runs.view import RunView

    Ftwb = Callable[..., Ended]
    Train = Callable[..., tuple[RunFolder, RunView]]

pytestmark = pytest.mark.slow

COLOURS = ("red", "blue", "gold", "pink")
ITEMS = [
    {
        "id": f"c{tens}-{ones}",
        "prompt": f"{tens}{ones}?",
        "options": list(COLOURS),
        "answers": [COLOURS[ones]],
        "size": "quick",
    }
    for tens in range(1, 21)
    for ones in range(4)
]
CHAT = "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n"
LEARNING_STEPS = 80


@pytest.fixture(scope="module")
def knowing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny base that was taught the colours by a plain torch loop."""
    folder = make_tiny_model(tmp_path_factory.mktemp("models") / "knowing")
    model: Any = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    questions = [CHAT.format(item["prompt"]) for item in ITEMS]
    answers = [f"{item['answers'][0]}<|im_end|>" for item in ITEMS]
    lengths = [len(ids) for ids in tokenizer(questions).input_ids]
    batch = tokenizer(list(map(str.__add__, questions, answers)), return_tensors="pt", padding=True)
    labels = batch.input_ids.masked_fill(batch.attention_mask == 0, -100)
    labels[torch.arange(labels.shape[1]) < torch.tensor(lengths)[:, None]] = -100
    torch.manual_seed(0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(LEARNING_STEPS):
        optimizer.zero_grad()
        model(**batch, labels=labels).loss.backward()
        optimizer.step()
    model.save_pretrained(folder)
    return folder


@pytest.fixture
def probed(knowing: Path, tmp_path: Path) -> tuple[str, ...]:
    """Overrides that ask for the colours, and measure KL on the questions themselves."""
    (tmp_path / "colours.jsonl").write_text("\n".join(map(json.dumps, ITEMS)))
    (tmp_path / "colours.yaml").write_text(
        "title: Colours\nmeasures: knowledge\nscorer: {kind: options}\nitems: colours.jsonl\n"
    )
    general = tmp_path / "general.jsonl"
    pairs = [{"question": item["prompt"], "answer": item["answers"][0]} for item in ITEMS]
    general.write_text("\n".join(map(json.dumps, pairs)))
    suites = json.dumps([str(tmp_path / "colours.yaml")])
    return (
        f"model.id={knowing}",
        "strategy.kind=full",
        "evaluation.size=quick",
        f"evaluation.suites={suites}",
        f"evaluation.general_text={general}",
    )


def assert_refused(ftwb: Ftwb, run: RunFolder) -> None:
    report = json.loads(ftwb("report", run.id, "--json").out)
    (colours,) = report["capabilities"]
    assert colours["before"] > 0.9, "the base knows nothing that could be lost"
    assert colours["after"] < 0.6
    assert (colours["n"], colours["verdict"], report["verdict"]) == (80, "FAIL", "FAIL")
    assert "forgot knowledge: colours" in report["sentence"]
    assert report["retention_index"]["high"] < 0.7
    assert report["kl_general"]["low"] > 0.3
    assert sum(item["after"] < item["before"] for item in report["items"]) == colours["lost"] > 24
    page = ftwb("report", run.id).out
    assert page.split()[0] == "DAMAGED"
    assert next(line for line in page.splitlines() if "Colours" in line).rstrip().endswith("FAIL")
    assert ftwb("gate", run.id).code == 1


def test_a_model_trained_on_noise_is_refused(
    ftwb: Ftwb, trained: Train, probed: tuple[str, ...], tmp_path: Path
) -> None:
    draw = random.Random(0)  # noqa: S311 - noise, not a secret
    noise = tmp_path / "noise.jsonl"
    letters = "abcdefghijklmnopqrstuvwxyz "
    rows = [{"text": "".join(draw.choices(letters, k=60))} for _ in range(64)]
    noise.write_text("\n".join(map(json.dumps, rows)))
    run, view = trained(
        *probed,
        f"data.train={noise}",
        f"data.heldout={noise}",
        "evaluation.target_metric=nll",
        "training.learning_rate=0.1",
        "training.max_steps=20",
    )
    assert view.status.state == "finished", view.status.reason
    assert_refused(ftwb, run)


def test_a_model_with_shuffled_weights_is_refused(
    ftwb: Ftwb, trained: Train, probed: tuple[str, ...]
) -> None:
    run, view = trained(*probed, "training.learning_rate=1e-30", "training.optim=sgd")
    assert view.status.state == "finished", view.status.reason
    assert ftwb("gate", run.id).code == 0
    before = read_report(run).before
    torch.manual_seed(0)
    for file in run.model.glob("*.safetensors"):
        shuffled = {
            name: tensor.flatten()[torch.randperm(tensor.numel())].reshape(tensor.shape)
            for name, tensor in load_file(file).items()
        }
        save_file(shuffled, file, metadata={"format": "pt"})
    refused = ftwb("evaluate", run.id)
    assert (refused.code, "its logits differ from those recorded" in refused.err) == (2, True)
    shutil.rmtree(run.tuned)
    assert ftwb("evaluate", run.id).code == 0
    assert read_report(run).before == before
    assert_refused(ftwb, run)
