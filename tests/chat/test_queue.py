"""Prompts that wait for the engine."""

from __future__ import annotations

from workbench.chat.queue import PromptQueue


def test_the_users_own_prompt_comes_before_the_pack_and_each_is_sent_once() -> None:
    queue = PromptQueue("early", ["one", "two"])
    assert queue.pop() == ("early", False)
    assert queue.pop() == ("one", True)
    assert queue.pop() == ("two", True)
    assert queue.pop() is None


def test_dropping_the_pack_keeps_the_users_own_prompt() -> None:
    queue = PromptQueue("early", ["one", "two"])
    queue.drop_pack()
    assert queue.pop() == ("early", False)
    assert queue.pop() is None
