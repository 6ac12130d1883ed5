"""The Cromicle service: one POST, an answer in plain text.

The wire, as two independent clients of October 2023 spoke it:

- ``POST <url>/chat`` with the headers of `_create_header`;
- a JSON object of three keys, in order: ``message``, ``token``, ``hash``, in the form `json.dumps`
  writes by default; ``message`` is the conversation as `format_prompt` writes it;
- ``hash`` is the lower-case hex SHA-256 of token and message in UTF-8, one after the other; the
  client chooses the token. It protects nothing: the formula is public;
- the answer's body is the text, as it comes, without any frame.

The public service is gone. ``cromicle serve`` speaks this protocol in front of any provider.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from typing import Any

from cromicle_magic import config
from cromicle_magic.errors import (
    ConfigurationError,
    EmptyAnswerError,
    ProviderTimeoutError,
    TruncatedError,
)
from cromicle_magic.messages import AsyncResult, FinishReason, Messages, as_messages, format_prompt
from cromicle_magic.providers import http
from cromicle_magic.providers.base import AsyncGeneratorProvider, keeping_partial
from cromicle_magic.providers.sniff import AnswerSniffer
from cromicle_magic.providers.wire import TextDecoder


class Cromicle(AsyncGeneratorProvider):
    """A service that speaks the Cromicle protocol.

    The address comes from ``url=``, the configuration or ``CROMICLE_URL``; the token from ``token=``,
    the configuration or ``CROMICLE_TOKEN``, and is ``"abc"`` by default. The protocol carries no
    model and no sampling options.
    """

    url = "https://cromicle.top"
    working = False
    supports_gpt_35_turbo = True
    options = frozenset({"url", "token", "proxy", "timeout"})

    @classmethod
    def create_async_generator(
        cls,
        model: str,
        messages: Messages,
        proxy: str | None = None,
        *,
        url: str | None = None,
        token: str | None = None,
        timeout: float | None = None,
        **kwargs: Any,
    ) -> AsyncResult:
        """Return an asynchronous generator of the answer's text.

        Parameters
        ----------
        model
            Accepted and not sent: the service has one model.
        messages
            The conversation; sent as one text, see `format_prompt`.
        proxy
            Address of an HTTP proxy.
        url
            Address of the service, without ``/chat``.
        token
            What the service wants as ``token``.
        timeout
            Seconds to wait for a byte; by default 120 for the first and 60 for each next one.
        **kwargs
            Reported by an `OptionWarning`: the protocol cannot carry them.

        Yields
        ------
        str
            Text as it arrives, and at the end ``FinishReason("unknown")`` where the transport could
            not tell the end from a break.

        Raises
        ------
        ConfigurationError, MessageError, UsageError
            At the call: no address, messages or a token that cannot be sent, a timeout that is none.
        ProviderError
            While iterating.
        """
        settings = config.current()
        address = url or settings.url
        if not address:
            raise ConfigurationError(
                "The public Cromicle service is gone.",
                "Start one with `cromicle serve` and set CROMICLE_URL to the address it prints.",
            )
        for given in (address, proxy or address):
            http.check_address(given)
        timeouts = http.Timeouts.of(timeout)
        payload = _create_payload(format_prompt(as_messages(messages)), token or settings.token or "abc")
        cls.report_refused(model, kwargs)
        url = f"{address.rstrip('/')}/chat"
        return keeping_partial(_stream(url, json.dumps(payload).encode(), proxy, timeouts))

    @classmethod
    def refused(cls, model: str, options: Iterable[str]) -> dict[str, str]:
        """Return what the protocol cannot carry: sampling options, and any model but the default one."""
        served = model in ("", "auto", "gpt-3.5-turbo")
        note = f"{cls.__name__} cannot choose a model; the service's own one answered."
        return super().refused(model, options) | ({} if served else {"model": note})


async def _stream(url: str, body: bytes, proxy: str | None, timeouts: http.Timeouts) -> AsyncResult:
    async with http.post(url, body, _create_header(), proxy=proxy, timeouts=timeouts) as response:
        await response.check_status()
        empty = True
        async with aclosing(_answer(response)) as texts:
            async for text in texts:
                empty = False
                yield text
        if empty:
            raise EmptyAnswerError("The provider sent an empty answer.", "Ask again, or ask differently.")
        if not response.delimited:
            yield FinishReason("unknown")


async def _answer(response: http.Response) -> AsyncGenerator[str, None]:
    decoder = TextDecoder(response.charset)
    sniffer = AnswerSniffer(response.content_type, response.sniffable)
    try:
        async with aclosing(response.chunks()) as chunks:
            async for chunk in chunks:
                if text := sniffer.feed(decoder.feed(chunk)):
                    yield text
    except (TruncatedError, ProviderTimeoutError):
        # The sniffer's characters are the reader's; a character cut in two is nobody's.
        if text := sniffer.close():
            yield text
        raise
    if text := sniffer.feed(decoder.close()) + sniffer.close():
        yield text


def _create_header() -> dict[str, str]:
    """Return the two headers of a request.

    Examples
    --------
    >>> _create_header()
    {'accept': '*/*', 'content-type': 'application/json'}
    """
    return {"accept": "*/*", "content-type": "application/json"}


def _create_payload(message: str, token: str = "abc") -> dict[str, str]:
    """Return the body of a request.

    An example that goes around in print gives for ``"Hello"`` a hash that begins with ``68d54a9d``.
    That is an erratum: no version of the code, and neither of the two clients, makes it.

    Examples
    --------
    >>> payload = _create_payload("Hello")
    >>> list(payload)
    ['message', 'token', 'hash']
    >>> payload["hash"]
    'd40e8531b8d2ef442a6dea109d0d77e15abc8c3f23d6b73d6f5b75975b2f2b7f'
    """
    return {"message": message, "token": token, "hash": signature(message, token)}


def signature(message: str, token: str) -> str:
    """Return the hash that goes with `message` and `token`.

    Raises
    ------
    ConfigurationError
        One of them is not valid Unicode, so it has no UTF-8.
    """
    try:
        return hashlib.sha256((token + message).encode()).hexdigest()
    except UnicodeEncodeError:
        raise ConfigurationError(
            "The token or the message is not valid Unicode.", "Take out its lone surrogates."
        ) from None
