"""Tells an answer from a page or an error object that came in its place, without I/O.

A plain-text protocol has no frame around the answer, so a proxy's login page and a server's
``{"error": …}`` arrive looking like text. The beginning decides; text is held back only while it
could still become one of the two.
"""

from __future__ import annotations

import json
import re

from cromicle_magic.errors import UnexpectedContentError

MOST_HELD = 64 * 1024
"""Characters of a possible error object that are held back at most."""

_PAGES = ("<!doctype html", "<html")
_ERROR_OBJECT = re.compile(r'\s*\{\s*"error"\s*:')
_ERROR_BEGINS = re.compile(r'\s*(\{\s*("(e(r(r(o(r("\s*)?)?)?)?)?)?)?)?')


class AnswerSniffer:
    """Lets an answer through as it comes, and stops a page or an error object.

    Examples
    --------
    >>> sniffer = AnswerSniffer()
    >>> [sniffer.feed("<"), sniffer.feed("b> is a tag"), sniffer.feed("!"), sniffer.close()]
    ['', '<b> is a tag', '!', '']
    """

    def __init__(self) -> None:
        self._held: list[str] | None = []
        self._length = 0
        self._in_object = False

    def feed(self, text: str) -> str:
        """Return what is surely part of an answer.

        Raises
        ------
        UnexpectedContentError
            The text begins as an HTML page does.
        """
        if self._held is None:
            return text
        self._held.append(text)
        self._length += len(text)
        return "" if self._undecided() else self._release()

    def close(self) -> str:
        """Return what was held back.

        Raises
        ------
        UnexpectedContentError
            The whole text is a JSON object with an ``error``.
        """
        begun = self._release()
        if self._in_object and (message := _error_in(begun)):
            raise UnexpectedContentError(
                f"The provider sent an error instead of an answer: {message}.",
                "Check the request and the provider's settings.",
                partial=begun,
            )
        return begun

    def _undecided(self) -> bool:
        if self._in_object:
            return self._length <= MOST_HELD
        begun = "".join(self._held or ())
        if _is_page(begun):
            raise page_error(begun)
        self._in_object = bool(_ERROR_OBJECT.match(begun))
        return self._in_object or _may_be_page(begun) or bool(_ERROR_BEGINS.fullmatch(begun))

    def _release(self) -> str:
        begun, self._held = "".join(self._held or ()), None
        return begun


def _is_page(text: str) -> bool:
    return text.lstrip("\ufeff \t\r\n").lower().startswith(_PAGES)


def _may_be_page(text: str) -> bool:
    begun = text.lstrip("\ufeff \t\r\n").lower()
    return any(page.startswith(begun) for page in _PAGES)


def page_error(text: str) -> UnexpectedContentError:
    """Return the error for an HTML page in an answer's place."""
    return UnexpectedContentError(
        f"The provider sent a web page ({title_of(text)}) instead of an answer.",
        "Check the address: a login page, a proxy or a wrong path answers there.",
        partial=text,
    )


def title_of(page: str) -> str:
    """Return an HTML page's title, or ``"untitled"``."""
    found = re.search(r"<title[^>]*>(.*?)</title", page, re.IGNORECASE | re.DOTALL)
    return (found and found[1].strip()) or "untitled"


def message_of(body: str) -> str:
    """Return the message in an error body: its JSON's, a page's title, or the whole text."""
    if _is_page(body):
        return f"a web page ({title_of(body)})"
    return _error_in(body, "message", "detail") or body.strip()


def _error_in(body: str, *more_keys: str) -> str | None:
    try:
        value = json.loads(body)
    except ValueError:
        return None
    if not isinstance(value, dict):
        return None
    found = next((value[key] for key in ("error", *more_keys) if value.get(key)), None)
    if isinstance(found, dict):
        found = found.get("message") or json.dumps(found)
    return found if found is None or isinstance(found, str) else json.dumps(found)
