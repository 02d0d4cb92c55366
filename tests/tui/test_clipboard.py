"""A copy goes to tmux, to the terminal or to a file, and a notice says which."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.tui.conftest import until
from workbench.core.errors import MachineError
from workbench.tui import clipboard
from workbench.tui.clipboard import MAX_OSC52_BYTES, CopyingApp, copy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TEXT = "Plants make sugar.\n\tünï ␛[2J\n"


@pytest.fixture(autouse=True)
def plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """No multiplexer around the tests."""
    monkeypatch.delenv("TMUX", raising=False)
    monkeypatch.delenv("STY", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.fixture
def tmux(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """A private tmux server, and ``$TMUX`` as in one of its panes."""
    if shutil.which("tmux") is None:
        pytest.skip("needs tmux")
    with tempfile.TemporaryDirectory(prefix="ftwb-") as folder:
        socket = Path(folder) / "s"

        def call(*arguments: str) -> str:
            command = ["tmux", "-S", str(socket), "-f", os.devnull, *arguments]
            return subprocess.run(command, check=True, capture_output=True, text=True).stdout

        call("new-session", "-d", "cat")
        monkeypatch.setenv("TMUX", f"{socket},1,0")
        yield call
        call("kill-server")


@pytest.fixture
def fake_tmux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """A script in the place of tmux; ``$KEPT`` is where it may write."""

    def put(script: str) -> Path:
        kept, program = tmp_path / "kept", tmp_path / "bin" / "tmux"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\nKEPT={kept}\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.setenv("TMUX", "/nowhere,1,0")
        return kept

    return put


@pytest.fixture
def sent() -> list[str]:
    """What went to the terminal by OSC 52."""
    return []


async def test_inside_tmux_its_buffer_has_the_text(
    tmux: Callable[..., str], sent: list[str], tmp_path: Path
) -> None:
    notice = await copy(TEXT, sent.append, tmp_path)
    assert tmux("show-buffer") == TEXT
    assert "prefix ]" in notice
    assert "set-clipboard" in notice
    assert sent == []


async def test_an_old_tmux_is_called_without_the_option_it_lacks(
    fake_tmux: Callable[[str], Path], sent: list[str], tmp_path: Path
) -> None:
    kept = fake_tmux('[ "$2" = -w ] && exit 1\necho "$@" > $KEPT.words\ncat > $KEPT')
    notice = await copy(TEXT, sent.append, tmp_path)
    assert kept.read_text() == TEXT
    assert kept.with_suffix(".words").read_text() == "load-buffer -\n"
    assert notice == "Copied to the tmux buffer (prefix ] pastes it)."


@pytest.mark.parametrize("how", ["gone", "missing", "stuck"])
async def test_without_a_working_tmux_it_goes_to_the_terminal(
    how: str,
    fake_tmux: Callable[[str], Path],
    sent: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake_tmux("exec sleep 600" if how == "stuck" else "echo no server running >&2; exit 1")
    if how == "missing":
        monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(clipboard, "_TMUX_TIMEOUT", 0.2)
    notice = await copy(TEXT, sent.append, tmp_path)
    assert sent == [TEXT]
    assert "OSC 52" in notice


@pytest.mark.parametrize(
    ("terminal", "remedy"),
    [("tmux-256color", "set -g set-clipboard on"), ("xterm-kitty", "in its settings")],
)
async def test_the_notice_says_what_to_change_if_the_copy_did_not_arrive(
    terminal: str, remedy: str, sent: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", terminal)
    notice = await copy(TEXT, sent.append, tmp_path)
    assert "if it did not arrive" in notice
    assert remedy in notice
    assert list(tmp_path.glob("**/copy-*")) == []


@pytest.mark.parametrize(
    ("variable", "value", "text"),
    [
        ("STY", "1.pts-0.box", TEXT),
        ("TERM", "linux", TEXT),
        ("TERM", "xterm", "ü" * (MAX_OSC52_BYTES // 2 + 1)),
    ],
    ids=["GNU screen", "console", "too long"],
)
async def test_without_a_clipboard_the_text_is_written_to_a_private_file(
    variable: str,
    value: str,
    text: str,
    sent: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(variable, value)
    notice = await copy(text, sent.append, tmp_path / "copied")
    (path,) = (tmp_path / "copied").iterdir()
    assert path.read_text().rstrip("\n") == text.rstrip("\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert str(path) in notice
    assert sent == []


async def test_the_longest_text_still_goes_to_the_terminal(sent: list[str], tmp_path: Path) -> None:
    await copy("x" * MAX_OSC52_BYTES, sent.append, tmp_path)
    assert len(sent[0]) == MAX_OSC52_BYTES


async def test_a_file_that_cannot_be_written_is_an_error_for_people(
    sent: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "linux")
    (tmp_path / "taken").write_text("")
    with pytest.raises(MachineError, match="taken"):
        await copy(TEXT, sent.append, tmp_path / "taken")


class App(CopyingApp):
    def __init__(self) -> None:
        super().__init__()
        self.notices: list[str] = []

    def notify(self, message: str, **_options: object) -> None:
        self.notices.append(message)


async def test_every_copy_of_the_app_gives_a_notice_and_can_be_pasted(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "linux")
    app = App()
    async with app.run_test() as pilot:
        app.copy_to_clipboard("[b]text[/b]")
        assert app.clipboard == "[b]text[/b]"
        await until(pilot, lambda: app.notices)
    (path,) = (own_home / "copied").iterdir()
    assert path.name in app.notices[0]
    assert path.read_text() == "[b]text[/b]\n"
