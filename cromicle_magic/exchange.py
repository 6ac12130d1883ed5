"""One exchange with a provider: `Request`, `Reply`, and what happens between them."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from cromicle_magic import config, providers, runtime
from cromicle_magic.errors import MessageError, ProviderTimeoutError, TruncatedError
from cromicle_magic.messages import (
    Event,
    FinishReason,
    Message,
    Messages,
    Reasoning,
    Usage,
    as_messages,
    text_of,
    with_system,
)
from cromicle_magic.rendering import markdown

if TYPE_CHECKING:
    from cromicle_magic.providers import Provider

Prompt = str | Sequence[Mapping[str, Any]]
Status = Literal["complete", "stopped", "truncated", "failed", "unknown"]

_SECRETS = config.SECRETS | {"api_key", "access_token", "cookies", "headers"}
_USERINFO = re.compile(r"(?<=://)[^/@\s]+(?=@)")
_STATUS_OF_REASON: dict[str, Status] = {
    "length": "truncated",
    "content_filter": "truncated",
    "unknown": "unknown",
}


@dataclass(frozen=True)
class Request:
    """What is sent: to whom, which messages, with which options.

    Attributes
    ----------
    provider : type
        The provider's class.
    model : str
        The model's name.
    messages : list of Message
        All of them, the system message included; nothing else is sent.
    options : dict
        What the provider is given besides; only what it honours.
    """

    provider: Provider
    model: str
    messages: Messages
    options: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return it as a dict, with keys, tokens and the passwords of addresses masked."""
        return {
            "provider": self.provider.__name__,
            "model": self.model,
            "messages": self.messages,
            "options": {key: _masked(key, value) for key, value in self.options.items()},
        }

    def __repr__(self) -> str:
        return f"Request({self.to_dict()})"


def _masked(key: str, value: Any) -> Any:
    if key in _SECRETS:
        return "•••"
    return _USERINFO.sub("•••", value) if isinstance(value, str) else value


@dataclass
class Timing:
    """How long it took, in seconds from the moment the request was sent.

    Attributes
    ----------
    first_token : float or None
        Until the first text; ``None`` when none came.
    total : float or None
        Until the end; ``None`` while it runs.
    """

    first_token: float | None = None
    total: float | None = None


@dataclass(eq=False)
class Reply:
    """An answer, as far as it has come.

    Attributes
    ----------
    request : Request
        What was asked.
    status : {"complete", "stopped", "truncated", "failed", "unknown"}
        How it ended; ``"unknown"`` while it runs, and where the transport cannot tell.
    usage : Usage or None
        Tokens, where the provider counts them.
    timing : Timing
        First token and total, in seconds.
    reasoning : str
        The model's reasoning, where the provider gives it.
    error : Exception or None
        What went wrong: a `CromicleError`, or what a provider from elsewhere raised.
    notes : list of str
        What the reader should know, such as an option that could not be honoured.
    """

    request: Request
    status: Status = "unknown"
    usage: Usage | None = None
    timing: Timing = field(default_factory=Timing)
    reasoning: str = ""
    error: Exception | None = None
    notes: list[str] = field(default_factory=list)
    _parts: list[str] = field(default_factory=list)
    _finished: Status | None = None

    @property
    def text(self) -> str:
        """The text that has come."""
        # Only read here: the helper thread may be adding while another one paints.
        return "".join(self._parts)

    @property
    def messages(self) -> Messages:
        """The conversation: what was asked, and the answer."""
        return [*self.request.messages, Message(role="assistant", content=self.text)]

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Reply({self.text!r:.200}, status={self.status!r})"

    def _repr_markdown_(self) -> str:
        return markdown.neutralise(self.text)

    def _repr_html_(self) -> str:
        return markdown.render(self.text)

    def add(self, event: Event) -> None:
        """Take in what the provider yielded."""
        if isinstance(event, str):
            self._parts.append(event)
        elif isinstance(event, Usage):
            self.usage = event
        elif isinstance(event, FinishReason):
            self._finished = _STATUS_OF_REASON.get(event.reason, "complete")
        elif isinstance(event, Reasoning):
            self.reasoning += event.text

    def end(self, status: Status | None = None) -> None:
        """Set how it ended; without a word from anyone it is complete."""
        self.status = status or self._finished or "complete"


