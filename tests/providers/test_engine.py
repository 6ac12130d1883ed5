"""The real engine with the real weights: who waits, what Stop ends, how the process exits."""

import asyncio
import http.client
import socket
import subprocess
import sys
import textwrap
import threading
from contextlib import aclosing
from urllib.parse import urlsplit

import pytest

from cromicle_magic.errors import ConfigurationError, ProviderError
from cromicle_magic.providers import engine, weights

SHORT = {"messages": [{"role": "user", "content": "Say hi."}], "max_tokens": 3}
LONG = {"messages": [{"role": "user", "content": "Tell a story."}], "max_tokens": 3000, "ignore_eos": True}
LONG_PROMPT = {"messages": [{"role": "user", "content": "word " * 3500}], "max_tokens": 1}


@pytest.fixture(scope="session")
def file():
    return weights.pull()


@pytest.fixture
def runner(file):
    """The engine that all tests of the process share."""
    return engine.engine_of(file.resolve())


@pytest.fixture
def taken(monkeypatch):
    """Which request each chunk of the engine belongs to, as they come."""
    pairs = []
    take = engine._Job.take

    def spy(job, chunk):
        pairs.append((job.request["messages"], chunk))
        return take(job, chunk)

    monkeypatch.setattr(engine._Job, "take", spy)
    return pairs


@pytest.fixture
def own_engine():
    """Make engines that end with the test."""
    made = []

    def make(file):
        made.append(engine.Engine(file))
        return made[-1]

    yield make
    for each in made:
        each.close()


def chunks_of(taken, request):
    return [chunk for messages, chunk in taken if messages == request["messages"]]


def has_text(chunk):
    return any(choice["delta"].get("content") for choice in chunk["choices"])


def is_reading(chunk):
    return chunk.get("prompt_progress", {}).get("processed", 0) > 0


def address_of(runner):
    address = urlsplit(runner._server.listening_address)
    return address.hostname, address.port


async def finish(runner, request=SHORT):
    """Run a request to its end and return why it ended."""
    async with aclosing(runner.chunks(request)) as chunks:
        choices = [choice async for chunk in chunks for choice in chunk["choices"]]
    return choices[-1]["finish_reason"]


async def leave_at(runner, request, seen):
    """Run a request until a chunk for which `seen` is true, and close it."""
    async with aclosing(runner.chunks(request)) as chunks:
        async for chunk in chunks:
            if seen(chunk):
                return


async def test_four_requests_share_two_slots(runner):
    assert await asyncio.gather(*(finish(runner) for _ in range(4))) == ["length"] * 4


async def test_a_request_that_is_left_while_it_generates_frees_its_worker(runner, taken):
    await asyncio.gather(*(leave_at(runner, LONG, has_text) for _ in range(engine.SLOTS)))
    assert await finish(runner) == "length"
    assert len(chunks_of(taken, LONG)) < LONG["max_tokens"]


async def test_a_request_that_is_left_while_its_prompt_is_read_frees_its_worker(runner, taken):
    await asyncio.gather(*(leave_at(runner, LONG_PROMPT, is_reading) for _ in range(engine.SLOTS)))
    assert await finish(runner) == "length"
    progress = [chunk["prompt_progress"] for chunk in chunks_of(taken, LONG_PROMPT)]
    assert all(read["processed"] < read["total"] for read in progress)


async def test_a_cancelled_task_does_not_wait_for_the_engine(runner):
    task = asyncio.create_task(finish(runner, LONG_PROMPT))
    await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.sleep(0)  # one turn of the loop; a thread cannot answer within it
    await asyncio.sleep(0)
    assert task.cancelled()


async def test_a_request_that_is_left_in_the_queue_never_reaches_the_engine(runner, taken):
    waiting = {"messages": [{"role": "user", "content": "I wait."}], "max_tokens": 3}
    busy = [asyncio.create_task(leave_at(runner, LONG_PROMPT, is_reading)) for _ in range(engine.SLOTS)]
    await asyncio.sleep(0)
    queued = asyncio.create_task(finish(runner, waiting))
    await asyncio.sleep(0)
    queued.cancel()
    await asyncio.gather(*busy)
    assert await finish(runner) == "length"
    assert queued.cancelled()
    assert chunks_of(taken, waiting) == []


def test_a_loop_that_is_gone_frees_its_worker(runner, taken):
    loop = asyncio.new_event_loop()
    abandoned = [runner.chunks(LONG) for _ in range(engine.SLOTS)]
    for chunks in abandoned:
        loop.run_until_complete(anext(chunks))
    loop.close()
    assert asyncio.run(finish(runner)) == "length"
    assert len(chunks_of(taken, LONG)) < LONG["max_tokens"]


