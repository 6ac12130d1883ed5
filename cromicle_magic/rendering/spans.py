"""The text of a block into HTML: emphasis, links, code, formulas."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape

from markdown_it.token import Token

from cromicle_magic.rendering import links, math, parser
from cromicle_magic.text import visible

_FIXED = {
    "em_open": "<em>",
    "em_close": "</em>",
    "strong_open": "<strong>",
    "strong_close": "</strong>",
    "s_open": "<del>",
    "s_close": "</del>",
    "softbreak": "\n",
    "hardbreak": "<br>\n",
}


@dataclass
class Look:
    """What the pieces of one answer share.

    Attributes
    ----------
    env : mapping
        The parser's: link definitions under ``references``; under ``notes`` the defined footnotes, where
        they are known: without it each reference is taken for one.
    images : bool
        Whether https images are loaded.
    numbers : dict
        Footnote labels and their numbers, in the order of their first use.
    """

    env: parser.Env = field(default_factory=dict)
    images: bool = False
    numbers: dict[str, int] = field(default_factory=dict)

    def number(self, label: str) -> int:
        """Return the number of a footnote; a new one if it is used for the first time."""
        return self.numbers.setdefault(label, len(self.numbers) + 1)


@dataclass
class _Link:
    href: str
    title: str
    html: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)

    def anchor(self) -> str:
        return links.anchor(self.href, "".join(self.html), "".join(self.text), self.title)


def html_of(text: str, look: Look) -> str:
    """Return the HTML of a block's text."""
    return _joined(parser.inline(text, look.env), look)


def shown(text: str) -> str:
    """Return `text` for HTML, with what is invisible made visible."""
    return escape(text if text.isprintable() else visible(text))


def _joined(tokens: Iterable[Token], look: Look) -> str:
    around = [_Link("", "")]
    for token in tokens:
        if token.type == "link_open":
            around.append(_Link(str(token.attrGet("href")), str(token.attrGet("title") or "")))
        elif token.type == "link_close" and len(around) > 1:
            link = around.pop()
            around[-1].html.append(link.anchor())
            around[-1].text += link.text
        else:
            around[-1].html.append(_span(token, look, inside=len(around) > 1))
            around[-1].text.append(plain(token))
    return "".join(piece for link in around for piece in link.html)


def plain(token: Token) -> str:
    """Return what a reader sees of a token of text."""
    if token.type == "image":
        return "".join(map(plain, token.children or []))
    return token.content or (" " if token.type.endswith("break") else "")


def _span(token: Token, look: Look, *, inside: bool) -> str:
    match token.type:
        case "text" | "text_special":
            return shown(token.content)
        case "code_inline":
            return f"<code>{shown(token.content)}</code>"
        case "math_inline":
            return math.html_of(token.content)
        case "image":
            return _image(token, look, inside=inside)
        case "footnote_ref":
            return f"<sup>[{look.number(token.meta['label'])}]</sup>"
    return _FIXED.get(token.type, "")


def _image(token: Token, look: Look, *, inside: bool) -> str:
    """Nothing is fetched unasked: an address can carry what the model was told out of the house."""
    href, alt = str(token.attrGet("src")), plain(token)
    if not links.allowed(href):
        return shown(alt)
    if look.images and href.lower().startswith("https:"):
        return f'<img src="{escape(href)}" alt="{shown(alt)}" loading="lazy" referrerpolicy="no-referrer">'
    address = links.readable(href)
    text = f"{alt} ({address})" if alt.strip() else address
    return shown(text) if inside else links.anchor(href, shown(text), address)
