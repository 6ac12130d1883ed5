"""Tokens into HTML, from fixed pieces: the text ends up in text and link addresses, and nowhere else."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from html import escape

from markdown_it.token import Token

from cromicle_magic.rendering import code, links, math, parser
from cromicle_magic.rendering.sanitise import clean
from cromicle_magic.text import visible

_PAIRS = {
    "paragraph_open": '<p dir="auto">', "paragraph_close": "</p>\n",
    "bullet_list_close": "</ul>\n", "ordered_list_close": "</ol>\n", "list_item_close": "</li>\n",
    "blockquote_close": "</blockquote>\n", "hr": "<hr>\n",
    "table_close": "</table></div>\n", "thead_open": "<thead>", "thead_close": "</thead>\n",
    "tbody_open": "<tbody>", "tbody_close": "</tbody>\n", "tr_open": "<tr>", "tr_close": "</tr>\n",
    "th_close": "</th>", "td_close": "</td>",
    "em_open": "<em>", "em_close": "</em>", "strong_open": "<strong>", "strong_close": "</strong>",
    "s_open": "<del>", "s_close": "</del>", "hardbreak": "<br>\n",
}  # fmt: skip
CONTINUED = '<li dir="auto" style="list-style:none;margin:0">'
"""A list item that began in a piece before."""

_HEADINGS = {f"h{level}" for level in range(1, 7)}
_ALIGN = {f"text-align:{side}" for side in ("left", "center", "right")}
_STEP = 4000
_TASKS = {"[ ] ": "☐ ", "[x] ": "☑ ", "[X] ": "☑ "}


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


def html_of(tokens: Sequence[Token], look: Look) -> str:
    """Return the safe HTML of whole blocks, without the element around an answer."""
    return "".join(steps(tokens, look))


def steps(tokens: Sequence[Token], look: Look) -> Iterator[str]:
    """Yield "" while at work, after each text that is long, and the safe HTML of whole blocks at the end."""
    html, work = [], 0
    for piece in _blocks(tokens, look):
        html.append(piece)
        work += len(piece)
        if work > _STEP:
            yield ""
            work = 0
    yield clean("".join(html))


def _blocks(tokens: Sequence[Token], look: Look) -> Iterator[str]:
    for index, token in enumerate(tokens):
        if token.type == "inline":
            if _begins_item(tokens, index):
                yield _TASKS[token.content[:4]]
                token.content = token.content[4:]
            yield from _text(token, look)
        elif token.hidden:
            continue
        elif token.type.endswith("list_open") or token.type in ("blockquote_open", "table_open"):
            yield _container(tokens, index)
        elif token.type == "list_item_open":
            yield _item(tokens, index)
        else:
            yield _block(token, look)


def _block(token: Token, look: Look) -> str:
    match token.type:
        case "heading_open" | "heading_close" if token.tag in _HEADINGS:
            return f'<{token.tag} dir="auto">' if token.nesting > 0 else f"</{token.tag}>\n"
        case "th_open" | "td_open":
            align = token.attrGet("style")
            style = f' style="{align}"' if align in _ALIGN else ""
            return f'<{token.tag[:2]} dir="auto"{style}>'
        case "fence" | "code_block":
            return code.html_of(token.content, (token.info.split() or [""])[0]) + "\n"
        case "math_block":
            return math.html_of(token.content, block=True) + "\n"
        case "math_open":
            return f'<div dir="ltr">{escape(visible(token.content))}</div>\n'
        case "footnote_reference_open":
            return f'<div dir="auto"><sup>[{look.number(token.meta["label"])}]</sup> '
        case "footnote_reference_close":
            return "</div>\n"
    return _PAIRS.get(token.type, "")


def _container(tokens: Sequence[Token], index: int) -> str:
    token = tokens[index]
    side = ' dir="rtl"' if _reads_from_the_right(tokens[index + 1 :]) else ""
    if token.type == "table_open":
        return f'<div style="overflow-x:auto;overflow-wrap:normal"><table{side}>\n'
    if token.type == "blockquote_open":
        return f"<blockquote{side}>\n"
    start = token.attrGet("start")
    number = f' start="{int(start)}"' if start is not None else ""
    return f"<ol{side}{number}>\n" if token.type == "ordered_list_open" else f"<ul{side}>\n"


def _reads_from_the_right(tokens: Sequence[Token]) -> bool:
    """Tell by the first letter: lists, quotes and tables have their markers on that side."""
    first = next((token.content for token in tokens if token.type == "inline" and token.content), "")
    kinds = (unicodedata.bidirectional(letter) for letter in first[:200])
    return next((kind for kind in kinds if kind in ("L", "R", "AL")), "L") != "L"


def _item(tokens: Sequence[Token], index: int) -> str:
    if tokens[index].meta.get("continued"):
        return CONTINUED
    bare = _task(tokens, index + 2)
    return '<li dir="auto" style="list-style:none">' if bare else '<li dir="auto">'


def _task(tokens: Sequence[Token], index: int) -> bool:
    return tokens[index : index + 1] != [] and tokens[index].content[:4] in _TASKS


def _begins_item(tokens: Sequence[Token], index: int) -> bool:
    return index > 1 and tokens[index - 2].type == "list_item_open" and _task(tokens, index)


def _text(token: Token, look: Look) -> Iterator[str]:
    for part in parser.parts(token.content):
        yield "".join(inline_html(parser.inline(part, look.env), look))


@dataclass
class _Link:
    href: str
    title: str
    html: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)


def inline_html(tokens: Iterable[Token], look: Look) -> list[str]:
    """Return the pieces of HTML of a block's text."""
    open_links = [_Link("", "")]
    for token in tokens:
        if token.type == "link_open":
            open_links.append(_Link(str(token.attrGet("href")), str(token.attrGet("title") or "")))
        elif token.type == "link_close" and len(open_links) > 1:
            link = open_links.pop()
            open_links[-1].html.append(_anchor(link))
            open_links[-1].text += link.text
        else:
            open_links[-1].html.append(_span(token, look, inside=len(open_links) > 1))
            open_links[-1].text.append(plain(token))
    return [piece for link in open_links for piece in link.html]


