"""Pooled client sessions, one for each running loop, and their end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import aiohttp

from cromicle_magic import runtime

_IDLE_SECONDS = 4.0  # common servers end an idle connection after 5, and a POST that meets the end fails

_Keeper = AsyncGenerator[aiohttp.ClientSession, None]
_sessions: dict[asyncio.AbstractEventLoop, tuple[_Keeper, aiohttp.ClientSession]] = {}


async def session() -> aiohttp.ClientSession:
    """Return the running loop's client session."""
    loop = asyncio.get_running_loop()
    if loop not in _sessions:
        _forget_closed_loops()
        # An asynchronous generator is closed by asyncio.run when its loop ends; so the session is too.
        keeper = _keep(loop)
        _sessions[loop] = keeper, await anext(keeper)
    return _sessions[loop][1]


async def _keep(loop: asyncio.AbstractEventLoop) -> _Keeper:
    # limit=0: the default of 100 would let stream 101 wait in silence.
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=_IDLE_SECONDS)
    jar = aiohttp.DummyCookieJar()
    try:
        async with aiohttp.ClientSession(
            connector=connector, cookie_jar=jar, auto_decompress=False
        ) as client:
            yield client
    finally:
        _sessions.pop(loop, None)


async def close() -> None:
    """Close the running loop's session, if it has one."""
    if kept := _sessions.get(asyncio.get_running_loop()):
        await kept[0].aclose()


def _forget_closed_loops() -> None:
    for loop in list(_sessions):
        if loop.is_closed():
            _sessions.pop(loop, None)


_last_tasks: set[asyncio.Future[None]] = set()


@runtime.at_shutdown
def _close_all() -> None:
    for loop, (keeper, _) in list(_sessions.items()):
        if loop.is_running():
            loop.call_soon_threadsafe(_close_soon, keeper)
        elif not loop.is_closed() and not _inside_a_loop():
            # A kernel's loop is stopped, not closed, when its process ends.
            loop.run_until_complete(keeper.aclose())


def _inside_a_loop() -> bool:
    try:
        return asyncio.get_running_loop().is_running()
    except RuntimeError:
        return False


def _close_soon(keeper: _Keeper) -> None:
    # The loop itself holds its tasks but weakly.
    closing = asyncio.ensure_future(keeper.aclose())
    _last_tasks.add(closing)
    closing.add_done_callback(_last_tasks.discard)
