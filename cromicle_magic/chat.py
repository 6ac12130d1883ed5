"""A conversation with a provider: `Chat`, and the shortest ways to an answer: `ask`, `aask`, `stream`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing, closing
from typing import TYPE_CHECKING, Any

from cromicle_magic import runtime
from cromicle_magic.errors import CromicleInterrupted, warn_of_options
from cromicle_magic.exchange import Prompt, Reply, exchange, prepare
from cromicle_magic.messages import Event, Message, Messages, as_messages

if TYPE_CHECKING:
    from cromicle_magic.providers import Provider


class Chat:
    """A provider and a conversation with it.

    Parameters
    ----------
    provider
        Its name or class; by default the configured one.
    model
        Name of the model; by default the configured one, else the provider's own.
    system
        A system message that stands before every request, unless the messages have one of their own;
        ``""`` leaves the provider's own one out.
    messages
        What was said before.
    **options
        Options for every request, such as ``temperature``, ``max_tokens``, ``seed``, ``timeout``.

    Attributes
    ----------
    messages : list of Message
        The conversation; yours to read and to change.
    """

    def __init__(
        self,
        provider: Provider | str | None = None,
        *,
        model: str | None = None,
        system: str | None = None,
        messages: Sequence[Mapping[str, Any]] = (),
        **options: Any,
    ) -> None:
        self.messages: Messages = as_messages(messages) if messages else []
        self._settings = {"provider": provider, "model": model, "system": system, **options}

    def ask(self, prompt: Prompt, *, loop: runtime.Where = "helper", **options: Any) -> Reply:
        """Send `prompt` with the conversation before it, wait, and return the reply.

        An answer that came to an end, be it at ``max_tokens`` or at one that cannot be told from a
        break, joins the conversation; one that was stopped or failed does not.

        Parameters
        ----------
        prompt
            What the user says; or several messages.
        loop
            ``"nested"``: on the loop that is running here, see `cromicle_magic.runtime.iterate`.
        **options
            Options for this request, over those of the chat.

        Raises
        ------
        CromicleError
            With what came in ``partial``.
        CromicleInterrupted
            The user pressed Stop, or the work was ended by `cromicle_magic.runtime.shutdown`; what
            came is in its ``reply``.
        """
        said = as_messages(prompt)
        reply = self._prepare(said, options)
        try:
            with closing(runtime.iterate(lambda: exchange(reply), loop=loop)) as events:
                _exhaust(events)
        except (KeyboardInterrupt, asyncio.CancelledError):
            reply.end("stopped")  # also where it had not begun
            raise CromicleInterrupted(reply) from None
        return self._keep(said, reply)

    async def aask(self, prompt: Prompt, **options: Any) -> Reply:
        """Do what `ask` does, for an asynchronous caller."""
        said = as_messages(prompt)
        reply = self._prepare(said, options)
        async with aclosing(exchange(reply)) as events:
            async for _ in events:
                pass
        return self._keep(said, reply)

    async def stream(self, prompt: Prompt, **options: Any) -> AsyncGenerator[str, None]:
        """Yield the answer's text as it comes; the whole of it then joins the conversation."""
        said = as_messages(prompt)
        reply = self._prepare(said, options)
        async with aclosing(exchange(reply)) as events:
            async for event in events:
                if isinstance(event, str):
                    yield event
        self._keep(said, reply)

    def _prepare(self, said: Messages, options: dict[str, Any]) -> Reply:
        reply = prepare([*self.messages, *said], **{**self._settings, **options})
        warn_of_options(reply.notes)
        return reply

    def _keep(self, said: Messages, reply: Reply) -> Reply:
        self.messages += [*said, Message(role="assistant", content=reply.text)]
        return reply


def _exhaust(events: Iterable[Event]) -> None:
    # A function of its own, see `cromicle_magic.runtime` on loops and interrupts.
    for _ in events:
        pass


def ask(prompt: Prompt, *, loop: runtime.Where = "helper", **options: Any) -> Reply:
    """Send `prompt`, wait, and return the reply.

    Works in a script, in a thread and in a cell whose loop is running.

    Parameters
    ----------
    prompt
        What the user says; or a list of messages.
    loop
        ``"nested"``: on the loop that is running here, see `cromicle_magic.runtime.iterate`.
    **options
        ``provider`` (name or class), ``model``, ``system``; ``temperature``, ``top_p``, ``seed``,
        ``max_tokens``, ``stop``; ``timeout`` (seconds without a byte), ``proxy``, ``url``, and what
        else the provider takes.

    Raises
    ------
    CromicleError
        With what came in ``partial``.
    CromicleInterrupted
        The user pressed Stop; what came is in its ``reply``.

    Examples
    --------
    >>> reply = ask("Hello there", provider="scripted")
    >>> reply.text, reply.status
    ('Hello there', 'complete')
    """
    return Chat().ask(prompt, loop=loop, **options)


async def aask(prompt: Prompt, **options: Any) -> Reply:
    """Do what `ask` does, for an asynchronous caller."""
    return await Chat().aask(prompt, **options)


async def stream(prompt: Prompt, **options: Any) -> AsyncGenerator[str, None]:
    """Yield the answer's text as it comes. Parameters and errors as in `ask`."""
    async with aclosing(Chat().stream(prompt, **options)) as texts:
        async for text in texts:
            yield text
