"""Which addresses may be followed, and what a reader must see of them."""

from __future__ import annotations

import re
from html import escape
from urllib.parse import unquote, urlsplit

from cromicle_magic.rendering.sanitise import REL
from cromicle_magic.text import visible

# Printable ASCII: by then the parser has escaped all else, and blanks and controls hide a scheme.
_SAFE = re.compile(r"(?:https?://[^\s/?#\\]|mailto:[^\s])[!#-;=?-\[\]_a-z~%]*", re.IGNORECASE | re.ASCII)
_HOST = re.compile(
    r"(?:[a-z][a-z0-9+.-]*:/*)?(?:[^\s/@]*@)?((?:[\w-]+[.\u3002\uff0e\uff61])+[\w-]{2,})", re.I
)


def allowed(href: str) -> bool:
    """Tell whether a browser may follow `href`: http, https, mailto, nothing hidden in it."""
    return _SAFE.fullmatch(href) is not None and bool(_host(href))


def anchor(href: str, label: str, text: str, title: str = "") -> str:
    """Return a link that opens in a page of its own, or `label` alone if it may not be followed.

    Parameters
    ----------
    href
        The address as the parser escaped it.
    label
        Safe HTML to be shown.
    text
        The same as plain text: if it looks like an address of another host, the real host is shown.
    title
        What appears when the pointer rests on the link.
    """
    if not allowed(href):
        return label
    shown = label if text.strip() else escape(readable(href))
    name = f' title="{escape(visible(title))}"' if title else ""
    return (
        f'<a href="{escape(href)}"{name} target="_blank" rel="{REL}">{shown}</a>{escape(beware(href, text))}'
    )


def readable(href: str) -> str:
    """Return `href` with its escapes resolved where that deceives nobody: not in the host."""
    start, slashes, rest = href.partition("://")
    host, slash, path = rest.partition("/")
    return visible(start + slashes + host + slash + unquote(path)) if slashes else visible(unquote(href))


def _host(href: str) -> str:
    try:
        parts = urlsplit(href)
        _ = parts.port
    except ValueError:
        return ""
    if parts.scheme.lower() == "mailto":
        return parts.path.rpartition("@")[2].lower()
    return parts.hostname or ""


def beware(href: str, text: str) -> str:
    """Return what must be said behind a link whose `text` reads like an address: where it really leads."""
    host = _host(href)
    claimed = _HOST.match(text.strip())
    disguised = "@" in urlsplit(href).netloc
    if disguised or (claimed and _bare(claimed[1]) != _bare(host)):
        return f" ({host})"
    return ""


def _bare(host: str) -> str:
    return host.lower().removeprefix("www.")
