"""The engine process end to end, over its pipes, on a tiny model."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from typing import Any

import psutil
import pytest
import torch
from transformers import AutoTokenizer

from tests.chat.tuned_runs import STRATEGIES, finished_run, keep_fingerprint, load, recipe_on
from workbench.chat.client import ENGINE, EngineClient
from workbench.chat.engine import lane_check
from workbench.chat.engine.engine import Engine
from workbench.chat.protocol import (
    Delta,
    Done,
    EngineDied,
    Failed,
    Finished,
    Generate,
    Open,
    Opened,
    Progress,
    ScoreTokens,
    Source,
    Turn,
    encode,
    read_reply,
)

pytestmark = pytest.mark.slow

QUESTION = {lane: (Turn(role="user", content="What is it?"),) for lane in ("base", "tuned")}


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture
async def client_of():
    clients = []

    def make(run):
        clients.append(EngineClient(run))
        return clients[-1]

    yield make
    for client in clients:
        await client.close()


async def opened(client):
    return [event async for event in client.open()]


def answer(client, conversations=QUESTION, max_tokens=16):
    return client.generate(Generate(conversations=conversations, max_tokens=max_tokens))


@pytest.mark.parametrize("kind", STRATEGIES)
async def test_both_lanes_answer_as_generate_does(runs, tiny_model, client_of, kind):
    run = finished_run(runs, tiny_model, kind)
    client = client_of(run)
    *progress, last = await opened(client)
    assert progress
    assert all(isinstance(event, Progress) for event in progress)
    assert isinstance(last, Opened)
    assert [lane.name for lane in last.lanes] == ["base", "tuned"]
    assert last.context == 512
    events = [event async for event in answer(client)]
    assert isinstance(events[-1], Finished)
    done = {event.lane: event for event in events if isinstance(event, Done)}
    assert {event.lane for event in events if isinstance(event, Delta)} == set(done)
    assert done["base"].text != done["tuned"].text
    strategy = recipe_on(tiny_model, kind).strategy
    models = {"base": load(tiny_model), "tuned": strategy.load(load(tiny_model), run.model)}
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    prompt: Any = tokenizer.apply_chat_template(
        [{"role": "user", "content": "What is it?"}],
        add_generation_prompt=True,
        return_tensors="pt",
        return_dict=True,
    )
    for lane, model in models.items():
        output = model.eval().generate(**prompt, do_sample=False, max_new_tokens=16)
        expected = output[0, prompt["input_ids"].shape[1] :]
        assert done[lane].text == tokenizer.decode(expected, skip_special_tokens=True)
        assert done[lane].tokens == len(expected)


async def test_a_killed_engine_is_an_event_and_can_be_started_again(runs, tiny_model, client_of):
    client = client_of(finished_run(runs, tiny_model, "lora"))
    await opened(client)
    events = answer(client, max_tokens=450)
    assert isinstance(await anext(events), Delta)
    os.kill(client.pid, signal.SIGKILL)
    rest = [event async for event in events]
    assert isinstance(rest[-1], EngineDied)
    assert "killed" in rest[-1].reason
    assert client.pid is None
    assert [event async for event in answer(client)] == [rest[-1]]
    assert isinstance((await opened(client))[-1], Opened)
    assert isinstance([event async for event in answer(client)][-1], Finished)


async def test_a_cancelled_answer_ends_early_and_the_next_is_whole(runs, tiny_model, client_of):
    client = client_of(finished_run(runs, tiny_model, "lora"))
    await opened(client)
    cut: list[object] = []
    async for event in answer(client, max_tokens=450):
        if not cut:
            client.cancel()
        cut.append(event)
    finishes = {event.finish for event in cut if isinstance(event, Done)}
    assert finishes == {"cancelled"}
    whole = [event async for event in answer(client, max_tokens=5)]
    assert {event.tokens for event in whole if isinstance(event, Done)} == {5}


async def test_an_answer_that_nobody_reads_to_the_end_does_not_disturb_the_next(
    runs, tiny_model, client_of
):
    client = client_of(finished_run(runs, tiny_model, "lora"))
    await opened(client)
    left = answer(client, max_tokens=40)
    await anext(left)
    await left.aclose()
    events = [event async for event in answer(client, max_tokens=3)]
    assert len({event.id for event in events}) == 1
    assert {event.tokens for event in events if isinstance(event, Done)} == {3}


async def test_failures_are_messages_and_the_engine_lives_on(runs, tiny_model, client_of):
    client = client_of(finished_run(runs, tiny_model, "lora"))
    await opened(client)
    long = {lane: (Turn(role="user", content="x" * 600),) for lane in ("base", "tuned")}
    (failed,) = [event async for event in answer(client, long)]
    assert isinstance(failed, Failed)
    assert "reads at most 512" in failed.text
    assert isinstance([event async for event in answer(client)][-1], Finished)


async def test_the_base_is_checked_and_an_answer_scored_over_the_pipes(runs, tiny_model, client_of):
    run = finished_run(runs, tiny_model, "lora")
    keep_fingerprint(run, tiny_model)
    client = client_of(run)
    proof = (await opened(client))[-1].proof
    assert proof.state == "proven"
    assert proof.distance < 1e-5
    events = [event async for event in answer(client)]
    done = {event.lane: event for event in events if isinstance(event, Done)}["tuned"]
    request = ScoreTokens(
        lane="tuned", other="base", conversation=QUESTION["tuned"], tokens=done.token_ids
    )
    reply = await client.score_tokens(request)
    assert "".join(score.text for score in reply.scores) == done.text
    assert max(score.surprise for score in reply.scores) > 0.1
    failed = await client.score_tokens(request.model_copy(update={"other": "third"}))
    assert isinstance(failed, Failed)
    assert "no lane 'third' is open" in failed.text
    again = await client.score_tokens(request)
    assert again == reply.model_copy(update={"id": reply.id + 2})


async def test_a_run_without_a_result_cannot_be_opened(runs, tiny_model, client_of):
    client = client_of(runs.create(recipe_on(tiny_model, "lora")))
    (failed,) = await opened(client)
    assert isinstance(failed, Failed)
    assert "no result to chat with" in failed.text


async def test_broken_weights_are_reported_in_one_line(runs, tiny_model, client_of):
    run = finished_run(runs, tiny_model, "lora")
    (run.model / "adapter_model.safetensors").write_bytes(b"no weights")
    client = client_of(run)
    failed = (await opened(client))[-1]
    assert isinstance(failed, Failed)
    assert "\n" not in failed.text
    assert "Traceback" in client.log.read_text()


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    ],
)
def test_running_out_of_memory_is_one_line_that_says_what_to_do(error, monkeypatch):
    def fail(_sources, _report):
        raise error

    monkeypatch.setattr(lane_check, "open_checked", fail)
    replies = io.BytesIO()
    Engine(io.BytesIO(), replies)._handle(Open(sources=(Source(lane="tuned", run="x"),)))
    failed = read_reply(replies.getvalue())
    assert failed.text.startswith("out of memory: close other programs")


async def test_closing_ends_the_engine(runs, tiny_model, client_of):
    client = client_of(finished_run(runs, tiny_model, "lora"))
    await opened(client)
    pid = client.pid
    await client.close()
    assert not psutil.pid_exists(pid)


@pytest.mark.parametrize("when", ["at once", "while loading"])
def test_the_engine_ends_when_its_owner_is_gone(runs, tiny_model, when):
    run = finished_run(runs, tiny_model, "full")
    with subprocess.Popen(
        [sys.executable, "-m", ENGINE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as engine:
        if when == "while loading":
            engine.stdin.write(encode(Open(sources=(Source(lane="tuned", run=str(run.path)),))))
            engine.stdin.flush()
            assert isinstance(read_reply(engine.stdout.readline()), Progress)
        engine.stdin.close()
        assert engine.wait(60) == 0


def test_what_libraries_print_does_not_reach_the_protocol(tmp_path):
    script = (
        "import os, sys\n"
        "from workbench.chat.engine import engine\n"
        "class Noisy:\n"
        "    def __init__(self, requests, replies):\n"
        "        print('python noise'); os.write(1, b'native noise\\n')\n"
        "        replies.write(b'reply\\n'); replies.flush()\n"
        "    def run(self): sys.stdout.flush()\n"
        "engine.Engine = Noisy\n"
        "from workbench.chat.engine.__main__ import main\n"
        "main()\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=True, cwd=tmp_path
    )
    assert ended.stdout == b"reply\n"
    assert b"python noise" in ended.stderr
    assert b"native noise" in ended.stderr