def prepare(
    prompt: Prompt,
    *,
    provider: Provider | str | None = None,
    model: str | None = None,
    system: str | None = None,
    **options: Any,
) -> Reply:
    """Return the still empty `Reply` of a checked request; nothing is sent yet.

    Parameters are those of `cromicle_magic.ask`. What the provider cannot honour is left out of the
    request and named in ``reply.notes``; options that are ``None`` are not given.

    Raises
    ------
    RequestError
        The request cannot be sent.
    """
    chosen, model = _resolve(provider, model)
    messages, notes = _said(prompt, system, getattr(chosen, "default_system", None))
    given = {key: value for key, value in options.items() if value is not None}
    # Every provider can be given up on after a while, see `_events`.
    asked = [name for name in given if name != "timeout"]
    refused = chosen.refused(model, asked) if hasattr(chosen, "refused") else {}
    if "model" in refused:
        model = chosen.default_model
    kept = {key: value for key, value in given.items() if key not in refused}
    return Reply(Request(chosen, model, messages, kept), notes=[*notes, *refused.values()])


def _said(prompt: Prompt, system: str | None, default: str | None) -> tuple[Messages, list[str]]:
    said = as_messages(prompt)
    if not text_of(said[-1]["content"]).strip():
        raise MessageError("The prompt is empty.", "Write one.")
    whole = as_messages(with_system(said, default if system is None else system))
    if system and len(whole) == len(said):
        return whole, ["The messages have a system message of their own; the other one was not sent."]
    return whole, []


def _resolve(provider: Provider | str | None, model: str | None) -> tuple[Provider, str]:
    settings = config.current()
    if provider is None and model and model.partition("/")[0] in providers.names():
        provider, _, model = model.partition("/")
    name = provider or settings.default_provider
    if model is None and name == settings.default_provider:
        model = settings.model
    chosen = providers.get(name)
    return chosen, str(model or getattr(chosen, "default_model", ""))


async def exchange(reply: Reply) -> AsyncGenerator[Event, None]:
    """Send the request of `reply` and yield what comes, while `reply` fills; close this generator always.

    Raises
    ------
    Exception
        A `CromicleError`, or what a provider from elsewhere raised. The reply then has status
        ``"failed"`` or ``"truncated"``, the error, and the text that came; so has the error in ``partial``.
    """
    request, started = reply.request, time.perf_counter()
    try:
        with runtime.heartbeat():
            async with aclosing(_events(request)) as events:
                async for event in events:
                    reply.add(event)
                    if reply.timing.first_token is None and event and isinstance(event, str):
                        reply.timing.first_token = time.perf_counter() - started
                    yield event
        reply.end()
    except Exception as error:
        # A class from elsewhere raises errors of its own; the text must not be lost with them.
        vars(error)["partial"] = getattr(error, "partial", "") or reply.text
        reply.error = error
        reply.end("truncated" if isinstance(error, TruncatedError) else "failed")
        raise
    except BaseException:  # cancelled, closed, interrupted
        reply.end("stopped")
        raise
    finally:
        reply.timing.total = time.perf_counter() - started


async def _events(request: Request) -> AsyncGenerator[Event, None]:
    options = dict(request.options)
    knows_timeout = "timeout" in (getattr(request.provider, "options", None) or ())
    limit = None if knows_timeout else options.pop("timeout", None)
    source = request.provider.create_async_generator(request.model, request.messages, **options)
    async with aclosing(source):
        while True:
            try:
                async with asyncio.timeout(limit) as clock:
                    event = await anext(source)
            except StopAsyncIteration:
                return
            except TimeoutError:
                if not clock.expired():
                    raise
                raise ProviderTimeoutError(
                    f"Nothing came for {limit:g} s.", "Try again, or give more time."
                ) from None
            yield event
