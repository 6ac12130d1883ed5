"""`Cromicle` against `cromicle serve` over the local model, by every door.

The wire carries no sampling options, so what the small model says is left to chance: that it says
something, to its end, is what counts here.
"""

import asyncio
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest
from kernels import kernel

from cromicle_magic import aask, ask, stream
from cromicle_magic.messages import Message
from cromicle_magic.providers import Cromicle, weights

QUESTION = "What is the capital of France?"
ASKED = [Message(role="user", content=QUESTION)]

SCRIPT = f"""
from cromicle_magic.providers import Cromicle
print("".join(Cromicle.create_completion("", {ASKED!r})))
"""


@contextmanager
def serving(*arguments):
    """Run `cromicle serve` and give the environment it prints."""
    command = [sys.executable, "-m", "cromicle_magic", "serve", "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        try:
            lines = [server.stdout.readline() for _ in range(2)]
            yield dict(line.removeprefix("export ").strip().split("=", 1) for line in lines)
        finally:
            server.terminate()
            server.communicate(timeout=20)
    assert server.returncode == 0


@pytest.fixture(scope="module")
def printed():
    weights.pull()
    with serving() as environment:
        yield environment


@pytest.fixture
def served(printed, monkeypatch):
    for name, value in printed.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("served")
class TestTheLocalModelBehindTheWire:
    def test_answers_ask_without_a_provider_named(self):
        reply = ask(QUESTION)
        assert (reply.request.provider, reply.status) == (Cromicle, "complete")
        assert reply.text.strip()

    async def test_answers_aask_and_stream(self):
        assert (await aask(QUESTION)).text.strip()
        assert "".join([text async for text in stream(QUESTION)]).strip()

    async def test_answers_create_async(self):
        assert (await Cromicle.create_async("", ASKED)).strip()

    def test_answers_create_completion_in_a_script(self):
        ran = subprocess.run(
            [sys.executable, "-W", "error", "-c", SCRIPT], capture_output=True, text=True, timeout=30
        )
        assert (ran.returncode, ran.stderr) == (0, "")
        assert ran.stdout.strip()

    def test_answers_create_completion_in_a_thread(self):
        got = []
        thread = threading.Thread(target=lambda: got.extend(Cromicle.create_completion("", ASKED)))
        thread.start()
        thread.join(30)
        assert "".join(got).strip()

    async def test_answers_create_completion_inside_a_running_loop(self):
        assert asyncio.get_running_loop().is_running()
        assert "".join(Cromicle.create_completion("", ASKED)).strip()

    def test_answers_the_magic(self):
        with kernel() as shell:
            shell.do("%load_ext cromicle_magic")
            ran = shell.do(f"%%cromicle --out answer\n{QUESTION}")
            assert "Cromicle · " in ran.shown[0]["text/plain"]
            assert ran.early >= 1
            assert shell.value("answer.status, bool(answer.text.strip())") == ("complete", True)


def test_a_wrong_token_is_one_line_that_says_what_to_do(printed):
    with pytest.raises(Exception, match="The token is wrong: set CROMICLE_TOKEN") as caught:
        ask(QUESTION, provider="cromicle", url=printed["CROMICLE_URL"], token="another")
    assert "\n" not in str(caught.value)
