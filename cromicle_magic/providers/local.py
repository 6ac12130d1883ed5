"""A small model inside the process: no key, no service, no network."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import aclosing
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from cromicle_magic.errors import (
    ConfigurationError,
    ContextLengthError,
    ProviderError,
    TruncatedError,
    UsageError,
)
from cromicle_magic.messages import (
    AsyncResult,
    Event,
    FinishReason,
    Messages,
    Reasoning,
    Usage,
    as_messages,
    with_system,
)
from cromicle_magic.providers import engine, weights
from cromicle_magic.providers.base import AsyncGeneratorProvider, keeping_partial

TEMPERATURE = 0.2
"""What the model card of SmolLM2-135M-Instruct samples with; a model so small rambles with more."""


class Local(AsyncGeneratorProvider):
    """SmolLM2-135M-Instruct, or any chat model in a GGUF file, run by xllamacpp in this process.

    The default model is for demonstrations, tests and plumbing: English only, weak in knowledge,
    arithmetic and code. Two requests run at once, others wait; a request has a context of 4096
    tokens. An answer can be empty.

    Needs ``pip install "cromicle_magic[local]"`` and, for the default model, ``cromicle pull``.
    """

    working = True
    supports_message_history = True
    supports_system_message = True
    default_model = "smollm2-135m-instruct"
    # Without one the model's own template says that it is "SmolLM, trained by Hugging Face".
    default_system = "You are a helpful assistant."
    options = frozenset({"temperature", "top_p", "seed", "max_tokens", "stop"})

    @classmethod
    def create_async_generator(
        cls, model: str, messages: Messages, proxy: str | None = None, **kwargs: Any
    ) -> AsyncResult:
        """Return an asynchronous generator of the answer.

        Parameters
        ----------
        model
            ``""``, ``"auto"`` or `default_model`: the weights that ``cromicle pull`` fetched; else the
            path of a GGUF file, also relative or with ``~``.
        messages
            The conversation; `default_system` stands before it unless it has a system message.
        proxy
            Reported by an `OptionWarning`: nothing goes over the network.
        temperature : float, default 0.2
            From 0, the likeliest token each time, to 100.
        top_p : float, default 0.95
            From 0 to 1.
        seed : int
            From 0 to 4294967294; the same request with the same seed has the same answer.
        max_tokens : int, default 512
            At least 1.
        stop : str or list of str
            The answer ends before the first of them.

        Yields
        ------
        str, Reasoning, FinishReason, Usage
            Text as it comes, then ``FinishReason("stop")`` or ``FinishReason("length")``, then `Usage`.

        Raises
        ------
        UsageError, MessageError, ConfigurationError
            At the call: an option or message that cannot be sent, engine or weights missing. A file
            that cannot be loaded is a `ConfigurationError` while iterating.
        ContextLengthError
            While iterating: the messages do not fit in the context.
        ProviderError
            While iterating, for anything else.
        """
        request = {
            "messages": with_system(as_messages(messages), cls.default_system),
            "stream_options": {"include_usage": True},
            "temperature": TEMPERATURE,
            **_sampling(kwargs),
        }
        cls.report_refused(model, kwargs if proxy is None else [*kwargs, "proxy"])
        runner = engine.engine_of(_file_of(model))
        return keeping_partial(_stream(runner, request))


async def _stream(runner: engine.Engine, request: dict[str, Any]) -> AsyncResult:
    finished = False
    async with aclosing(runner.chunks(request)) as chunks:
        async for chunk in chunks:
            for event in _events_of(chunk):
                finished = finished or isinstance(event, FinishReason)
                yield event
    if not finished:
        raise TruncatedError("The engine broke off before the answer's end.", "Ask again.")


def _events_of(chunk: dict[str, Any]) -> Iterator[Event]:
    if "error" in chunk:
        raise _error_of(chunk["error"])
    for choice in chunk.get("choices", ()):
        delta = choice.get("delta", {})
        if thought := delta.get("reasoning_content"):
            yield Reasoning(thought)
        if text := delta.get("content"):
            yield text
        if reason := choice.get("finish_reason"):
            yield FinishReason(reason)
    if usage := chunk.get("usage"):
        yield Usage(usage["prompt_tokens"], usage["completion_tokens"])


def _error_of(error: dict[str, Any]) -> ProviderError:
    if error.get("type") == "exceed_context_size_error":
        return ContextLengthError(
            f"The prompt has {error['n_prompt_tokens']} tokens; the model takes {error['n_ctx']}.",
            "Shorten it, or the conversation before it.",
        )
    return ProviderError(f"The engine refused the request: {error.get('message', error)}.")


def _file_of(model: str) -> Path:
    default = model in ("", "auto", Local.default_model)
    file = weights.find() if default else _gguf(model)
    if not engine.is_installed():
        raise ConfigurationError(
            "The local model's engine is not installed.",
            'Run `pip install "cromicle_magic[local]"`'
            + ("" if file else " and `cromicle pull`")
            + "; in a notebook, with % in front.",
        )
    if file is None:
        raise ConfigurationError(
            "The local model's weights are not here yet.",
            "Run `cromicle pull` once, or in a notebook `%cromicle pull`.",
        )
    return file


def _gguf(model: str) -> Path:
    file = Path(os.path.expanduser(model))
    try:
        with file.open("rb") as content:
            begun = content.read(4)
    except (OSError, ValueError):
        raise ConfigurationError(
            f"There is no local model and no file {model!r}.",
            f"Name the path of a GGUF file, or {Local.default_model!r}.",
        ) from None
    if begun != b"GGUF":
        raise ConfigurationError(f"{model} is not a GGUF file.", "Name the path of one.")
    return file.resolve()


def _sampling(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options the engine is given, checked: it ignores some wrong values in silence."""
    given = {}
    for name, (as_sent, description) in _SAMPLING.items():
        if (value := options.get(name)) is None:
            continue
        try:
            given[name] = as_sent(value)
        except (TypeError, ValueError, OverflowError):
            raise UsageError(f"{name} is {value!r:.80}.", f"It must be {description}.") from None
    return given


def _number(value: Any, low: float, high: float) -> float:
    if not isinstance(value, Real) or isinstance(value, bool) or not low <= float(value) <= high:
        raise ValueError
    return float(value)


def _whole(value: Any, low: int, high: int) -> int:
    if not isinstance(value, Integral) or isinstance(value, bool) or not low <= int(value) <= high:
        raise ValueError
    return int(value)


def _stop(value: Any) -> list[str]:
    texts = [value] if isinstance(value, str) else list(value)
    if not all(isinstance(text, str) and text and text.encode() for text in texts):
        raise ValueError
    return texts


_Rule = tuple[Callable[[Any], Any], str]
_SAMPLING: dict[str, _Rule] = {
    "temperature": (lambda value: _number(value, 0, 100), "a number from 0 to 100"),
    "top_p": (lambda value: _number(value, 0, 1), "a number from 0 to 1"),
    # The engine takes 2**32 - 1, and each negative number, for "choose one at random".
    "seed": (lambda value: _whole(value, 0, 2**32 - 2), "a whole number from 0 to 4294967294"),
    "max_tokens": (lambda value: _whole(value, 1, 2**31 - 1), "a whole number from 1 on"),
    "stop": (_stop, "a text or a list of texts, none of them empty"),
}
