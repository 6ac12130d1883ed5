"""An answer painted into a notebook's output: coalesced while it comes, one safe output at the end."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from html import escape
from typing import Protocol

from cromicle_magic.messages import Event
from cromicle_magic.rendering import markdown
from cromicle_magic.text import visible

INTERVAL = 0.05
"""Seconds between two paints at least: 20 a second look smooth, and a front end keeps up."""

_FOOTER = "margin-top:.4em;font-size:85%;opacity:.65"


class Publish(Protocol):
    """How a mime bundle reaches the cell: a new output, or an update of it."""

    def __call__(self, data: dict[str, str], display_id: str, *, update: bool) -> None: ...


class NotebookPainter:
    """Paints an answer into one output of a cell.

    Parameters
    ----------
    publish
        Brings a mime bundle into the cell.
    format
        ``"markdown"``, or ``"text"`` for plain text alone.
    live
        ``False`` paints only the end: where outputs are captured, each paint would be kept.
    clock
        Seconds that never run back.
    """

    def __init__(
        self,
        publish: Publish,
        format: str = "markdown",
        *,
        live: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._publish = publish
        self._rich = format == "markdown"
        self._live = live
        self._clock = clock
        self._id = uuid.uuid4().hex
        self._parts: list[str] = []
        self._dirty = False
        self._painted: float | None = None

    def feed(self, event: Event) -> None:
        """Take in an event; paint if it is time."""
        if isinstance(event, str):
            self._parts.append(event)
            self._dirty = True
            self.tick()

    def tick(self) -> None:
        """Paint what has come since the last paint, if it is time."""
        now = self._clock()
        if self._live and self._dirty and (self._painted is None or now - self._painted >= INTERVAL):
            self._paint(self._html() if self._rich else self._plain())
            self._painted = now

    def close(self, footer: str = "") -> None:
        """Paint the final form, whatever was painted before; nothing if there is nothing to show."""
        if self._parts or footer:
            self._paint(self._final(footer))

    def _paint(self, bundle: dict[str, str]) -> None:
        self._publish(bundle, self._id, update=self._painted is not None)
        self._dirty = False

    def _final(self, footer: str) -> dict[str, str]:
        plain = self._plain(f"[{footer}]" if footer else "")
        return {**self._html(footer), **self._markdown(footer), **plain} if self._rich else plain

    def _html(self, footer: str = "") -> dict[str, str]:
        below = f'<div style="{_FOOTER}">{escape(footer)}</div>' if footer else ""
        return {"text/html": (markdown.render(self._text) if self._text else "") + below}

    def _markdown(self, footer: str) -> dict[str, str]:
        blocks = [markdown.neutralise(part) for part in (self._text, footer) if part]
        return {"text/markdown": "\n\n".join(blocks)}

    def _plain(self, footer: str = "") -> dict[str, str]:
        return {"text/plain": "\n\n".join(filter(None, (visible(self._text), footer)))}

    @property
    def _text(self) -> str:
        self._parts[:] = ["".join(self._parts)]
        return self._parts[0]
