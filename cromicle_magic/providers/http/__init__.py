"""The one room that speaks aiohttp as a client, and turns its errors into ours.

Sessions are pooled, one for each running loop. Redirects are never followed: a POST would carry its
body, and with it the token, to another server. Compression is refused: a cut gzip body of the right
length would pass for a whole answer. No cookie is kept: callers with different tokens share a session.
"""

from __future__ import annotations

import asyncio
import io
import math
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TypeVar

import aiohttp
from yarl import URL

from cromicle_magic.errors import (
    ConfigurationError,
    ProviderTimeoutError,
    TruncatedError,
    UnexpectedContentError,
    UsageError,
)
from cromicle_magic.providers.http.faults import status_error, translated
from cromicle_magic.providers.http.sessions import close as close
from cromicle_magic.providers.http.sessions import session as session
from cromicle_magic.providers.sniff import message_of
from cromicle_magic.providers.wire import TextDecoder

T = TypeVar("T")

ERROR_BODY = 64 * 1024
"""Bytes of an error's body that are read at most."""

ERROR_SECONDS = 5.0
"""Seconds that an error's body is waited for at most: its status is known already."""


@dataclass(frozen=True)
class Timeouts:
    """Seconds to wait: for the connection, for the first byte of the body, between two bytes."""

    connect: float = 10.0
    first_byte: float = 120.0
    stall: float = 60.0

    @classmethod
    def of(cls, seconds: float | None) -> Timeouts:
        """Return the default ones, or `seconds` for each wait (the connection never gets more than 10).

        Raises
        ------
        UsageError
            `seconds` is not a number above 0.
        """
        if seconds is None:
            return cls()
        if not isinstance(seconds, int | float) or math.isnan(seconds) or seconds <= 0:
            raise UsageError(f"{seconds!r} is not a timeout.", "Give seconds above 0, such as 30.")
        return cls(min(cls.connect, seconds), seconds, seconds)


def check_address(address: str) -> None:
    """Raise `ConfigurationError` unless `address` is an http or https address with a host."""
    try:
        url = URL(address)
        # A label that is empty or too long cannot even be asked for.
        good = url.scheme in ("http", "https") and bool((url.host or "").encode("idna"))
    except ValueError:
        good = False
    if not good:
        shown = address.rpartition("@")[2]  # what stands before it is a password
        raise ConfigurationError(
            f"{shown!r} is not an address.", "Write it with scheme and host: http://127.0.0.1:8000"
        )


class Response:
    """An answer whose head has come; its body comes by `chunks`.

    Attributes
    ----------
    content_type : str
        The declared type, in lower case and without parameters.
    charset : str
        The declared charset, or ``"utf-8"``.
    sniffable : bool
        Whether the server lets its reader guess from the content.
    delimited : bool
        Whether the transport can tell the end of the body from a break.
    """

    def __init__(self, raw: aiohttp.ClientResponse, timeouts: Timeouts) -> None:
        self._raw = raw
        self._timeouts = timeouts
        self._coding = raw.headers.get("Content-Encoding", "identity").lower()
        self.content_type = raw.content_type
        self.charset = raw.charset or "utf-8"
        self.sniffable = raw.headers.get("X-Content-Type-Options", "").lower() != "nosniff"
        chunked = "chunked" in raw.headers.get("Transfer-Encoding", "").lower()
        self.delimited = chunked or raw.content_length is not None
        self._lost = _loss_of(raw)
        self._lost.add_done_callback(self._notice_loss)

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the body's bytes as they arrive.

        Raises
        ------
        ProviderTimeoutError, TruncatedError
        """
        limit, phase = self._timeouts.first_byte, "the first byte"
        while True:
            if left := self._left():
                yield left
            with translated(self._raw.url):
                chunk = await _within(limit, phase, self._raw.content.readany())
            if not chunk:
                return
            yield chunk
            limit, phase = self._timeouts.stall, "the next byte"

    async def check_status(self) -> None:
        """Raise unless the status is 2xx and the body is as it was asked for.

        Raises
        ------
        StatusError
            Of the kind that fits, with the provider's own message.
        UnexpectedContentError
            The body is compressed.
        """
        if not 200 <= self._raw.status < 300:
            raise status_error(self._raw, message_of(await self._excerpt()))
        if self._coding != "identity":
            raise UnexpectedContentError(
                f"The provider compressed its answer ({self._coding}), which was not asked for.",
                "Turn compression off there.",
            )

    def close(self) -> None:
        """Give the connection back if the body was read to its end; else close it."""
        self._lost.remove_done_callback(self._notice_loss)
        self._raw.close()

    def _notice_loss(self, _: asyncio.Future[None]) -> None:
        # After a malformed chunk aiohttp's compiled parser leaves its reader waiting.
        content = self._raw.content
        if not content.is_eof() and content.exception() is None:
            content.set_exception(aiohttp.ClientPayloadError("The connection was lost."))

    def _left(self) -> bytes:
        """Return what arrived between the last read and a break; aiohttp would drop it."""
        content = self._raw.content
        broken = content.exception()
        if broken is None:
            return b""
        content.set_exception(None)  # type: ignore[arg-type]  # its only public way to read on
        try:
            return content.read_nowait()
        finally:
            content.set_exception(broken)

    async def _excerpt(self) -> str:
        body = b""
        with suppress(TruncatedError, ProviderTimeoutError, TimeoutError):
            async with asyncio.timeout(ERROR_SECONDS), aclosing(self.chunks()) as chunks:
                async for chunk in chunks:
                    body += chunk
                    if len(body) >= ERROR_BODY:
                        break
        decoder = TextDecoder(self.charset)
        return decoder.feed(body[:ERROR_BODY]) if self._coding == "identity" else ""


@asynccontextmanager
async def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    proxy: str | None = None,
    timeouts: Timeouts = Timeouts(),
) -> AsyncIterator[Response]:
    """Send a POST and give its `Response` once the head has come; close it on the way out.

    Raises
    ------
    ConfigurationError
        An address is none.
    ConnectionFailedError, ProviderTimeoutError, TruncatedError, UnexpectedContentError
    """
    for address in (url, proxy or url):
        check_address(address)
    opening = (await session()).post(
        url,
        data=io.BytesIO(body),
        headers={**headers, "Accept-Encoding": "identity"},
        allow_redirects=False,
        proxy=proxy,
        timeout=aiohttp.ClientTimeout(total=None, connect=timeouts.connect),
    )
    with translated(URL(url)):
        raw = await _within(timeouts.first_byte, "the first byte", opening)
    response = Response(raw, timeouts)
    try:
        yield response
    finally:
        response.close()


def _loss_of(raw: aiohttp.ClientResponse) -> asyncio.Future[None]:
    """Return what is done when the connection of `raw` is lost."""
    protocol = raw.connection.protocol if raw.connection else None
    loss = protocol.closed if protocol is not None else None
    if loss is None:
        loss = asyncio.get_running_loop().create_future()
        loss.set_result(None)  # it is lost already, or the whole body is here
    # One of it stays for the time in the pool: an exception that nobody sees is reported by asyncio.
    loss.remove_done_callback(_see)
    loss.add_done_callback(_see)
    return loss


def _see(lost: asyncio.Future[None]) -> None:
    if not lost.cancelled():
        lost.exception()


async def _within(seconds: float, phase: str, waiting: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(seconds) as clock:
            return await waiting
    except TimeoutError:
        if not clock.expired():
            raise
        raise ProviderTimeoutError(
            f"Waited {seconds:g} s for {phase}, and nothing came.",
            "Try again, or give more time with --timeout.",
        ) from None
