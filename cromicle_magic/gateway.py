"""A provider served to others: an HTTP server on loopback that speaks the Cromicle protocol.

What goes wrong before the first text has a status and one sentence; what goes wrong after it breaks
the connection, so that no client takes a part for the whole. A client that goes away ends the work
that was done for it. Prompts and tokens are never logged.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import os
import signal
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from aiohttp import HttpVersion11, web

from cromicle_magic.errors import ConfigurationError, CromicleError, RequestError
from cromicle_magic.messages import AsyncResult, Message, Messages, with_system
from cromicle_magic.providers.cromicle import signature
from cromicle_magic.text import one_line

if TYPE_CHECKING:
    from cromicle_magic.providers import Provider

HOST = "127.0.0.1"

GRACE = 5.0
"""Seconds that running answers have to end in when the server is told to."""

MOST_BYTES = 8 * 2**20
"""Bytes of a request's body at most: a million characters, each escaped."""

_HEADERS = {
    "Content-Type": "text/plain; charset=utf-8",
    # The text is a model's: a client must not take a page that it writes for a page of ours.
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def make_app(provider: Provider, token: str, *, model: str = "", grace: float = GRACE) -> web.Application:
    """Return the application that serves `provider` under ``POST /chat``.

    Run it with ``handler_cancellation=True``, as `running` does: without it a client that goes away
    is noticed only at the next text.

    Parameters
    ----------
    provider
        The class that answers.
    token
        What a request must have as its ``token``.
    model
        The model that answers; ``""`` is the provider's default.
    grace
        Seconds that running answers have to end in at shutdown, before they are cancelled.
    """
    app = web.Application(client_max_size=MOST_BYTES)
    door = _Door(provider, token, model)
    app[_DOOR] = door
    app.router.add_post("/chat", door.chat)
    app.on_response_prepare.append(_forbid_guessing)
    app.on_shutdown.append(lambda _: door.close(grace))
    return app


@asynccontextmanager
async def running(app: web.Application, port: int = 0) -> AsyncIterator[str]:
    """Run `app` on loopback while the context is open, and give its address.

    Parameters
    ----------
    port
        Where it listens; 0 lets the system choose.

    Raises
    ------
    ConfigurationError
        The port cannot be had.
    """
    runner = web.AppRunner(
        app, handler_cancellation=True, logger=_discreet_log(), access_log=None, shutdown_timeout=1.0
    )
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, HOST, port).start()
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise ConfigurationError(f"Port {port} cannot be had: {reason}.", "Name another one.") from None
        yield f"http://{HOST}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def serve(
    provider: Provider,
    token: str,
    *,
    model: str = "",
    port: int = 8000,
    ready: Callable[[str], None] = lambda url: None,
) -> None:
    """Serve `provider` until SIGINT or SIGTERM; call it on the main thread.

    Parameters
    ----------
    provider, token, model
        As in `make_app`.
    port
        Where it listens; 0 lets the system choose.
    ready
        Called with the address once the server listens.

    Raises
    ------
    RequestError
        The provider says at the call that it cannot answer; or the port cannot be had.
    """
    app = make_app(provider, token, model=model)
    door = app[_DOOR]
    door.call("Hello")  # not iterated, so nothing is asked
    # A second signal is for those who do not want to wait for running answers.
    with _signals(door.cancel) as told:
        async with running(app, port) as url:
            ready(url)
            await told.wait()


class _Door:
    """The protocol's one address, and the answers that are being given there."""

    def __init__(self, provider: Provider, token: str, model: str) -> None:
        self._provider = provider
        self._token = token
        self._model = model
        self._answering: set[asyncio.Task[Any]] = set()

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        message = _checked(await _payload(request), self._token)
        task = asyncio.current_task()
        assert task is not None
        self._answering.add(task)
        try:
            return await _answer(request, self._texts(message))
        finally:
            self._answering.discard(task)

    async def close(self, grace: float) -> None:
        """Let running answers end, then cancel them."""
        if self._answering:
            await asyncio.wait(self._answering, timeout=grace)
        self.cancel()
        if self._answering:
            await asyncio.wait(self._answering, timeout=1.0)

    def cancel(self) -> None:
        """Cancel the answers that are running."""
        for task in self._answering:
            task.cancel()

    def call(self, message: str) -> AsyncResult:
        """Call the provider; what it yields is not asked for yet."""
        asked: Messages = [Message(role="user", content=message)]
        asked = with_system(asked, getattr(self._provider, "default_system", None))
        model = self._model or getattr(self._provider, "default_model", "")
        return self._provider.create_async_generator(model, asked)

    async def _texts(self, message: str) -> AsyncGenerator[str, None]:
        async with aclosing(self.call(message)) as events:
            async for event in events:
                if isinstance(event, str) and event:
                    yield event


