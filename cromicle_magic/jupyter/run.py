"""One run of a cell: from its flags to its painted answer, in the running loop or beside it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, closing
from typing import TYPE_CHECKING, Any

from cromicle_magic import runtime
from cromicle_magic.errors import CromicleInterrupted
from cromicle_magic.exchange import Reply, exchange, prepare
from cromicle_magic.jupyter.flags import Parsed
from cromicle_magic.rendering.notebook import INTERVAL, NotebookPainter
from cromicle_magic.rendering.painter import Painter, SilentPainter
from cromicle_magic.rendering.terminal import TerminalPainter

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


async def awaited(shell: InteractiveShell, parsed: Parsed) -> None:
    """Run in the running loop; a cancelled cell ends in `CromicleInterrupted`, with the text kept.

    This is the cell's own coroutine, the one place where a cancellation means that the user pressed
    Stop: IPython expects a KeyboardInterrupt here, and then does not run the queued cells.
    """
    reply, painter = _begin(shell, parsed)
    try:
        async with _ticking(painter), aclosing(exchange(reply)) as events:
            async for event in events:
                painter.feed(event)
    except asyncio.CancelledError:
        if task := asyncio.current_task():
            task.uncancel()
        raise CromicleInterrupted(reply) from None
    finally:
        painter.close(footer(reply))


def blocking(shell: InteractiveShell, parsed: Parsed) -> None:
    """Run on the helper thread's loop while this thread paints; nothing is patched."""
    reply, painter = _begin(shell, parsed)
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
        painter.close(footer(reply))


def footer(reply: Reply) -> str:
    """Return the line under an answer: model, tokens, seconds, how it ended unless it is complete, and notes.

    It is empty where a failure brought no text: the error's own line says all.
    """
    if reply.status == "failed" and not reply.text:
        return ""
    tokens = f"{reply.usage.completion_tokens} tokens" if reply.usage else ""
    seconds = f"{reply.timing.total:.1f} s" if reply.timing.total is not None else ""
    status = _ENDINGS[reply.status] if reply.text or reply.status != "complete" else "an empty answer"
    who = reply.request.model or reply.request.provider.__name__
    return " · ".join(filter(None, [who, tokens, seconds, status, *reply.notes]))


_ENDINGS = {
    "complete": "",
    "stopped": "stopped",
    "truncated": "truncated",
    "failed": "failed",
    "unknown": "the end cannot be told from a break",
}


def _begin(shell: InteractiveShell, parsed: Parsed) -> tuple[Reply, Painter]:
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
    return reply, _painter(shell, parsed.format)


def _provider(shell: InteractiveShell, name: str | None) -> Any:
    """A class in the notebook may be named as it is called there."""
    own = shell.user_ns.get(name) if name else None
    return own if hasattr(own, "create_async_generator") else name


def _painter(shell: InteractiveShell, form: str) -> Painter:
    if form == "none":
        return SilentPainter()
    if not hasattr(shell, "kernel"):
        return TerminalPainter(sys.stdout)
    publisher: Any = shell.display_pub

    def publish(data: dict[str, str], display_id: str, *, update: bool) -> None:
        publisher.publish(data=data, metadata={}, transient={"display_id": display_id}, update=update)

    return NotebookPainter(publish, form, live=not _captured(publisher))


def _captured(publisher: Any) -> bool:
    from IPython.core.displaypub import CapturingDisplayPublisher

    return isinstance(publisher, CapturingDisplayPublisher)


@asynccontextmanager
async def _ticking(painter: Painter) -> AsyncIterator[None]:
    async def tick() -> None:
        while True:
            await asyncio.sleep(INTERVAL)
            painter.tick()

    ticker = asyncio.create_task(tick())
    try:
        yield
    finally:
        ticker.cancel()
