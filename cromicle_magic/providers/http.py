"""The one room that speaks aiohttp as a client, and turns its errors into ours.

Sessions are pooled, one for each running loop. Redirects are never followed: a POST would carry its
body, and with it the token, to another server. Compression is refused: a cut gzip body of the right
length would pass for a whole answer.
"""

from __future__ import annotations

import asyncio
import atexit
import os
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import TypeVar

import aiohttp

from cromicle_magic.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectionFailedError,
    ContextLengthError,
    NotFoundError,
    ProviderTimeoutError,
    RateLimitError,
    RedirectError,
    StatusError,
    TruncatedError,
)
from cromicle_magic.providers.sniff import message_of

T = TypeVar("T")

ERROR_BODY = 64 * 1024
"""Bytes of an error's body that are read at most."""


@dataclass(frozen=True)
class Timeouts:
    """Seconds to wait: for the connection, for the first byte of the body, between two bytes."""

    connect: float = 10.0
    first_byte: float = 120.0
    stall: float = 60.0

    @classmethod
    def of(cls, seconds: float | None) -> Timeouts:
        """Return the default ones, or `seconds` for each wait (the connection never gets more than 10)."""
        return cls() if seconds is None else cls(min(cls.connect, seconds), seconds, seconds)


class Response:
    """An answer whose head has come; its body comes by `chunks`."""

    def __init__(self, raw: aiohttp.ClientResponse, timeouts: Timeouts) -> None:
        self._raw = raw
        self._timeouts = timeouts
        self.content_type = raw.content_type
        self.charset = raw.charset or "utf-8"
        self.sniffable = raw.headers.get("X-Content-Type-Options", "").lower() != "nosniff"
        self.delimited = raw.content_length is not None or "chunked" in raw.headers.get(
            "Transfer-Encoding", ""
        )
        """Whether the transport can tell the end of the body from a break."""

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the body's bytes as they arrive.

        Raises
        ------
        ProviderTimeoutError, TruncatedError
        """
        limit, phase = self._timeouts.first_byte, "the first byte"
        while True:
            with _translated(self._raw.url.origin().human_repr()):
                chunk = await _within(limit, phase, self._raw.content.readany())
            if not chunk:
                return
            yield chunk
            limit, phase = self._timeouts.stall, "the next byte"

    async def check_status(self) -> None:
        """Raise the `StatusError` that fits, with the provider's own message, unless the status is 2xx."""
        if 200 <= self._raw.status < 300:
            return
        raise _status_error(self._raw, message_of(await self._excerpt()))

    async def _excerpt(self) -> str:
        body = b""
        with suppress(TruncatedError, ProviderTimeoutError):
            async for chunk in self.chunks():
                body += chunk
                if len(body) >= ERROR_BODY:
                    break
        try:
            return body[:ERROR_BODY].decode(self.charset, "replace")
        except LookupError:
            return body[:ERROR_BODY].decode("utf-8", "replace")


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
        The address is none.
    ConnectionFailedError, ProviderTimeoutError, TruncatedError
    """
    opening = (await session()).post(
        url,
        data=body,
        headers={**headers, "Accept-Encoding": "identity"},
        allow_redirects=False,
        proxy=proxy,
        timeout=aiohttp.ClientTimeout(total=None, connect=timeouts.connect),
    )
    with _translated(url):
        raw = await _within(timeouts.first_byte, "the first byte", opening)
    try:
        yield Response(raw, timeouts)
    finally:
        # A body that was read to its end has given its connection back; any other must not be reused.
        raw.close()


async def _within(seconds: float, phase: str, waiting: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(seconds):
            return await waiting
    except TimeoutError as error:
        if isinstance(error, aiohttp.ServerTimeoutError):
            raise
        raise ProviderTimeoutError(
            f"Waited {seconds:g} s for {phase}, and nothing came.",
            "Try again, or give more time with --timeout.",
        ) from None


@contextmanager
def _translated(address: str) -> Iterator[None]:
    try:
        yield
    except aiohttp.InvalidURL:
        raise ConfigurationError(
            f"{address!r} is not an address.", "Write it with scheme and host: http://127.0.0.1:8000"
        ) from None
    except aiohttp.ConnectionTimeoutError:
        raise ProviderTimeoutError(
            f"No connection to {address} came about in time.", "Check the address and the network."
        ) from None
    except aiohttp.ClientConnectorError as error:
        raise ConnectionFailedError(
            f"{address} cannot be reached: {_reason(error)}.", _HINT[type(error)]
        ) from None
    except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError) as error:
        raise TruncatedError(
            f"{address} closed the connection before the answer's end.", "Ask again; what came is kept."
        ) from error
    except aiohttp.ClientResponseError as error:
        raise StatusError(
            f"{address} did not answer in HTTP: {error.message}.", "Check the address."
        ) from None


class _Hints(dict[type, str]):
    def __missing__(self, kind: type) -> str:
        return "Check that the server is running and that the address is right."


_HINT = _Hints(
    {
        aiohttp.ClientConnectorDNSError: "Check the host's name.",
        aiohttp.ClientConnectorCertificateError: "Its certificate is not trusted here.",
        aiohttp.ClientConnectorSSLError: "If the server does not speak TLS, write http:// in the address.",
        aiohttp.ClientProxyConnectionError: "Check the proxy's address.",
    }
)


def _reason(error: aiohttp.ClientConnectorError) -> str:
    cause = error.os_error
    return os.strerror(cause.errno) if cause.errno else cause.strerror or type(cause).__name__


def _status_error(raw: aiohttp.ClientResponse, message: str) -> StatusError:
    status = raw.status
    kind, hint = _KINDS.get(status, (RedirectError if status < 400 else StatusError, ""))
    if kind is RedirectError:
        message = f"it points to {raw.headers.get('Location', 'nowhere')}"
        hint = "Set that address yourself if you trust it: redirects are not followed."
    return kind(
        f"The provider answered {status} {raw.reason or ''}: {message or 'no reason given'}.",
        hint or ("Try again later." if status >= 500 else "Check the request."),
        http_status=status,
        request_id=raw.headers.get("X-Request-Id"),
    )


_KINDS: dict[int, tuple[type[StatusError], str]] = {
    401: (AuthenticationError, "Check the key or the token."),
    403: (AuthenticationError, "Check the key or the token."),
    404: (NotFoundError, "Check the address and the model's name."),
    413: (ContextLengthError, "Shorten the prompt."),
    429: (RateLimitError, "Wait a little and ask again."),
}


_keepers: dict[asyncio.AbstractEventLoop, AsyncGenerator[aiohttp.ClientSession, None]] = {}
_sessions: dict[asyncio.AbstractEventLoop, aiohttp.ClientSession] = {}


async def session() -> aiohttp.ClientSession:
    """Return the running loop's client session."""
    loop = asyncio.get_running_loop()
    if loop not in _sessions:
        _forget_closed_loops()
        # An asynchronous generator is closed by asyncio.run when its loop ends; so the session is too.
        keeper = _keeper(loop)
        _keepers[loop] = keeper
        _sessions[loop] = await anext(keeper)
    return _sessions[loop]


async def _keeper(loop: asyncio.AbstractEventLoop) -> AsyncGenerator[aiohttp.ClientSession, None]:
    # limit=0: the default of 100 would let stream 101 wait in silence.
    connector = aiohttp.TCPConnector(limit=0)
    try:
        async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as client:
            yield client
    finally:
        _sessions.pop(loop, None)
        _keepers.pop(loop, None)


async def close() -> None:
    """Close the running loop's session, if it has one."""
    if keeper := _keepers.get(asyncio.get_running_loop()):
        await keeper.aclose()


def _forget_closed_loops() -> None:
    for loop in [loop for loop in _sessions if loop.is_closed()]:
        del _sessions[loop], _keepers[loop]


@atexit.register
def _close_idle() -> None:
    # A kernel's loop is stopped, not closed, when its process ends.
    for loop, keeper in list(_keepers.items()):
        if not loop.is_closed() and not loop.is_running():
            loop.run_until_complete(keeper.aclose())
