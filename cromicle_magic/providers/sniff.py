"""Tells an answer from a page or an error object that came in its place, without I/O.

A plain-text protocol has no frame around the answer, so a proxy's login page and a server's
``{"error": …}`` arrive looking like text. The declared type decides where it says ``html`` or
``json``; else the beginning does, unless the server forbids such guessing by
``X-Content-Type-Options: nosniff``. Text is held back only while it could still become one of the
two, and never without bound.
"""

from __future__ import annotations

import json
import re
from enum import Enum
from html import unescape

from cromicle_magic.errors import UnexpectedContentError

MOST_HELD = 64 * 1024
"""Characters of a page or a possible error object that are held back at most."""

_MOST_BLANK = 1024
_BLANK = "\ufeff \t\r\n"
_PAGES = ("<!doctype html", "<html")
_ERROR_OBJECT = re.compile(r'\{\s*"error"\s*:')
_ERROR_BEGINS = re.compile(r'(\{\s*("(e(r(r(o(r("\s*)?)?)?)?)?)?)?)?')
_TITLE = re.compile(r"<title[^>]{0,200}>([^<]*)", re.IGNORECASE)
_PAGE_TYPES = frozenset({"text/html", "application/xhtml+xml"})


class _Kind(Enum):
    UNDECIDED = "undecided"
    ANSWER = "answer"
    PAGE = "page"
    OBJECT = "object"


class AnswerSniffer:
    """Lets an answer through as it comes, and stops a page or an error object.

    Parameters
    ----------
    content_type
        The declared type, in lower case and without parameters.
    guess
        Whether the beginning of the text may decide.

    Examples
    --------
    >>> sniffer = AnswerSniffer()
    >>> [sniffer.feed("<"), sniffer.feed("b> is a tag"), sniffer.feed("!"), sniffer.close()]
    ['', '<b> is a tag', '!', '']
    """

    def __init__(self, content_type: str = "text/plain", guess: bool = True) -> None:
        self._json = content_type == "application/json" or content_type.endswith("+json")
        self._guess = guess
        self._kind = _Kind.PAGE if content_type in _PAGE_TYPES else _Kind.UNDECIDED
        self._held: list[str] = []
        self._length = 0

    def feed(self, text: str) -> str:
        """Return what is surely part of an answer.

        Raises
        ------
        UnexpectedContentError
            It is a page, and more of it has come than is held.
        """
        if self._kind is _Kind.ANSWER:
            return text
        self._held.append(text)
        self._length += len(text)
        if self._kind is _Kind.UNDECIDED:
            self._kind = self._look("".join(self._held))
        if self._kind is _Kind.ANSWER or self._length > MOST_HELD:
            return self.close()
        return ""

    def close(self) -> str:
        """Return what was held back.

        Raises
        ------
        UnexpectedContentError
            It is a page, or a JSON object with an ``error``.
        """
        begun, self._held = "".join(self._held), []
        kind, self._kind = self._kind, _Kind.ANSWER
        if kind is _Kind.PAGE:
            raise page_error(begun)
        if kind is _Kind.OBJECT and (message := _error_in(begun)):
            raise UnexpectedContentError(
                f"The provider sent an error instead of an answer: {message}.",
                "Check the request and the provider's settings.",
                partial=begun,
            )
        return begun

    def _look(self, text: str) -> _Kind:
        begun = text.lstrip(_BLANK)
        if self._json and begun.startswith("{"):
            return _Kind.OBJECT
        if not self._guess:
            return _Kind.UNDECIDED if self._json and not begun else _Kind.ANSWER
        if begun.lower().startswith(_PAGES):
            return _Kind.PAGE
        if _ERROR_OBJECT.match(begun):
            return _Kind.OBJECT
        still_open = self._length <= _MOST_BLANK and (_may_be_page(begun) or _ERROR_BEGINS.fullmatch(begun))
        return _Kind.UNDECIDED if still_open else _Kind.ANSWER


def _may_be_page(begun: str) -> bool:
    return any(page.startswith(begun.lower()) for page in _PAGES)


def page_error(text: str) -> UnexpectedContentError:
    """Return the error for an HTML page in an answer's place."""
    return UnexpectedContentError(
        f"The provider sent a web page ({title_of(text)}) instead of an answer.",
        "Check the address: a login page, a proxy or a wrong path answers there.",
        partial=text,
    )


def title_of(page: str) -> str:
    """Return an HTML page's title, or ``"untitled"``."""
    found = _TITLE.search(page)
    return (found and unescape(found[1]).strip()) or "untitled"


def message_of(body: str) -> str:
    """Return the message in an error body, without a full stop: its JSON's, a page's title, or the text."""
    begun = body.lstrip(_BLANK)
    if begun.lower().startswith(_PAGES):
        return f"a web page ({title_of(body)})"
    return _error_in(body, "message", "detail") or begun.rstrip(". \t\r\n")


def _error_in(body: str, *more_keys: str) -> str | None:
    try:
        value = json.loads(body.lstrip(_BLANK))
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    found = next((value[key] for key in ("error", *more_keys) if value.get(key)), None)
    if isinstance(found, dict):
        found = found.get("message") or found
    if found is None:
        return None
    message = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
    return message.strip().rstrip(".")
