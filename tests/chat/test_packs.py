"""Probe packs and prompt files."""

from __future__ import annotations

import pytest

from workbench.chat.packs import load_pack, read_prompts, shipped_pack
from workbench.core.errors import BadInputError, NotFoundError


def test_the_shipped_pack_starts_with_photosynthesis_and_has_many_kinds():
    pack = shipped_pack()
    assert pack.prompts[0].prompt == "What is photosynthesis?"
    assert len({probe.prompt for probe in pack.prompts}) == len(pack.prompts) == 10
    assert len({probe.kind for probe in pack.prompts}) >= 7


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("p.txt", "one\n\n  two \n"),
        ("p.jsonl", '{"prompt": "one"}\n\n{"prompt": "two", "kind": "x"}\n'),
        ("p.yaml", "title: t\nprompts:\n- prompt: one\n- prompt: two\n"),
    ],
)
def test_prompts_are_read_from_three_kinds_of_files(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    assert read_prompts(tmp_path / name) == ["one", "two"]


def test_the_line_of_a_malformed_row_is_named(tmp_path):
    (tmp_path / "p.jsonl").write_text('{"prompt": "one"}\n{"question": "two"}\n')
    with pytest.raises(BadInputError, match="line 2"):
        read_prompts(tmp_path / "p.jsonl")


def test_missing_and_empty_files_are_refused(tmp_path):
    with pytest.raises(NotFoundError, match="no such file"):
        read_prompts(tmp_path / "absent.txt")
    (tmp_path / "empty.txt").write_text("\n")
    with pytest.raises(BadInputError, match="no prompt"):
        read_prompts(tmp_path / "empty.txt")


@pytest.mark.parametrize("content", ["title: t", "- 1", "title: [", "title: t\nprompts: []"])
def test_a_file_that_is_not_a_pack_is_refused(tmp_path, content):
    (tmp_path / "p.yaml").write_text(content)
    with pytest.raises(BadInputError, match="not a pack"):
        load_pack(tmp_path / "p.yaml")
