"""The local model in a real kernel."""

import pytest
from kernels import kernel

from cromicle_magic.providers import weights

LONG = "word " * 2500


@pytest.fixture(scope="module")
def shell():
    weights.pull()
    with kernel() as running:
        running.do("%load_ext cromicle_magic")
        yield running


def test_it_answers_without_any_setting(shell):
    (shown,) = shell.do("%%cromicle -t 0 --out answer\nWhat is the capital of France?").shown
    assert "Paris" in shown["text/plain"]
    assert shell.value("answer.status, answer.request.to_dict()['provider']") == ("complete", "Local")


def test_two_runs_with_one_seed_say_the_same(shell):
    for name in "ab":
        shell.do(f"%%cromicle --seed 5 --max-tokens 30 --out {name}\nTell me a story.")
    assert shell.value("a.text == b.text and a.status == 'truncated' and a.usage.completion_tokens == 30")


def test_stop_ends_it_while_it_writes_and_the_next_cell_is_answered(shell):
    message = shell.send("%%cromicle --max-tokens 500 --out cut\nTell me a very long story.")
    shell.until(lambda: shell.so_far(message).paints)
    shell.manager.interrupt_kernel()
    ran = shell.wait(message, seconds=10)
    assert ran.error.startswith("CromicleInterrupted: stopped after ")
    assert shell.value("cut.status == 'stopped' and 0 < len(cut.text)")
    assert "Paris" in shell.do("%%cromicle -t 0\nWhat is the capital of France?").shown[0]["text/plain"]


def test_stop_ends_it_while_it_reads_the_prompt(shell):
    message = shell.send(f"%%cromicle --max-tokens 5 --out cut\n{LONG}")
    shell.until(lambda: shell.begun(message))
    shell.manager.interrupt_kernel()
    assert shell.wait(message, seconds=10).error.startswith("CromicleInterrupted: stopped after 0 characters")
    assert "Paris" in shell.do("%%cromicle -t 0\nWhat is the capital of France?").shown[0]["text/plain"]


def test_a_prompt_that_does_not_fit_says_so(shell):
    ran = shell.run(f"%%cromicle\n{LONG * 2}")
    assert ran.error.startswith("ContextLengthError: ")


def test_pull_is_done_already(shell):
    printed = shell.do("%cromicle pull").printed
    assert "smollm2" in printed.lower()


def test_unload_ends_its_threads(shell):
    shell.do("%unload_ext cromicle_magic")
    shell.do("import threading")
    assert shell.value("[t.name for t in threading.enumerate() if 'cromicle' in t.name]") == []
    shell.do("%load_ext cromicle_magic")
    assert shell.do("%%cromicle -t 0 --max-tokens 5\nWhat is the capital of France?").shown
