"""A whole answer in its final form, in steps: link definitions and footnotes known, cut blocks joined."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import overload

from markdown_it.token import Token

from cromicle_magic.rendering import elements
from cromicle_magic.rendering.blocks import Piece, Reader
from cromicle_magic.rendering.spans import Look

WINDOW = 6144
"""Characters of source read in one step; no block up to this size is ever cut."""

# What a piece ends with, what the next begins with, what must go on for the two to be one, and what was
# between the two.
_SEAMS = [
    ("</pre>", re.compile(r"<pre[^>]*>"), "fence", ""),
    ("</tbody>\n</table></div>", re.compile(r"<div[^>]*><table[^>]*>\s*<tbody>"), "table", ""),
    ("</p>", re.compile(r"<p[^>]*>"), "paragraph", "\n"),
    ("</p>", re.compile(r"<p[^>]*>"), "word", ""),
    ("</ol>", re.compile(r"<ol[^>]*>\s*"), "", ""),
    ("</ul>", re.compile(r"<ul[^>]*>\s*"), "", ""),
    ("</blockquote>", re.compile(r"<blockquote[^>]*>\s*"), "", ""),
    ("</li>", re.compile(re.escape(elements.CONTINUED)), "", ""),
]


@dataclass
class Notes:
    """Footnotes, taken out of the text to stand at its end.

    Attributes
    ----------
    tokens : dict
        The blocks of each, by its label.
    """

    tokens: dict[str, list[Token]] = field(default_factory=dict)

    def take(self, tokens: list[Token]) -> list[Token]:
        """Return `tokens` without the footnotes among them."""
        kept: list[Token] = []
        into = kept
        for token in tokens:
            if token.type == "footnote_reference_open" and token.level == 0:
                into = []
                self.tokens.setdefault(token.meta["label"], into)
            elif token.type == "footnote_reference_close" and token.level == 0:
                into = kept
            else:
                into.append(token)
        return kept

    def steps(self, look: Look) -> Iterator[str]:
        """Yield the list of them, in the order of their numbers; "" while at work."""
        html: list[str] = []
        while len(html) < len(self.tokens):
            unused = next((label for label in self.tokens if label not in look.numbers), "")
            labels = [label for label in look.numbers if label in self.tokens]
            label = labels[len(html)] if len(html) < len(labels) else unused
            look.number(label)
            html.append(f"<li>{elements.html_of(self.tokens[label], look)}</li>\n")
            yield ""
        if html:
            yield f'<hr>\n<ol style="font-size:90%">\n{"".join(html)}</ol>\n'


def steps(text: str, look: Look, known: Mapping[int, tuple[int, str]]) -> Iterator[str]:
    """Yield the HTML of a whole answer piece by piece; "" while at work, so that others can be served.

    Parameters
    ----------
    text
        The answer; its lines end with LF.
    look
        Takes in the definitions and the numbers of footnotes.
    known
        Where blocks begin whose final form is known already: the length of their source, and the form.
    """
    notes, last = Notes(), ""
    for piece in read(text, look, known):
        html, goes_on = "", None
        if isinstance(piece, str):
            html = piece
        elif piece:
            goes_on = piece.goes_on
            for made in elements.steps(notes.take(piece.tokens), look):
                html = made
                yield ""
        if html:
            last, html = (last, html) if goes_on is None else _sewn(last, html, goes_on)
            yield last
            last = html
        else:
            yield ""
    yield last
    yield from notes.steps(look)


@overload
def read(text: str, look: Look) -> Iterator[Piece | None]: ...
@overload
def read(text: str, look: Look, known: Mapping[int, tuple[int, str]]) -> Iterator[Piece | str | None]: ...
def read(
    text: str, look: Look, known: Mapping[int, tuple[int, str]] | None = None
) -> Iterator[Piece | str | None]:
    """Yield the pieces of a whole answer, or their form where it is known; ``None`` while at work.

    The definitions of links and footnotes are in the environment of `look` before the first piece comes.
    """
    references: dict[str, object] = {}
    if "]:" in text:
        notes = Notes()
        for piece in _pieces(text, Reader(WINDOW, references=references), {}):
            if isinstance(piece, Piece):
                notes.take(piece.tokens)
            yield None
        look.env["notes"] = set(notes.tokens)
    look.env["references"] = references
    yield from _pieces(text, Reader(WINDOW, references=references), known or {})


def _pieces(text: str, reader: Reader, known: Mapping[int, tuple[int, str]]) -> Iterator[Piece | str]:
    at = 0
    while at < len(text):
        if at in known and not reader.going_on:
            size, html = known[at]
            at += size
            yield html
        elif piece := reader.step(text[at : at + WINDOW + 1], ended=at + WINDOW >= len(text)):
            at += piece.size
            yield piece


def _sewn(last: str, html: str, kind: str) -> tuple[str, str]:
    """Make one of the blocks at the end of `last` and at the beginning of `html`."""
    while True:
        bare = last.rstrip("\n")
        for end, begin, needed, between in _SEAMS:
            found = begin.match(html) if bare.endswith(end) and needed in ("", kind) else None
            if found:
                last, html = bare[: -len(end)] + between, html[found.end() :]
                break
        else:
            return last, html
