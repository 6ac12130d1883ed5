"""The command line: a real process, its words, its signals and its exit status."""

import asyncio
import contextlib
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from importlib.metadata import version
from textwrap import dedent

import pytest
from scripts import script

from cromicle_magic import aask, ask, cli, gateway
from cromicle_magic.errors import AuthenticationError, ProviderError, TruncatedError, UsageError
from cromicle_magic.providers import Cromicle

COMMAND = [sys.executable, "-W", "error", "-m", "cromicle_magic"]
SECONDS = 30

PROVIDERS = """
    import asyncio
    from pathlib import Path
    from cromicle_magic.errors import ConfigurationError
    from cromicle_magic.providers import Scripted

    Breaks = Scripted.playing(["partial ", "text", "never"], fail_at=2)

    class Slow(Scripted):
        replies, delay = [["one ", "two"]], 1.0

    class Silent(Scripted):
        @classmethod
        async def _play(cls, events):
            try:
                yield "first"
                await asyncio.sleep(600)
            finally:
                Path("closed").touch()

    class Unready(Scripted):
        @classmethod
        def create_async_generator(cls, model, messages, proxy=None, **kwargs):
            raise ConfigurationError("It is not ready.", "Do this.")
    """


def run(*arguments, **environment):
    done = subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        env={**os.environ, **environment},
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


