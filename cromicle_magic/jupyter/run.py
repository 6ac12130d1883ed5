"""One run of a cell: from its flags to its painted answer, in the running loop or beside it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, closing
from typing import TYPE_CHECKING, Any

from IPython.core.displaypub import CapturingDisplayPublisher

from cromicle_magic import runtime
from cromicle_magic.errors import CromicleInterrupted
from cromicle_magic.exchange import Reply, exchange, prepare
from cromicle_magic.jupyter.flags import Parsed
from cromicle_magic.jupyter.footer import footer
from cromicle_magic.jupyter.outlet import Captured, Outlet, Witness
from cromicle_magic.rendering.notebook import NotebookPainter
from cromicle_magic.rendering.pace import FASTEST
from cromicle_magic.rendering.painter import Painter, SilentPainter
from cromicle_magic.rendering.terminal import TerminalPainter

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


async def awaited(shell: InteractiveShell, parsed: Parsed, witness: Witness | None) -> None:
    """Run in the running loop; a cancelled cell ends in `CromicleInterrupted`, with the text kept.

    This is the cell's own coroutine, the one place where a cancellation means that the user pressed
    Stop: IPython expects a KeyboardInterrupt here, and then does not run the queued cells.
    """
    reply = _begin(shell, parsed)
    painter = _painter(shell, parsed.format, lambda: Outlet(shell, witness))
    try:
        try:
            async with _ticking(painter), aclosing(exchange(reply)) as events:
                async for event in events:
                    painter.feed(event)
        finally:
            await _finish(painter.closing(_footer(reply, parsed)))
    except asyncio.CancelledError:
        if task := asyncio.current_task():
            task.uncancel()
        raise CromicleInterrupted(reply) from None


def blocking(shell: InteractiveShell, parsed: Parsed) -> None:
    """Run on the helper thread's loop while this thread paints; nothing is patched.

    The output may be a loop's, a function's or another magic's as well, so nothing in it is cleared.
    """
    reply = _begin(shell, parsed)
    painter = _painter(shell, parsed.format, lambda: Outlet(shell))
    try:
        with closing(runtime.iterate_ticking(lambda: exchange(reply))) as events:
            for event in events:
                if isinstance(event, runtime.Tick):
                    painter.tick()
                else:
                    painter.feed(event)
    except (KeyboardInterrupt, asyncio.CancelledError):  # cancelled: the extension was unloaded meanwhile
        reply.end("stopped")
        raise CromicleInterrupted(reply) from None
    finally:
        for _ in painter.closing(_footer(reply, parsed)):
            pass


async def _finish(steps: Iterator[None]) -> None:
    try:
        for _ in steps:
            await asyncio.sleep(0)  # the end of a long answer takes a while: let others run
    finally:
        for _ in steps:  # a second Stop does not take the end away
            pass


def _footer(reply: Reply, parsed: Parsed) -> str:
    notes = " · ".join(reply.notes)
    return notes if parsed.quiet else footer(reply)


def _begin(shell: InteractiveShell, parsed: Parsed) -> Reply:
    reply = prepare(
        parsed.prompt,
        provider=_provider(shell, parsed.provider),
        model=parsed.model,
        system=parsed.system,
        **parsed.options,
    )
    if parsed.out:
        # Bound before it runs: a stopped or failed answer is there too.
        shell.user_ns[parsed.out] = reply
    if parsed.format == "none":
        for note in reply.notes:
            print(note, file=sys.stderr)  # noqa: T201  there is no footer to hold it
    return reply


def _provider(shell: InteractiveShell, name: str | None) -> Any:
    """A class in the notebook may be named as it is called there."""
    own = shell.user_ns.get(name) if name else None
    return own if hasattr(own, "create_async_generator") else name


def _painter(shell: InteractiveShell, form: str, outlet: Callable[[], Outlet]) -> Painter:
    if form == "none":
        return SilentPainter()
    if form == "text" or not hasattr(shell, "kernel"):
        return TerminalPainter(sys.stdout)
    if isinstance(shell.display_pub, CapturingDisplayPublisher):
        return NotebookPainter(Captured(shell), live=False)
    area = outlet()
    return NotebookPainter(area, live=not area.headless)


@asynccontextmanager
async def _ticking(painter: Painter) -> AsyncIterator[None]:
    async def tick() -> None:
        while True:
            await asyncio.sleep(FASTEST)
            painter.tick()

    ticker = asyncio.create_task(tick())
    try:
        yield
    finally:
        ticker.cancel()
