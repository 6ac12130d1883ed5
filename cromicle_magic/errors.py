"""What can go wrong, as one tree.

    CromicleError
    ├── RequestError                   your request is wrong; nothing was sent
    │   ├── UsageError                 an unknown flag, a malformed value
    │   ├── MessageError               messages that cannot be sent (also a ValueError)
    │   └── ConfigurationError         a setting, file or package is missing
    │       └── UnknownProviderError   no provider of that name
    └── ProviderError                  their answer is wrong; what came is in `partial`
        ├── ConnectionFailedError      refused, name not found, TLS (also a ConnectionError)
        ├── ProviderTimeoutError       nothing came in time (also a TimeoutError)
        ├── StatusError                an HTTP status that is not a success
        │   ├── RedirectError          300 to 399; never followed
        │   ├── AuthenticationError    401, 403
        │   ├── NotFoundError          404
        │   ├── ContextLengthError     413, or the provider says the prompt is too long
        │   └── RateLimitError         429
        ├── UnexpectedContentError     a page or an error object where an answer was expected
        ├── EmptyAnswerError           a success without a single character
        └── TruncatedError             the answer broke off

    KeyboardInterrupt
    └── CromicleInterrupted            the user stopped; `reply` keeps what came. Not an error.

    UserWarning
    └── OptionWarning                  an option the provider cannot honour

IPython shows each of them as one line without a traceback (`_render_traceback_`).
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable
from typing import Any

from cromicle_magic.text import one_line

_PACKAGE = __name__.partition(".")[0]


class _OneLine:
    def _render_traceback_(self) -> list[str]:
        """Tell IPython to show one line; `%tb` and `%debug` still have the traceback."""
        return [f"{type(self).__name__}: {self}"]


class CromicleError(_OneLine, Exception):
    """The base of every error of this package.

    Parameters
    ----------
    message
        What happened, in one sentence.
    hint
        What to do next, in one sentence.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        self.message = one_line(message, 600)
        self.hint = one_line(hint, 600)
        super().__init__(" ".join(filter(None, (self.message, self.hint))))


class RequestError(CromicleError):
    """The request is wrong; nothing was sent."""


class UsageError(RequestError):
    """An unknown flag or a malformed value."""


class MessageError(RequestError, ValueError):
    """Messages that cannot be sent: none at all, a wrong shape, text that is not valid Unicode."""


class ConfigurationError(RequestError):
    """A setting, a file or a package is missing."""


class UnknownProviderError(ConfigurationError):
    """No provider of that name."""


class ProviderError(CromicleError):
    """The provider's answer is wrong or did not come.

    Attributes
    ----------
    partial : str
        The text that had arrived; empty when nothing had.
    http_status : int or None
        The HTTP status, where there was one.
    request_id : str or None
        The provider's own name for the request, where it gave one.
    """

    def __init__(
        self,
        message: str,
        hint: str = "",
        *,
        partial: str = "",
        http_status: int | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, hint)
        self.partial = partial
        self.http_status = http_status
        self.request_id = request_id


class ConnectionFailedError(ProviderError, ConnectionError):
    """No connection came about: refused, name not found, TLS failed."""


class ProviderTimeoutError(ProviderError, TimeoutError):
    """The connection, the first byte or the next byte did not come in time."""


class StatusError(ProviderError):
    """The provider answered with an HTTP status that is not a success."""


class RedirectError(StatusError):
    """The provider redirected; prompts and keys never follow a redirect."""


class AuthenticationError(StatusError):
    """401 or 403: the key, the token or the permission is missing or wrong."""


class NotFoundError(StatusError):
    """404: no such model or no such address."""


class ContextLengthError(StatusError):
    """The prompt is longer than the model's context."""


class RateLimitError(StatusError):
    """429: too many requests."""


class UnexpectedContentError(ProviderError):
    """A web page or an error object came where an answer was expected."""


class EmptyAnswerError(ProviderError):
    """A success without a single character."""


class TruncatedError(ProviderError):
    """The answer broke off before its end."""


class CromicleInterrupted(_OneLine, KeyboardInterrupt):
    """The user stopped the answer.

    Attributes
    ----------
    reply : cromicle_magic.Reply
        What had arrived, with status ``"stopped"``.
    """

    def __init__(self, reply: Any) -> None:
        super().__init__(reply)
        self.reply = reply

    def __str__(self) -> str:
        return f"stopped after {len(self.reply.text)} characters; the text is kept."


class OptionWarning(UserWarning):
    """An option that the provider cannot honour."""


def warn_of_options(notes: Iterable[str], stacklevel: int = 1) -> None:
    """Give an `OptionWarning` for each of `notes`, at the line outside this package that led here.

    The same request comes by `ask`, by `Chat.ask`, by a provider's own methods, each at another
    depth: no fixed ``stacklevel`` would do. `stacklevel` is where the search begins.
    """
    frame = sys._getframe(stacklevel)
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == _PACKAGE:
        stacklevel, frame = stacklevel + 1, frame.f_back
    for note in notes:
        warnings.warn(note, OptionWarning, stacklevel=stacklevel + 1)