_DOOR = web.AppKey("door", _Door)


async def _payload(request: web.Request) -> dict[str, str]:
    if request.version < HttpVersion11:
        raise web.HTTPVersionNotSupported(text="HTTP/1.1 is needed: 1.0 cannot tell a part from the whole.")
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="The content type must be application/json.")
    try:
        payload = json.loads(await request.read())
    except (ValueError, RecursionError):
        raise web.HTTPBadRequest(text="The body is not JSON.") from None
    keys = ("message", "token", "hash")
    if not isinstance(payload, dict) or not all(isinstance(payload.get(key), str) for key in keys):
        raise web.HTTPBadRequest(text="The body must be an object with the strings message, token and hash.")
    return payload


def _checked(payload: dict[str, str], token: str) -> str:
    if not _same(payload["token"], token):
        raise web.HTTPForbidden(
            text="The token is wrong: set CROMICLE_TOKEN to the one that `cromicle serve` printed."
        )
    try:
        expected = signature(payload["message"], token)
    except RequestError as error:
        raise web.HTTPBadRequest(text=str(error)) from None
    if not _same(payload["hash"], expected):
        raise web.HTTPForbidden(
            text="The hash is wrong: it is the lower-case hex SHA-256 of token and message in UTF-8."
        )
    return payload["message"]


def _same(given: str, expected: str) -> bool:
    # surrogatepass: JSON can escape what UTF-8 cannot hold.
    return hmac.compare_digest(*(text.encode("utf-8", "surrogatepass") for text in (given, expected)))


async def _answer(request: web.Request, texts: AsyncGenerator[str, None]) -> web.StreamResponse:
    response = web.StreamResponse(headers=_HEADERS)
    async with aclosing(texts):
        try:
            async for text in texts:
                if not response.prepared:
                    await response.prepare(request)
                await response.write(text.encode("utf-8", "replace"))
        except Exception as error:  # noqa: BLE001  a provider may be anybody's code
            if not response.prepared:
                return _refusal(error)
            # What was written still goes out; the last chunk, which now never comes, tells the client.
            if request.transport is not None:
                request.transport.close()
    return response


def _refusal(error: Exception) -> web.Response:
    # An error's words go to the one who asked, and nowhere else: they may have the prompt in them.
    own = isinstance(error, CromicleError)
    said = str(error) if own else one_line(": ".join(filter(None, (type(error).__name__, str(error)))))
    return web.Response(status=400 if isinstance(error, RequestError) else 502, text=said)


async def _forbid_guessing(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update({name: value for name, value in _HEADERS.items() if name != "Content-Type"})


def _discreet_log() -> logging.Logger:
    log = logging.getLogger(__name__)
    log.addFilter(_without_details)
    return log


def _without_details(record: logging.LogRecord) -> bool:
    # The words of a parser's error quote what the client sent.
    if record.exc_info and record.exc_info[0]:
        record.msg = f"{record.msg}: {record.exc_info[0].__name__}"
    record.exc_info = None
    return True


@contextmanager
def _signals(again: Callable[[], None]) -> Iterator[asyncio.Event]:
    """Give an event that the first SIGINT or SIGTERM sets; each further one calls `again`."""
    told, loop = asyncio.Event(), asyncio.get_running_loop()

    def heed() -> None:
        if told.is_set():
            again()
        told.set()

    # Not loop.add_signal_handler, which Windows has not.
    before = {
        number: signal.signal(number, lambda *_: loop.call_soon_threadsafe(heed))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
