"""The second wall: what our own HTML may consist of, whatever the renderer before it did."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from cromicle_magic.rendering.code import COLOURS
from cromicle_magic.rendering.math import CLASS, IGNORE

if TYPE_CHECKING:
    from nh3 import Cleaner

REL = "noopener noreferrer nofollow"
SCHEMES = frozenset({"http", "https", "mailto"})

_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
_INLINE = {"a", "br", "code", "del", "em", "img", "span", "strong", "sup"}
_TABLE = {"table", "tbody", "td", "th", "thead", "tr"}
TAGS = frozenset({"blockquote", "div", "hr", "li", "ol", "p", "pre", "ul"} | _HEADINGS | _INLINE | _TABLE)
_MARGINS = {"margin", "margin-bottom", "margin-top"}
_COLOURS = {f"--{name}" for name in COLOURS}
STYLES = frozenset(
    {"color", "font-size", "list-style", "overflow-wrap", "overflow-x", "text-align", "white-space"}
    | _MARGINS
    | _COLOURS
)
ATTRIBUTES = {
    "a": {"href", "title", "target"},
    "div": {"dir", "style"},
    "img": {"alt", "loading", "referrerpolicy", "src", "title"},
    "ol": {"dir", "start", "style"},
    "span": {"dir", "style"},
    "code": {"style"},
    **{name: {"dir"} for name in _HEADINGS},
    **{name: {"dir", "style"} for name in ("blockquote", "li", "p", "pre", "table", "td", "th", "ul")},
}
_CLASSES = {name: {*CLASS.split(), *IGNORE.split()} for name in ("div", "span")}


def _absolute(_: str, name: str, value: str) -> str | None:
    """Drop an address without a scheme: it would be one on the page's own server."""
    relative = name in ("href", "src") and value.partition(":")[0].lower() not in SCHEMES
    return None if relative else value


@cache
def _cleaner() -> Cleaner:
    import nh3

    return nh3.Cleaner(
        tags=set(TAGS),
        clean_content_tags={"script", "style"},
        attributes=ATTRIBUTES,
        allowed_classes=_CLASSES,
        filter_style_properties=set(STYLES),
        url_schemes=set(SCHEMES),
        link_rel=REL,
        attribute_filter=_absolute,
    )


def clean(html: str) -> str:
    """Return `html` without whatever is not on the lists of this module."""
    return _cleaner().clean(html)
