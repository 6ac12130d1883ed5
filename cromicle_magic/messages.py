"""Messages, and what a provider yields: plain values, compared by ``==``."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypedDict

from cromicle_magic.errors import MessageError

Content = str | None | list[dict[str, Any]]


class Message(TypedDict):
    """One message of a conversation: who speaks and what.

    A plain dict in OpenAI's form, so any provider of the g4f contract takes it as it is.

    Examples
    --------
    >>> Message(role="user", content="Hello")
    {'role': 'user', 'content': 'Hello'}
    """

    role: str
    content: Content


Messages = list[Message]


@dataclass(frozen=True, slots=True)
class Usage:
    """How many tokens the exchange took, as the provider counts them."""

    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        """Tokens of prompt and completion together."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class FinishReason:
    """Why the answer ended.

    ``"stop"`` and ``"length"`` as in OpenAI's API; ``"unknown"`` where the transport cannot tell an
    end from a break (a body that ends only by closing the connection).
    """

    reason: Literal["stop", "length", "content_filter", "unknown"] | str


@dataclass(frozen=True, slots=True)
class Reasoning:
    """A piece of the model's reasoning, apart from the answer."""

    text: str


Event = str | Usage | FinishReason | Reasoning
AsyncResult = AsyncGenerator[Event, None]

_EVENTS: dict[str, type[Usage | FinishReason | Reasoning]] = {
    "usage": Usage,
    "finish_reason": FinishReason,
    "reasoning": Reasoning,
}


def event_to_json(event: Event) -> Any:
    """Return `event` as a JSON value: text as a string, the rest as an object with one key.

    Examples
    --------
    >>> event_to_json(Usage(3, 4))
    {'usage': {'prompt_tokens': 3, 'completion_tokens': 4}}
    """
    if isinstance(event, str):
        return event
    for name, kind in _EVENTS.items():
        if isinstance(event, kind):
            return {name: asdict(event)}
    raise TypeError(f"a {type(event).__name__} is not an event")


def event_from_json(value: Any) -> Event:
    """Return the event that `event_to_json` made `value` from.

    Raises
    ------
    ValueError
        `value` is no such value.
    """
    if isinstance(value, str):
        return value
    try:
        ((name, fields),) = value.items()
        return _EVENTS[name](**fields)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise ValueError(f"{value!r:.80} is not an event") from None


def text_of(content: Content) -> str:
    """Return the text of a message's content.

    ``None`` is the empty text; a list of ``text`` parts is those texts joined, one part alone its text.

    Raises
    ------
    MessageError
        For any other content, and for a part that is not text.
    """
    if content is None:
        return ""
    if isinstance(content, str | Mapping):
        return _text_of_part(content)
    if isinstance(content, list | tuple):
        return "".join(map(_text_of_part, content))
    raise MessageError(
        f"A message's content is a {type(content).__name__}.", "Give a string or a list of text parts."
    )


def _text_of_part(part: Any) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, Mapping) and part.get("type", "text") == "text" and isinstance(part.get("text"), str):
        return str(part["text"])
    kind = part.get("type") if isinstance(part, Mapping) else type(part).__name__
    raise MessageError(f"This provider takes only text, not a part of type {kind!r}.", "Remove that part.")


def as_messages(prompt: str | Sequence[Mapping[str, Any]]) -> Messages:
    """Return `prompt` as messages whose contents are plain text, or say what is wrong with it.

    Parameters
    ----------
    prompt
        One user message as a string, or a list of messages.

    Raises
    ------
    MessageError
        No messages, a message without role or content, a content that is not text, or a lone
        surrogate, which UTF-8 cannot carry.
    """
    if isinstance(prompt, str):
        prompt = [Message(role="user", content=prompt)]
    if isinstance(prompt, Mapping | bytes) or not isinstance(prompt, Iterable):
        raise MessageError(
            f"A prompt is a string or a list of messages, not a {type(prompt).__name__}.",
            "Put a single message into a list.",
        )
    messages = [_as_message(message) for message in prompt]
    if not messages:
        raise MessageError("There is no message to send.", "Give at least one.")
    for message in messages:
        _check_unicode(message["role"])
        _check_unicode(text_of(message["content"]))
    return messages


def with_system(messages: Messages, system: str | None) -> Messages:
    """Return `messages` with `system` in front, unless one of them is a system message already."""
    if not system or any(message["role"] == "system" for message in messages):
        return messages
    return [Message(role="system", content=system), *messages]


def _as_message(message: Mapping[str, Any]) -> Message:
    if (
        not isinstance(message, Mapping)
        or not isinstance(message.get("role"), str)
        or "content" not in message
    ):
        raise MessageError("A message is a dict with 'role' and 'content'.", f"Got {message!r:.80}.")
    return Message(role=message["role"], content=text_of(message["content"]))


def _check_unicode(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise MessageError(
            f"The prompt has a lone surrogate (U+{ord(text[error.start]):04X}) at character {error.start}.",
            "Remove it: UTF-8 cannot carry it.",
        ) from None


def format_prompt(
    messages: Sequence[Mapping[str, Any]],
    add_special_tokens: bool = False,
    do_continue: bool = False,
    include_system: bool = True,
) -> str:
    """Return a conversation as one text, by the rules of the provider contract.

    One message alone is its content, verbatim. Several become lines ``Role: content`` and a last
    ``Assistant:`` for the model to go on from; blank messages are left out. Contents are neither
    stripped nor escaped, so a line of a content can look like another speaker's: where that
    matters, use a provider that takes messages.

    Parameters
    ----------
    messages
        The conversation, oldest first.
    add_special_tokens
        Use the form with roles for a single message too.
    do_continue
        Leave the last ``Assistant:`` out.
    include_system
        Keep system and developer messages.

    Raises
    ------
    MessageError
        There is no message, or one without role or content, or whose content is not text.

    Examples
    --------
    >>> format_prompt([Message(role="system", content="S"), Message(role="user", content="Hello")])
    'System: S\\nUser: Hello\\nAssistant:'
    """
    if not messages:
        raise MessageError("There is no message to send.", "Give at least one.")
    spoken = [(said["role"], text_of(said["content"])) for said in map(_as_message, messages)]
    if len(spoken) == 1 and not add_special_tokens:
        return spoken[0][1]
    lines = [
        f"{role.capitalize()}: {content}"
        for role, content in spoken
        if content.strip() and (include_system or role not in ("system", "developer"))
    ]
    return "\n".join(lines) + ("" if do_continue else "\nAssistant:")