def test_two_loops_that_ask_at_once_load_the_file_once(monkeypatch, file, own_engine):
    loads = []
    load = engine._load
    monkeypatch.setattr(engine, "_load", lambda file: loads.append(file) or load(file))
    runner, reasons = own_engine(file), []
    threads = [threading.Thread(target=lambda: reasons.append(asyncio.run(finish(runner)))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert reasons == ["length"] * 2
    assert loads == [file]


def test_one_file_has_one_engine(file):
    assert engine.engine_of(file) is engine.engine_of(file)


async def test_a_file_that_is_cut_off_is_named(tmp_path, file, own_engine):
    cut = tmp_path / "cut.gguf"
    with file.open("rb") as whole:
        cut.write_bytes(whole.read(1_000_000))
    runner = own_engine(cut)
    for _ in range(2):
        with pytest.raises(ConfigurationError, match=r"cannot load .*cut\.gguf.*whole GGUF file"):
            await finish(runner)


async def test_a_package_that_cannot_be_imported_says_what_to_type(monkeypatch, file, own_engine):
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(ConfigurationError, match=r"cannot be loaded.*pip install .*cromicle_magic\[local\]"):
        await finish(own_engine(file))


async def test_what_the_engine_raises_is_a_provider_error(runner):
    unsendable = {"messages": [{"role": "\ud800", "content": "Hi"}]}
    with pytest.raises(ProviderError, match="The engine gave up"):
        await finish(runner, unsendable)
    assert await finish(runner) == "length"


async def test_an_engine_that_is_closed_ends_its_requests_and_its_server(file, own_engine):
    runner = own_engine(file)
    begun = asyncio.Event()
    running = asyncio.create_task(leave_at(runner, LONG, lambda chunk: begun.set()))
    await begun.wait()
    host, port = address_of(runner)
    await asyncio.to_thread(runner.close)
    await running
    assert not any(worker.is_alive() for worker in runner._workers)
    # Its door is shut, so its own thread, which a dying process must not leave computing, has ended.
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, port))


async def test_the_engines_own_http_door_is_locked(runner):
    await finish(runner)
    host, port = address_of(runner)
    assert host == "127.0.0.1"
    statuses = {}
    for path in ("/", "/v1/models", "/props", "/slots"):
        connection = http.client.HTTPConnection(host, port, timeout=30)
        connection.request("GET", path)
        statuses[path] = connection.getresponse().status
        connection.close()
    assert statuses == {"/": 404, "/v1/models": 401, "/props": 401, "/slots": 401}


def script(source, *arguments):
    """Run a Python script in a process of its own."""
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", textwrap.dedent(source)]
    return subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, timeout=50)


ASKING = """\
import asyncio, os, pathlib, sys, threading
from cromicle_magic.errors import ConfigurationError
from cromicle_magic.providers import engine

file = pathlib.Path(sys.argv[1])

async def ask(max_tokens, on_chunk):
    request = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": max_tokens, "ignore_eos": True}
    async for chunk in engine.engine_of(file).chunks(request):
        on_chunk(chunk)
"""


def test_a_process_exits_well_and_without_a_word_while_a_request_runs(file):
    ended = script(
        """\
import atexit, threading
workers = lambda: [thread for thread in threading.enumerate() if thread.name == "cromicle-local"]
atexit.register(lambda: print(workers()))  # registered first, so called last
"""
        + ASKING
        + """\
begun = threading.Event()
asking = lambda: asyncio.run(ask(3000, lambda chunk: begun.set()))
threading.Thread(target=asking, daemon=True).start()
begun.wait(30)
sys.exit(0 if begun.is_set() else 7)
""",
        file,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "[]\n", "")


def test_a_process_that_is_done_says_nothing_of_its_own(file):
    ended = script(ASKING + "asyncio.run(ask(3, lambda chunk: None))\n", file)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_a_forked_process_is_refused_and_its_parent_goes_on(file):
    ended = script(
        ASKING
        + """\
asyncio.run(ask(3, lambda chunk: None))
if os.fork() == 0:
    try:
        engine.engine_of(file)
    except ConfigurationError as error:
        print(error, flush=True)
    os._exit(0)
os.wait()
asyncio.run(ask(3, lambda chunk: None))
print("The parent answers.")
""",
        file,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    refusal, parent = ended.stdout.splitlines()
    assert "before this process was forked" in refusal
    assert parent == "The parent answers."


def test_the_engine_is_imported_only_for_a_request(file):
    ended = script(
        ASKING
        + """\
import cromicle_magic.providers.local
engine.engine_of(file), engine.is_installed()
print("xllamacpp" in sys.modules)
""",
        file,
    )
    assert (ended.stdout, ended.stderr) == ("False\n", "")
