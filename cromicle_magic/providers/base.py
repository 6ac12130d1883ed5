"""The provider contract: a class with a method that yields text as it arrives.

A provider keeps no state of a stream on its class: settings arrive as keyword arguments, so one
class serves many streams at once. The names follow the provider classes of g4f (October 2023), so
a class written for one side works on the other.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Generator, Iterable
from contextlib import aclosing, closing
from typing import Any, ClassVar

from cromicle_magic import runtime
from cromicle_magic.errors import ProviderError, warn_of_options
from cromicle_magic.messages import AsyncResult, Event, Messages


class _Params:
    def __get__(self, instance: object, owner: type[AsyncGeneratorProvider]) -> str:
        return (
            f"g4f.provider.{owner.__name__} supports: "
            "(model: str, messages: list[dict[str, str]], stream: bool)"
        )


class AsyncGeneratorProvider(ABC):
    """A source of answers.

    A subclass writes `create_async_generator`; the other methods stand on it.

    Attributes
    ----------
    url : str or None
        Where the service is.
    working : bool
        Whether it answers without further settings. g4f's clients refuse a provider that does not.
    needs_auth : bool
        Whether it needs a key.
    supports_stream, supports_message_history, supports_system_message, supports_gpt_35_turbo : bool
        What it can do.
    default_model : str
        The model that answers when none is named.
    default_system : str or None
        The system message that is sent when the conversation has none.
    options : frozenset of str or None
        The keyword arguments it honours; ``None``: not known, all are passed on.
    params : str
        The signature in words, in the form g4f prints.
    """

    url: ClassVar[str | None] = None
    working: ClassVar[bool] = False
    needs_auth: ClassVar[bool] = False
    supports_stream: ClassVar[bool] = True
    supports_message_history: ClassVar[bool] = False
    supports_system_message: ClassVar[bool] = False
    supports_gpt_35_turbo: ClassVar[bool] = False
    default_model: ClassVar[str] = ""
    default_system: ClassVar[str | None] = None
    options: ClassVar[frozenset[str] | None] = None
    params: ClassVar[_Params] = _Params()

    @classmethod
    @abstractmethod
    def create_async_generator(
        cls, model: str, messages: Messages, proxy: str | None = None, **kwargs: Any
    ) -> AsyncResult:
        """Return an asynchronous generator of the answer; call it without ``await``.

        Parameters
        ----------
        model
            Name of the model; ``""`` is the default one.
        messages
            The conversation, oldest first.
        proxy
            Address of an HTTP proxy.
        **kwargs
            Options. ``stream`` is always accepted and changes nothing; one that cannot be honoured
            is reported by an `OptionWarning`.

        Yields
        ------
        str, Usage, FinishReason or Reasoning
            Text in the order it arrives, never empty, and what the provider knows besides.

        Raises
        ------
        RequestError
            At the call, where the request cannot be sent.
        ProviderError
            While iterating; ``partial`` has the text that had come.
        """

    @classmethod
    async def create_async(
        cls, model: str, messages: Messages, proxy: str | None = None, **kwargs: Any
    ) -> str:
        """Return the whole text of the answer. Parameters and errors as in `create_async_generator`."""
        events = cls.create_async_generator(model, messages, proxy=proxy, **{"stream": False, **kwargs})
        async with aclosing(events):
            return "".join([event async for event in events if isinstance(event, str)])

    @classmethod
    def create_completion(
        cls,
        model: str,
        messages: Messages,
        stream: bool = True,
        *,
        loop: runtime.Where = "helper",
        **kwargs: Any,
    ) -> Generator[str, None, None]:
        """Yield the text of the answer to a synchronous caller.

        Works in a script, in a thread and inside a running loop; the generator behind it is always
        closed, also when the caller stops early. What is wrong with the request is said at the call.

        Parameters
        ----------
        model, messages, **kwargs
            As in `create_async_generator`.
        stream
            ``False`` yields the whole text at once.
        loop
            Where the work runs, see `cromicle_magic.runtime.iterate`.
        """
        source = cls.create_async_generator(model, messages, stream=stream, **kwargs)
        return _texts(runtime.iterate(lambda: source, loop=loop), joined=not stream)

    @classmethod
    async def get_models(cls, **kwargs: Any) -> list[str]:
        """Return the names of the models that can be asked for."""
        return [cls.default_model] if cls.default_model else []

    @classmethod
    def refused(cls, model: str, options: Iterable[str]) -> dict[str, str]:
        """Return, for each of `options` (or ``"model"``) that cannot be honoured, a sentence that says so."""
        if cls.options is None:
            return {}
        return {
            option: f"{cls.__name__} cannot honour {option!r}; the answer was made without it."
            for option in options
            if option not in cls.options and option != "stream"
        }

    @classmethod
    def report_refused(cls, model: str, options: Iterable[str]) -> None:
        """Warn of all that `refused` names, at the line that called the caller of this method."""
        warn_of_options(cls.refused(model, options).values(), stacklevel=3)


def _texts(events: Generator[Event, None, None], joined: bool) -> Generator[str, None, None]:
    with closing(events):
        texts = (event for event in events if isinstance(event, str))
        yield from ["".join(texts)] if joined else texts


async def keeping_partial(events: AsyncGenerator[Event, None]) -> AsyncResult:
    """Yield `events`; a `ProviderError` among them leaves with the text that had come in ``partial``."""
    received: list[str] = []
    async with aclosing(events):
        try:
            async for event in events:
                if isinstance(event, str):
                    received.append(event)
                yield event
        except ProviderError as error:
            error.partial = "".join(received) + error.partial
            raise
