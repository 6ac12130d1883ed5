"""Where coroutines run: the running loop, the helper loop for synchronous callers, nesting on request.

A synchronous caller must not touch the loop that may be running on its own thread. So the work goes
to one helper thread with a loop of its own, and the calling thread waits, free to paint and to be
interrupted. Nothing is patched, in a script, in a thread and inside a running loop alike.

No loop stands inside a ``with`` or a ``try`` that an interrupt must not skip: Python 3.13 takes a
Ctrl-C at the back edge of a loop as if it came from outside of it (CPython issue 130279). There,
``yield from`` or a function of its own does the looping.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import queue
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, aclosing, closing, contextmanager, suppress
from typing import Any, Generic, Literal, TypeVar, get_args

from cromicle_magic.errors import RequestError

T = TypeVar("T")
Events = Callable[[], AsyncGenerator[T, None]]

Where = Literal["helper", "nested"]

HEARTBEAT = 0.1
"""Seconds at most until Stop is noticed while nothing arrives."""

_CLOSING_SECONDS = 5.0


def iterate(events: Events[T], *, loop: Where = "helper") -> Generator[T, None, None]:
    """Yield, to a synchronous caller, what an asynchronous generator yields; always close it.

    Parameters
    ----------
    events
        A callable that makes the asynchronous generator.
    loop
        ``"helper"``: on the helper thread; works everywhere. ``"nested"``: on the loop that is
        running on this thread, through nest_asyncio2, which patches asyncio in this process for
        good; for work that needs objects which live on that loop. Without a running loop
        ``"nested"`` is ``"helper"``.

    Raises
    ------
    RequestError
        `loop` is neither of the two; the running loop cannot be nested; or called on the helper
        thread itself, where waiting would never end.
    asyncio.CancelledError
        The work was cancelled by someone else: by `shutdown`, or by itself.
    """
    if loop not in get_args(Where):
        raise RequestError(f"A call cannot run on loop={loop!r}.", 'Choose "helper" or "nested".')
    if loop == "nested" and _running_loop() is not None:
        with closing(_Nested(events)) as nested:
            yield from nested
        return
    with closing(iterate_ticking(events)) as items:
        yield from _without_ticks(items)


class Tick:
    """The type of `TICK`."""


TICK = Tick()
"""What `iterate_ticking` yields when nothing came for `HEARTBEAT` seconds."""


def iterate_ticking(events: Events[T]) -> Generator[T | Tick, None, None]:
    """Like `iterate` on the helper thread, with a `TICK` whenever nothing came, so the caller can paint."""
    with closing(_Pump(_the_helper(), events)) as pump:
        yield from pump


def _without_ticks(items: Iterator[T | Tick]) -> Iterator[T]:
    for item in items:
        if not isinstance(item, Tick):
            yield item


_END: Any = object()


class _Pump(Generic[T]):
    """Drains an asynchronous generator on the helper loop into a queue."""

    def __init__(self, helper: _Helper, events: Events[T]) -> None:
        if threading.current_thread() is helper.thread:
            raise RequestError(
                "A synchronous call was made inside the helper loop.", "Await the asynchronous one there."
            )
        self._events = events
        self._helper = helper
        self._loop = helper.loop
        self._items: queue.SimpleQueue[T | Tick] = queue.SimpleQueue()
        self._idle = threading.Event()
        self._idle.set()

    def __iter__(self) -> Iterator[T | Tick]:
        self._idle.clear()
        self._loop.call_soon_threadsafe(self._start)
        return self

    def __next__(self) -> T | Tick:
        if (item := self._take()) is not _END:
            return item
        if error := self._task.result():
            raise error
        raise StopIteration

    def _take(self) -> T | Tick:
        # Asked before the wait: what a dying thread still said is then in the queue.
        alive = self._helper.is_alive()
        try:
            # A wait without a timeout could not be interrupted on Windows.
            return self._items.get(timeout=HEARTBEAT)
        except queue.Empty:
            if alive:
                return TICK
            raise asyncio.CancelledError("the helper thread was shut down") from None

    def close(self) -> None:
        """Cancel the work unless it is over, and wait until the generator is closed."""
        if self._idle.is_set() or not self._helper.is_alive():
            return
        with suppress(RuntimeError):  # the loop was closed in between, and its work with it
            self._loop.call_soon_threadsafe(lambda: self._task.cancel())
            self._idle.wait(_CLOSING_SECONDS)

    def _start(self) -> None:
        self._task = self._loop.create_task(self._drain())
        self._task.add_done_callback(self._end)

    async def _drain(self) -> BaseException | None:
        try:
            async with aclosing(self._events()) as source:
                async for item in source:
                    self._items.put(item)
        except BaseException as error:  # noqa: BLE001  an exit would end the loop, and with it everyone's work
            return error
        return None

    def _end(self, task: asyncio.Task[BaseException | None]) -> None:
        self._idle.set()
        self._items.put(_END)


class _Nested(Generic[T]):
    """Steps through an asynchronous generator on the loop that is running here."""

    def __init__(self, events: Events[T]) -> None:
        self._loop = _nestable_loop()
        self._source = events()
        self._step: asyncio.Future[T] | None = None

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        self._step = asyncio.ensure_future(anext(self._source), loop=self._loop)
        try:
            return self._loop.run_until_complete(self._step)
        except StopAsyncIteration:
            raise StopIteration from None

    def close(self) -> None:
        """Cancel the step that an interrupt left waiting, and close the generator."""
        self._loop.run_until_complete(self._end())

    async def _end(self) -> None:
        # While a step is inside the generator, it cannot be closed.
        if self._step is not None and not self._step.done():
            self._step.cancel()
            await asyncio.wait([self._step])
        await self._source.aclose()


def _nestable_loop() -> asyncio.AbstractEventLoop:
    import nest_asyncio2

    loop = asyncio.get_running_loop()
    try:
        nest_asyncio2.apply(loop)
    except ValueError as error:
        raise RequestError(
            f"The running loop, a {type(loop).__name__}, cannot be nested.", 'Leave loop="nested" out.'
        ) from error
    return loop


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class _Helper:
    """A daemon thread with a running loop."""

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._ended = threading.Event()
        ready: Future[asyncio.AbstractEventLoop] = Future()
        self.thread = threading.Thread(target=self._live, args=(ready,), name="cromicle-helper", daemon=True)
        self.thread.start()
        self.loop = ready.result()

    def _live(self, ready: Future[asyncio.AbstractEventLoop]) -> None:
        try:
            with _runner() as runner:
                runner.run(self._wait(ready))
        except BaseException as error:
            # No file descriptor is left for a loop: the caller must hear of it, not wait for ever.
            if ready.done():
                raise
            ready.set_exception(error)
        finally:
            self._ended.set()

    def is_alive(self) -> bool:
        """Return whether the thread lives; in a forked child it does not.

        Not the thread's own method: up to Python 3.12 an interrupt inside it marks a living thread as dead.
        """
        return not self._ended.is_set() and self._pid == os.getpid()

    async def _wait(self, ready: Future[asyncio.AbstractEventLoop]) -> None:
        self._over = asyncio.Event()
        ready.set_result(asyncio.get_running_loop())
        await self._over.wait()

    def close(self) -> None:
        """End the loop; the runner cancels its tasks and closes its asynchronous generators."""
        with suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self._over.set)
        self.thread.join(_CLOSING_SECONDS)


@contextmanager
def _runner() -> Iterator[asyncio.Runner]:
    # asyncio.run may be nest_asyncio's, which leaves the loop's tasks behind; a Runner never is.
    runner = asyncio.Runner()
    runner.get_loop()  # makes it, before there is a coroutine that a failure would leave unawaited
    try:
        yield runner
    finally:
        # At exit Python 3.12.1 starts no thread, so the runner cannot wait there for the resolver's ones.
        with suppress(RuntimeError):
            runner.close()


_helper: _Helper | None = None
_making = threading.Lock()


def _the_helper() -> _Helper:
    global _helper
    with _making:
        if _helper is None or not _helper.is_alive():
            _helper = _Helper()
        return _helper


def _begin_anew() -> None:
    """Forget, in a forked child, the helper and the lock: it has the objects but not the threads."""
    global _helper, _making
    _helper, _making = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)


_closers: list[Callable[[], None]] = []


def at_shutdown(close: Callable[[], None]) -> Callable[[], None]:
    """Have `close` called at each `shutdown`, after the helper loop has ended; a decorator."""
    _closers.append(close)
    return close


@atexit.register
def shutdown() -> None:
    """End the helper thread with all its work, and what `at_shutdown` was told of; a later call starts anew.

    Runs when the extension is unloaded and when the process ends.
    """
    global _helper
    with _making:
        helper, _helper = _helper, None
    if helper is not None:
        helper.close()
    with ExitStack() as closing_all:  # each is called, whatever another one raises
        for close in _closers:
            closing_all.callback(close)


class _Beat:
    """A chain of timers that wakes a loop while at least one waiter wants it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiters = 0
        self._timer: asyncio.TimerHandle | None = None

    def join(self) -> None:
        self._waiters += 1
        if self._timer is None:
            self._again()

    def leave(self) -> int:
        self._waiters -= 1
        if self._waiters == 0 and self._timer is not None:
            self._timer.cancel()
        return self._waiters

    def _again(self) -> None:
        self._timer = self._loop.call_later(HEARTBEAT, self._again)


_beats: dict[asyncio.AbstractEventLoop, _Beat] = {}


@contextmanager
def heartbeat() -> Iterator[None]:
    """Wake the running loop every `HEARTBEAT` seconds while the context is open.

    The kernel delivers an interrupt to its loop without waking it: a loop that waits for a silent
    server would notice Stop only when the server speaks. One chain of timers serves all waiters.
    """
    loop = asyncio.get_running_loop()
    beat = _beats.get(loop) or _beats.setdefault(loop, _Beat(loop))
    beat.join()
    try:
        yield
    finally:
        if beat.leave() == 0:
            _beats.pop(loop, None)