def _anchor(link: _Link) -> str:
    return links.anchor(link.href, "".join(link.html), "".join(link.text), link.title)


def plain(token: Token) -> str:
    """Return what a reader sees of an inline token."""
    if token.type == "image":
        return "".join(map(plain, token.children or []))
    return token.content or (" " if token.type.endswith("break") else "")


def _span(token: Token, look: Look, *, inside: bool) -> str:
    match token.type:
        case "text" | "text_special":
            return _shown(token.content)
        case "softbreak":
            return "\n"
        case "code_inline":
            return f"<code>{_shown(token.content)}</code>"
        case "math_inline":
            return math.html_of(token.content)
        case "image":
            return _image(token, look, inside=inside)
        case "footnote_ref":
            return f"<sup>[{look.number(token.meta['label'])}]</sup>"
    return _PAIRS.get(token.type, "")


def _shown(text: str) -> str:
    return escape(text if text.isprintable() else visible(text))


def _image(token: Token, look: Look, *, inside: bool) -> str:
    """Nothing is fetched unasked: an address can carry what the model was told out of the house."""
    href, alt = str(token.attrGet("src")), plain(token)
    if not links.allowed(href):
        return _shown(alt)
    if look.images and href.lower().startswith("https:"):
        return f'<img src="{escape(href)}" alt="{_shown(alt)}" loading="lazy" referrerpolicy="no-referrer">'
    address = links.readable(href)
    text = f"{alt} ({address})" if alt.strip() else address
    return _shown(text) if inside else links.anchor(href, _shown(text), address)
