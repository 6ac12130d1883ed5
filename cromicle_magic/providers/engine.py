"""xllamacpp in worker threads, driven from any event loop.

xllamacpp runs llama.cpp's server inside the process. The cautions here were each measured with
2026.10.11549: see the comments.
"""

from __future__ import annotations

import asyncio
import os
import queue
import secrets
import threading
from collections.abc import AsyncGenerator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cromicle_magic import runtime
from cromicle_magic.errors import ConfigurationError, CromicleError, ProviderError

SLOTS = 2
"""How many requests run at once; on two cores more add waiting, not throughput."""

CONTEXT = 4096
"""Tokens of prompt and answer together, for each request."""

MAX_TOKENS = 512
"""Tokens of an answer whose request names no number."""

_JOIN_SECONDS = 10.0


def is_installed() -> bool:
    """Return whether the engine's package is there; it is not imported."""
    return find_spec("xllamacpp") is not None


def engine_of(file: Path) -> Engine:
    """Return the engine of a GGUF file: one for the whole process, made when first asked for.

    Raises
    ------
    ConfigurationError
        This process was forked from one that has engines: their threads did not come along.
    """
    if any(engine.pid != os.getpid() for engine in list(_engines.values())):
        raise ConfigurationError(
            "The local model was in use before this process was forked and cannot answer here.",
            "Use it only after the fork, or start the process with multiprocessing's 'spawn' method.",
        )
    with _making:
        if file not in _engines:
            _engines[file] = Engine(file)
        return _engines[file]


class Engine:
    """A model and the threads that drive it; the model is loaded for the first request.

    Requests of all event loops wait in one queue, first come, first served.

    Parameters
    ----------
    file
        A GGUF file.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.pid = os.getpid()
        self._server: Any = None
        self._loading = threading.Lock()
        self._ending = threading.Event()
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        # Never the main thread: a KeyboardInterrupt would be swallowed inside the callback.
        self._workers = [
            threading.Thread(target=self._work, name="cromicle-local", daemon=True) for _ in range(SLOTS)
        ]
        for worker in self._workers:
            worker.start()

    async def chunks(self, request: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        """Send a request and yield the engine's chunks; closing this generator ends the request.

        Parameters
        ----------
        request
            The body of an OpenAI chat completion; ``stream`` and ``return_progress`` are set here.

        Yields
        ------
        dict
            Chunks of an OpenAI stream; an error comes as a chunk with the key ``error``.

        Raises
        ------
        ConfigurationError
            The engine or the file cannot be loaded.
        ProviderError
            The engine gave up.
        """
        # The progress is what calls back while the prompt is read, and so what makes Stop work there.
        job = _Job({**request, "stream": True, "return_progress": True}, self._ending)
        self._jobs.put(job)
        if self._ending.is_set():  # no worker may be left to say so
            job.post(None)
        try:
            while (item := await job.arrived.get()) is not None:
                if isinstance(item, Exception):
                    raise _as_told(item)
                yield item
        finally:
            job.stop.set()

    def close(self) -> None:
        """End all requests and threads and free the model; a request that comes later ends at once."""
        self._ending.set()
        for _ in self._workers:
            self._jobs.put(None)
        for worker in self._workers:
            worker.join(_JOIN_SECONDS)
        # xllamacpp's own thread may still compute the last token. Only the end of the server waits for
        # it; an exit that does not wait now and then ends in a segmentation fault.
        self._server = None

    def _work(self) -> None:
        for job in iter(self._jobs.get, None):
            self._serve(job)
            del job  # else an idle worker keeps the last loop and conversation alive

    def _serve(self, job: _Job) -> None:
        try:
            if not job.is_over():
                self._loaded().handle_chat_completions(job.request, job.take)
        except Exception as error:  # noqa: BLE001  it is raised where the job is awaited
            job.post(error)
        finally:
            job.post(None)

    def _loaded(self) -> Any:
        with self._loading:
            if self._server is None:
                self._server = _load(self.file)
            return self._server


class _Job:
    """One request, on its way from an event loop to a worker and back."""

    def __init__(self, request: dict[str, Any], ending: threading.Event) -> None:
        self.request = request
        self.stop = threading.Event()
        self.arrived: asyncio.Queue[dict[str, Any] | Exception | None] = asyncio.Queue()
        self._ending = ending
        self._loop = asyncio.get_running_loop()

    def is_over(self) -> bool:
        """Return whether nobody waits for the answer any more."""
        return self.stop.is_set() or self._ending.is_set()

    def take(self, chunk: dict[str, Any]) -> bool:
        """Pass a chunk on and tell the engine whether to end; must not raise, the engine would swallow it."""
        self.post(chunk)
        return self.is_over()

    def post(self, item: dict[str, Any] | Exception | None) -> None:
        """Hand `item` to the loop; a closed loop waits for nothing."""
        try:
            self._loop.call_soon_threadsafe(self.arrived.put_nowait, item)
        except RuntimeError:
            self.stop.set()


def _as_told(error: Exception) -> Exception:
    if isinstance(error, CromicleError):
        return error
    told = ProviderError(f"The engine gave up: {error}.")
    told.__cause__ = error
    return told


def _load(file: Path) -> Any:
    """Load the file. The constructor holds the GIL, so the whole process stands still meanwhile."""
    try:
        import xllamacpp
    except (ImportError, OSError) as error:
        raise ConfigurationError(
            f"The local model's engine cannot be loaded: {error}.",
            'Run `pip install --force-reinstall "cromicle_magic[local]"`.',
        ) from error
    try:
        return xllamacpp.Server(_parameters(xllamacpp.CommonParams(), file))
    except RuntimeError as error:
        raise ConfigurationError(
            f"The engine cannot load {file}.",
            "See that it is a whole GGUF file of a chat model and fits in the memory; "
            "`cromicle pull` mends the default one.",
        ) from error


def _parameters(parameters: Any, file: Path) -> Any:
    threads = max(1, _cores() - 1)  # with all cores, any other busy process halves the speed and more
    parameters.model.path = str(file)
    parameters.model_alias = {"local"}  # else every chunk carries the file's path
    parameters.n_parallel, parameters.n_ctx, parameters.n_predict = SLOTS, SLOTS * CONTEXT, MAX_TOKENS
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = threads
    # Stop is noticed between two batches of the prompt.
    parameters.n_batch = parameters.n_ubatch = 64 if threads > 1 else 32
    parameters.cache_ram_mib = parameters.n_ctx_checkpoints = 0  # by default up to 8 GiB
    parameters.verbosity, parameters.warmup = -1, False
    return _shut(parameters)


def _shut(parameters: Any) -> Any:
    """Close what can be closed of the HTTP server that xllamacpp opens in the process."""
    parameters.port, parameters.n_threads_http = 0, 2
    parameters.api_keys = [secrets.token_urlsafe(24)]
    parameters.endpoint_slots = parameters.endpoint_props = False
    # These names change between the monthly releases.
    doors = {"ui": False, "hostnames": ["127.0.0.1"], "cors_origins": "http://127.0.0.1"}
    for name, value in doors.items():
        if hasattr(parameters, name):
            setattr(parameters, name, value)
    return parameters


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


_engines: dict[Path, Engine] = {}
_making = threading.Lock()


@runtime.at_shutdown
def _close_all() -> None:
    """End what runs: a process that exits while the engine generates would abort."""
    with _making:
        engines = list(_engines.values())
        _engines.clear()
    for engine in engines:
        if engine.pid == os.getpid():
            engine.close()
