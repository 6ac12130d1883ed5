"""The magic in terminal IPython, in a real terminal."""

import re
import sys

import pexpect
import pytest

PROMPT = r"In \[\d+\]: "


@pytest.fixture
def terminal(tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    child = pexpect.spawn(
        sys.executable,
        ["-m", "IPython", "--no-banner", "--simple-prompt", "--no-confirm-exit", "--colors=NoColor"],
        encoding="utf-8",
        timeout=30,
        dimensions=(40, 200),
    )
    child.expect(PROMPT)
    yield child
    child.close(force=True)


def run(terminal, line):
    terminal.sendline(line)
    terminal.expect(PROMPT)
    return re.sub(r"^.*\r\n", "", terminal.before, count=1).replace("\r\n", "\n")


def test_an_answer_is_written_once_as_text_and_the_prompt_comes_back(terminal):
    run(terminal, "%load_ext cromicle_magic")
    printed = run(terminal, "%cromicle -p scripted What's {this}?")
    assert printed.startswith("What's {this}?\n[script · 2 tokens · ")
    assert printed.count("What's") == 1


def test_control_c_ends_a_silent_answer_quietly_and_keeps_what_came(terminal):
    run(terminal, "%load_ext cromicle_magic")
    run(terminal, "from cromicle_magic.providers import Scripted")
    run(terminal, "stuck = Scripted.playing('so far and', fail_at=None, delay=100)")
    terminal.sendline("%cromicle -p stuck --out kept Hello")
    terminal.expect("so ")
    terminal.sendintr()
    terminal.expect(PROMPT)
    assert "CromicleInterrupted: stopped after 3 characters; the text is kept." in terminal.before
    assert "Traceback" not in terminal.before
    assert "('so ', 'stopped')" in run(terminal, "kept.text, kept.status")


def test_a_mistake_is_one_line(terminal):
    run(terminal, "%load_ext cromicle_magic")
    printed = run(terminal, "%cromicle --temprature 1 Hello")
    assert printed.strip().splitlines() == [
        "UsageError: There is no flag --temprature. Did you mean --temperature?"
    ]


def test_a_cell_works_too(terminal):
    run(terminal, "%load_ext cromicle_magic")
    printed = run(terminal, "get_ipython().run_cell('%%cromicle -p scripted --out echo\\nHello there');")
    assert "Hello there\n[script" in printed
    assert "'complete'" in run(terminal, "echo.status")
