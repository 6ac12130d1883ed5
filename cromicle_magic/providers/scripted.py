"""The fake that ships: answers by a script, for tests, notebooks and demonstrations."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from copy import copy
from typing import Any, ClassVar

from cromicle_magic.errors import ProviderError
from cromicle_magic.messages import (
    AsyncResult,
    Event,
    FinishReason,
    Messages,
    Usage,
    as_messages,
    text_of,
)
from cromicle_magic.providers.base import AsyncGeneratorProvider, keeping_partial

Script = str | Sequence[Event]
_WORD = re.compile(r"\s*\S+\s*")


class Scripted(AsyncGeneratorProvider):
    """Answers by a script, the same each time, without a network.

    Without a script it repeats the last message; `playing` makes a provider with one. Sampling
    options are recorded in `calls`; of them only ``max_tokens`` changes the answer: it counts words.

    Attributes
    ----------
    replies : sequence of str or of events, or callable
        What is answered, one reply per call, the last one from then on; or a function of the
        messages. A string comes word by word with its usage after it, a sequence event by event.
    first_delay, delay : float
        Seconds before the first event and before each next one.
    fail_at : int or None
        How many events come, at most, before `error` is raised; ``None``: it is not.
    error : Exception
        What is raised there, a copy each time.
    calls : list of (model, messages, options)
        What was asked so far.

    Examples
    --------
    >>> Fake = Scripted.playing("Hello there!", "Bye.")
    >>> list(Fake.create_completion("", [{"role": "user", "content": "Hi"}]))
    ['Hello ', 'there!']
    """

    working = True
    supports_message_history = True
    supports_system_message = True
    default_model = "script"
    options = frozenset({"temperature", "top_p", "seed", "max_tokens", "stop"})

    replies: ClassVar[Sequence[Script] | Callable[[Messages], Script]] = staticmethod(
        lambda messages: text_of(messages[-1]["content"])
    )
    first_delay: ClassVar[float] = 0.0
    delay: ClassVar[float] = 0.0
    fail_at: ClassVar[int | None] = None
    error: ClassVar[Exception] = ProviderError("The script fails here.")
    calls: ClassVar[list[tuple[str, Messages, dict[str, Any]]]] = []

    @classmethod
    def playing(cls, *replies: Script | Callable[[Messages], Script], **attributes: Any) -> type[Scripted]:
        """Return a provider of its own that plays `replies`, other class attributes given by keyword."""
        script: Any = staticmethod(replies[0]) if replies and callable(replies[0]) else replies
        own = {"replies": script} if replies else {}
        return type("Scripted", (cls,), {"calls": [], **own, **attributes})

    @classmethod
    def create_async_generator(
        cls, model: str, messages: Messages, proxy: str | None = None, **kwargs: Any
    ) -> AsyncResult:
        """Return an asynchronous generator of the script."""
        asked = as_messages(messages)
        cls.report_refused(model, kwargs)
        reply = (
            cls.replies(asked)
            if callable(cls.replies)
            else cls.replies[min(len(cls.calls), len(cls.replies) - 1)]
        )
        cls.calls.append((model, asked, kwargs))
        events = _word_by_word(reply, asked, kwargs.get("max_tokens")) if isinstance(reply, str) else reply
        return keeping_partial(cls._play(events))

    @classmethod
    async def _play(cls, events: Sequence[Event]) -> AsyncResult:
        failures = [] if cls.fail_at is None else [copy(cls.error)]
        delay = cls.first_delay
        for event in [*events[: cls.fail_at], *failures]:
            await asyncio.sleep(delay)
            if isinstance(event, Exception):
                raise event
            yield event
            delay = cls.delay


def _word_by_word(reply: str, asked: Messages, most: int | None) -> list[Event]:
    words = _WORD.findall(reply)
    kept = words[:most]
    usage = Usage(sum(len(text_of(message["content"]).split()) for message in asked), len(kept))
    return [*kept, FinishReason("stop" if kept == words else "length"), usage]
