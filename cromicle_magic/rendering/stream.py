"""An answer that is still being written: what is finished, and the end that is not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from markdown_it.token import Token

from cromicle_magic.rendering import answer, elements, math, resume, tail
from cromicle_magic.rendering.blocks import Reader
from cromicle_magic.rendering.spans import Look

WINDOW = 4096
LONGEST = 1024
"""Characters from which on a block that is being written is frozen but for its end."""

_STYLE = "overflow-wrap:break-word"


@dataclass(frozen=True)
class Update:
    """What has changed since the last one.

    Attributes
    ----------
    finished : str
        Safe HTML of what is newly finished: it stays as it is until the end.
    tail : str
        Safe HTML of the open end: it takes the place of the former one.
    more : bool
        Whether there is more to read already: another update brings it. The tail is empty then.
    read : int
        Characters of source that are finished, of the whole answer, its lines ended by LF.
    """

    finished: str
    tail: str
    more: bool
    read: int


def wrap(html: str) -> str:
    """Return the element around an answer, or a part of one: in it only marked formulas are typeset."""
    return f'<div class="{math.IGNORE}" style="{_STYLE}">{html}</div>'


class Stream:
    """Turns an answer into HTML while it comes.

    Each block is read when it has come and no more; an update costs as much as what is new and the open
    end, which is kept short. No call but `close` takes longer the longer the answer is.

    Parameters
    ----------
    images
        Whether https images are loaded; otherwise they are shown as links.

    Examples
    --------
    >>> stream = Stream()
    >>> stream.feed("# Title\\n\\nSome **bold")
    >>> update = stream.update()
    >>> print(update.finished, update.tail, sep="")
    <h1>Title</h1>
    <p>Some <strong>bold</strong></p>
    <BLANKLINE>
    """

    def __init__(self, *, images: bool = False) -> None:
        self._look = Look(images=images)
        self._reader = Reader(WINDOW, LONGEST)
        self._look.env["references"] = self._reader.references
        self._fed: list[str] = []
        self._parts: list[str] = []
        self._open = ""
        self._lines = 0
        self._at = 0
        self._known: dict[int, tuple[int, str]] = {}

    def feed(self, text: str) -> None:
        """Take in what comes next; it is not read before an update is asked for."""
        self._fed.append(text)

    def update(self) -> Update:
        """Return what is new; the time it takes is bounded."""
        self._take()
        finished = self._finished() if self._lines or len(self._open) >= 2 * LONGEST else ""
        more = len(self._open) >= WINDOW
        return Update(finished, "" if more else self._tail(), more, self._at)

    def steps(self) -> Iterator[str]:
        """Yield the final form of the whole answer in parts, to be joined and wrapped.

        Each step takes a short time, and many yield "": the caller can let others run in between.
        """
        self._take(ended=True)
        text = "".join(self._parts)
        defined = "]:" in text
        known = {
            at: (size, html)
            for at, (size, html) in self._known.items()
            if not defined or "[" not in text[at : at + size]
        }
        yield from answer.steps(text, Look(images=self._look.images), known)

    def close(self) -> str:
        """Return the final form of the whole answer: what `render` makes of it in one go."""
        return wrap("".join(self.steps()))

    def _take(self, *, ended: bool = False) -> None:
        """Take in what was fed; an end of line that is only half there waits for its other half."""
        fed = "".join(self._fed)
        held = "\r" if fed.endswith("\r") and not ended else ""
        new = fed.removesuffix(held).replace("\r\n", "\n").replace("\r", "\n")
        self._fed = [held] if held else []
        self._parts.append(new)
        self._open += new
        self._lines += new.count("\n")

    def _finished(self) -> str:
        """Read one step."""
        piece = self._reader.step(self._open)
        if piece is None:
            self._lines = 0
            return ""
        if self._reader.going_on:
            resume.mark_cut(piece.tokens)
        html = elements.html_of(piece.tokens, self._look)
        source, self._open = self._open[: piece.size], self._open[piece.size :]
        if piece.whole and "[^" not in source:
            self._known[self._at] = (piece.size, html)
        self._at += piece.size
        return html

    def _tail(self) -> str:
        look = Look(self._look.env, self._look.images, dict(self._look.numbers))
        return elements.html_of(tail.mend(self._end(), self._open), look)

    def _end(self) -> list[Token]:
        source = tail.decided(self._open, code=False)
        tokens = self._reader.tail(source, {"open": True})
        lines = [*self._reader.resume.lines, *source.rstrip("\n").split("\n")]
        if (
            source != self._open
            and tokens
            and tokens[-1].type == "fence"
            and not resume.closed(tokens[-1], lines)
        ):
            return self._reader.tail(tail.decided(self._open, code=True), {"open": True})
        return tokens
