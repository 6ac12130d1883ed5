"""The text of a block as Markdown in its simplest form."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from markdown_it.token import Token

from cromicle_magic.rendering import links, math, parser
from cromicle_magic.rendering.spans import Look, plain
from cromicle_magic.text import visible

_SPECIAL = re.compile(r"[&<>`\[\]*_{}#+!|~^=:@-]|(?<=\d)[.)]")
# A backslash or two dollars in the page could begin a formula, however they were escaped; not in code.
_DELIMITER = re.compile(r"(?:\\+[A-Za-z]*|\$+(?:[\w.,]*\w)?)+")
# A reference begins nothing in any program; a backslash is easier to read.
_REFERENCES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "`": "&#96;", "[": "&#91;", "]": "&#93;"}
_BLANKS = re.compile(r"[\s\x1c-\x1f]+")
_SIMPLE_TEX = re.compile(r"[\w\s\\{}^+=().,;:/'*-]*", re.ASCII)
_PLAIN_HREF = re.compile(r"[^\w:/?#@=+,.;%~-]", re.ASCII)
_MARKS = {
    "em_open": "*",
    "em_close": "*",
    "strong_open": "**",
    "strong_close": "**",
    "s_open": "~~",
    "s_close": "~~",
}


@dataclass
class _Link:
    href: str
    parts: list[str]
    text: list[str]


def text(source: str, look: Look, *, cell: bool = False) -> str:
    """Return a block's text; in the cell of a table, on one line."""
    around = [_Link("", [], [])]
    for token in (token for part in parser.parts(source) for token in parser.inline(part, look.env)):
        if token.type == "link_open":
            around.append(_Link(str(token.attrGet("href")), [], []))
        elif token.type == "link_close" and len(around) > 1:
            link = around.pop()
            around[-1].parts.append(_anchor(link.href, _apart(link.parts), "".join(link.text)))
            around[-1].text += link.text
        else:
            around[-1].parts += _span(token, look, cell=cell, inside=len(around) > 1)
            around[-1].text.append(plain(token))
    whole = _apart([part for link in around for part in link.parts]).strip()
    return whole.replace("\\\n", " ").replace("\n", " ") if cell else whole


def formula(tex: str, *, block: bool = False, cell: bool = False) -> str:
    """Return a formula between dollars if that is harmless in every program; code if it is not."""
    inner = tex[2:-2] if tex.startswith(("$$", "\\[", "\\(")) else tex[1:-1]
    inner = _BLANKS.sub(" ", inner).strip()
    if math.acts(tex) or not _SIMPLE_TEX.fullmatch(inner) or inner.endswith("\\"):
        return code_span(tex, cell=cell)
    return f"$${inner}$$" if block or tex.startswith(("$$", "\\[")) else f"${inner}$"


def code_span(content: str, *, cell: bool = False) -> str:
    """Return code between single backticks; escaped text where programs might find its end elsewhere."""
    content = _BLANKS.sub(" ", visible(content))
    if "`" in content or (cell and "|" in content) or not content.strip():
        return escaped(content)
    return f"`{content} `" if content.endswith("\\") else f"`{content}`"


def escaped(content: str) -> str:
    """Return text of which every program shows each character as it is."""
    content = _BLANKS.sub(" ", visible(content))
    parts, at = [], 0
    for found in _DELIMITER.finditer(content):
        parts += [_escaped(content[at : found.start()]), code_span(found[0])]
        at = found.end()
    return _apart([*parts, _escaped(content[at:])])


def visible_lines(content: str) -> str:
    """Return code for a fence."""
    return visible(content).removesuffix("\n")


def _escaped(content: str) -> str:
    return _SPECIAL.sub(lambda found: _REFERENCES.get(found[0], f"\\{found[0]}"), content)


def _apart(parts: list[str]) -> str:
    """Join parts; two spans of code may not touch."""
    joined: list[str] = []
    for part in filter(None, parts):
        if joined and joined[-1].endswith("`") and part.startswith("`"):
            joined.append(" ")
        joined.append(part)
    return "".join(joined)


def _span(token: Token, look: Look, *, cell: bool, inside: bool) -> Iterator[str]:
    match token.type:
        case "text" | "text_special":
            yield escaped(token.content)
        case "code_inline":
            yield code_span(token.content, cell=cell)
        case "math_inline":
            yield formula(token.content, cell=cell)
        case "image":
            yield _image(token, inside=inside)
        case "footnote_ref":
            yield f"&#91;{look.number(token.meta['label'])}&#93;"
        case "softbreak":
            yield "\n"
        case "hardbreak":
            yield "\\\n"
        case _:
            yield _MARKS.get(token.type, "")


def _image(token: Token, *, inside: bool) -> str:
    href, alt = str(token.attrGet("src")), plain(token)
    if not links.allowed(href):
        return escaped(alt)
    address = links.readable(href)
    shown = escaped(f"{alt} ({address})" if alt.strip() else address)
    return shown if inside else _anchor(href, shown, address)


def _anchor(href: str, label: str, read: str) -> str:
    if not links.allowed(href):
        return label
    address = _PLAIN_HREF.sub(lambda found: "&amp;" if found[0] == "&" else f"%{ord(found[0]):02X}", href)
    shown = label if read.strip() else escaped(links.readable(href))
    return f"[{shown}]({address}){escaped(links.beware(href, read))}"