class Served:
    """A ``cromicle serve`` of its own, told by its own words where it is."""

    def __init__(self, folder, provider="scripted", *more, **environment):
        (folder / "helpful.py").write_text(dedent(PROVIDERS))
        self.process = subprocess.Popen(
            [*COMMAND, "serve", "--provider", provider, "--port", "0", *more],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(folder), "XDG_CONFIG_HOME": str(folder), **environment},
        )
        self.lines = [self.process.stdout.readline() for _ in range(2)]
        words = [shlex.split(line) for line in self.lines]
        self.variables = dict(word.split("=", 1) for _, word in words)
        self.settings = {
            "provider": "cromicle",
            "url": self.variables["CROMICLE_URL"],
            "token": self.variables["CROMICLE_TOKEN"],
        }

    def end(self, number=signal.SIGTERM):
        """Send a signal and return exit status, further output and standard error."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, out, err


@pytest.fixture
def serve(tmp_path):
    with contextlib.ExitStack() as stack:

        def start(*arguments, **environment):
            served = Served(tmp_path, *arguments, **environment)
            stack.enter_context(served.process)
            stack.callback(served.process.kill)
            return served

        yield start


# What it says


def test_version_is_that_of_the_package_and_loads_nothing_heavy():
    code = """
        import sys
        from cromicle_magic.cli import main
        try:
            main(["--version"])
        finally:
            print(*sys.modules)
        """
    said, loaded = script(code).splitlines()
    assert said == version("cromicle_magic")
    assert not {"aiohttp", "asyncio", "IPython", "xllamacpp"} & set(loaded.split())


def test_help_names_every_command():
    status, out, _ = run("--help")
    assert status == 0
    assert all(f"    {name} " in out for name in cli._COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), r"cromicle: The following arguments are required: COMMAND\. `cromicle --help` shows .*"),
        (("srve",), r"cromicle: Argument COMMAND: invalid choice: 'srve' .*\. `cromicle --help` shows .*"),
        (("serve", "--prot", "1"), r"cromicle: Unrecognized arguments: --prot 1\. `cromicle --help` .*"),
        (
            ("serve", "--port", "x"),
            r"cromicle: Argument --port: 'x' is not a number from 0 to 65535\. `cromicle serve --help` .*",
        ),
        (
            ("serve", "--port", "65536"),
            r"cromicle: Argument --port: '65536' is not a number from 0 to 65535\. .*",
        ),
        (("serve", "--port", "-1"), r"cromicle: Argument --port: .*"),
        (("pull", "now"), r"cromicle: Unrecognized arguments: now\. .*"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_status_2(arguments, said):
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert re.fullmatch(said + "\n", err)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("serve", "--provider", "scrpted"),
            "cromicle: There is no provider 'scrpted'. Did you mean 'scripted'? ",
        ),
        (("serve", "--provider", "no.such:Class"), "cromicle: The provider no.such:Class cannot be loaded: "),
        (
            ("serve", "--provider", "cromicle"),
            "cromicle: The public Cromicle service is gone. Start one with ",
        ),
    ],
)
def test_an_error_of_the_user_is_one_line_and_exit_status_1(arguments, said):
    status, out, err = run(*arguments, CROMICLE_URL="")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert err.startswith(said)


def test_a_provider_that_cannot_answer_is_said_before_anything_listens(tmp_path):
    (tmp_path / "helpful.py").write_text(dedent(PROVIDERS))
    status, out, err = run("serve", "--provider", "helpful:Unready", "--port", "0", PYTHONPATH=str(tmp_path))
    assert (status, out, err) == (1, "", "cromicle: It is not ready. Do this.\n")


def test_a_port_that_is_taken_is_one_line_and_exit_status_1():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, out, err = run("serve", "--provider", "scripted", "--port", str(port))
    assert (status, out) == (1, "")
    assert err == f"cromicle: Port {port} cannot be had: Address already in use. Name another one.\n"


def test_pull_without_a_network_and_without_weights_is_one_line_and_exit_status_1(tmp_path):
    empty = {
        "XDG_CACHE_HOME": str(tmp_path),
        "HOME": str(tmp_path),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": "",
    }
    status, _, err = run("pull", **empty)
    assert (status, err.count("\n")) == (1, 1)
    assert err.startswith("cromicle: pip could not fetch the weights: ")


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (None, 0, ""),
        (ProviderError("It broke.", "Mend it."), 1, "cromicle: It broke. Mend it.\n"),
        (UsageError("It is odd."), 2, "cromicle: It is odd.\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_the_exit_status_tells_what_happened(monkeypatch, capsys, error, status, said):
    def command(given):
        if error:
            raise error

    monkeypatch.setitem(cli._COMMANDS, "do", cli._Command(command, "do it"))
    assert cli.main(["do"]) == status
    assert capsys.readouterr().err == said


# serve


def test_serve_prints_two_lines_to_paste_and_they_are_enough(serve, monkeypatch):
    served = serve()
    assert re.fullmatch(r"export CROMICLE_URL=http://127\.0\.0\.1:\d+\n", served.lines[0])
    assert re.fullmatch(r"export CROMICLE_TOKEN=[\w-]{32}\n", served.lines[1])
    for name, value in served.variables.items():
        monkeypatch.setenv(name, value)
    assert ask("Привет").text == "Привет"
    assert ask("Hello", provider="cromicle").status == "complete"
    assert "".join(Cromicle.create_completion("", [{"role": "user", "content": "Hi"}])) == "Hi"
    assert asyncio.run(aask("Hi", provider="cromicle")).text == "Hi"


def test_serve_takes_a_token_that_is_set_and_prints_it_so_that_it_can_be_pasted(serve):
    served = serve(CROMICLE_TOKEN="it's mine $HOME")
    assert served.variables["CROMICLE_TOKEN"] == "it's mine $HOME"
    assert ask("Hi", **served.settings).text == "Hi"


def test_two_servers_have_different_tokens_and_a_wrong_one_is_told_what_to_set(serve):
    one, other = serve(), serve()
    assert one.settings["token"] != other.settings["token"]
    with pytest.raises(
        AuthenticationError, match="set CROMICLE_TOKEN to the one that `cromicle serve` printed"
    ):
        ask("Hi", **one.settings | {"token": other.settings["token"]})


def test_serve_serves_a_provider_of_ones_own_and_the_model_that_is_named(serve, tmp_path):
    (tmp_path / "own.py").write_text(
        dedent("""
        class Own:
            @classmethod
            async def create_async_generator(cls, model, messages, proxy=None, **kwargs):
                yield f"{model}: {messages[-1]['content']}"
        """)
    )
    served = serve("own:Own", "--model", "big")
    assert ask("Hi", **served.settings).text == "big: Hi"


def test_a_provider_that_breaks_in_mid_stream_is_truncated_at_the_client(serve):
    served = serve("helpful:Breaks")
    with pytest.raises(TruncatedError) as caught:
        ask("Hi", **served.settings)
    assert caught.value.partial == "partial text"


def test_a_client_that_goes_closes_the_providers_generator(serve, tmp_path):
    served = serve("helpful:Silent")
    for text in Cromicle.create_completion("", [{"role": "user", "content": "Hi"}], **connection(served)):
        assert text == "first"
        break
    wait_for((tmp_path / "closed").exists)


def connection(served):
    return {name: served.settings[name] for name in ("url", "token")}


def wait_for(condition, seconds=5.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(serve, number):
    served = serve()
    ask("Hi", **served.settings)
    status, out, err = served.end(number)
    assert (status, out, err) == (0, "", "Serving scripted; Ctrl+C ends it.\n")
    with pytest.raises(ProviderError):
        ask("Hi", **served.settings)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_a_running_answer_end(serve, number):
    served = serve("helpful:Slow")
    texts = Cromicle.create_completion("", [{"role": "user", "content": "Hi"}], **connection(served))
    assert next(texts) == "one "
    served.process.send_signal(number)
    assert list(texts) == ["two"]
    assert served.process.wait(SECONDS) == 0


def test_a_signal_ends_an_answer_that_takes_too_long_and_its_client_knows(serve, tmp_path):
    served = serve("helpful:Silent")
    texts = Cromicle.create_completion("", [{"role": "user", "content": "Hi"}], **connection(served))
    assert next(texts) == "first"
    ended = []
    thread = threading.Thread(target=lambda: ended.append(served.end()))
    thread.start()
    with pytest.raises(TruncatedError):
        next(texts)
    thread.join()
    assert ended == [(0, "", "Serving helpful:Silent; Ctrl+C ends it.\n")]
    assert (tmp_path / "closed").exists()


def test_a_second_signal_does_not_wait_for_running_answers(serve, tmp_path):
    served = serve("helpful:Silent")
    texts = Cromicle.create_completion("", [{"role": "user", "content": "Hi"}], **connection(served))
    assert next(texts) == "first"
    begun = time.monotonic()
    served.process.send_signal(signal.SIGINT)
    # Two of the same kind could be taken for one.
    assert served.end(signal.SIGTERM) == (0, "", "Serving helpful:Silent; Ctrl+C ends it.\n")
    assert time.monotonic() - begun < gateway.GRACE
    assert (tmp_path / "closed").exists()
    with pytest.raises(TruncatedError):
        next(texts)
