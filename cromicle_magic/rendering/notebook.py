"""An answer painted into a cell: frozen where it is finished, repainted at its end, one output at last."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from html import escape
from typing import Protocol

from cromicle_magic.messages import Event, Reasoning
from cromicle_magic.rendering import markdown
from cromicle_magic.rendering.pace import Pace
from cromicle_magic.text import visible

PART = 800
"""Characters of source from which on what is finished gets an output of its own."""

MOST_OUTPUTS = 40
"""Outputs at most while an answer comes: JupyterLab trims a cell at 50."""

PATIENCE = 0.5
"""Seconds of silence before a sign of life."""

_QUIET = "font-size:85%;opacity:.65"


class Area(Protocol):
    """A cell's output area."""

    def publish(self, data: dict[str, str], display_id: str, *, update: bool) -> None:
        """Bring a mime bundle into it: a new output, or an update of the one with that id."""

    def clear(self) -> bool:
        """Clear it when the next output comes, unless another's output would go too; tell whether."""


class NotebookPainter:
    """Paints an answer into a cell's output area, at a cost that grows as the answer does.

    Parameters
    ----------
    area
        Where to paint.
    live
        ``False`` paints only the end: where nobody watches, or each paint would be kept.
    clock
        Seconds that never run back.
    """

    def __init__(self, area: Area, *, live: bool = True, clock: Callable[[], float] = time.monotonic) -> None:
        self._area = area
        self._live = live
        self._clock = clock
        self._began = clock()
        self._pace = Pace()
        self._stream = markdown.Stream()
        self._text: list[str] = []
        self._thoughts: list[str] = []
        self._length = self._new = 0
        self._outputs = [_Output(area)]
        self._part = PART

    def feed(self, event: Event) -> None:
        """Take in an event; paint if it is time."""
        if isinstance(event, str):
            self._text.append(event)
            self._stream.feed(event)
            self._length += len(event)
            self._new += len(event)
            self.tick()
        elif isinstance(event, Reasoning):
            self._thoughts.append(event.text)

    def tick(self) -> None:
        """Paint what has come since the last paint, if it is time; before the first text, a sign of life."""
        now = self._clock()
        if not self._live:
            return
        if not self._length:
            self._wait(now)
        elif self._new and self._pace.due(now, self._new, self._outputs[-1].size):
            self._paint()
            self._pace.painted(now, self._clock())

    def closing(self, footer: str = "") -> Iterator[None]:
        """Paint the final form, whatever was painted before; steps in between let others run."""
        if not (self._length or footer):
            self._withdraw()
        elif len(self._outputs) > 1 and not self._area.clear():
            self._paint_rest(footer)
        else:
            html: list[str] = []
            for part in self._stream.steps():
                html.append(part)
                yield
            self._one().paint(self._final("".join(html), footer))

    def _paint(self) -> None:
        update = self._stream.update()
        self._outputs[-1].finished += update.finished
        if update.read - self._outputs[-1].begins >= self._part and self._has_room():
            full = self._outputs[-1]
            full.freeze(self._source()[full.begins : update.read])
            self._outputs.append(_Output(self._area, update.read))
        self._outputs[-1].show(update.tail)
        self._new = 1 if update.more else 0

    def _has_room(self) -> bool:
        """Make one output of all where there are too many; from then on each may be longer."""
        if len(self._outputs) < MOST_OUTPUTS:
            return True
        if not self._area.clear():
            return False
        whole = _Output(self._area)
        whole.finished = "".join(output.finished for output in self._outputs)
        self._outputs = [whole]
        self._part *= 2
        return True

    def _paint_rest(self, footer: str) -> None:
        """Leave the outputs as they are, for others stand between them, and finish the last."""
        update = self._stream.update()
        output = self._outputs[-1]
        output.finished += update.finished + update.tail
        output.freeze(self._source()[output.begins :], footer)

    def _source(self) -> str:
        return "".join(self._text).replace("\r\n", "\n").replace("\r", "\n")

    def _wait(self, now: float) -> None:
        waited = now - self._began
        if waited >= PATIENCE:
            doing = "thinking" if self._thoughts else "waiting"
            self._outputs[0].say(f"{doing}… {waited:.0f} s" if waited >= 1 else f"{doing}…")

    def _withdraw(self) -> None:
        if self._outputs[0].shown:
            self._outputs[0].paint({"text/html": "", "text/plain": ""})

    def _one(self) -> _Output:
        return self._outputs[0] if len(self._outputs) == 1 else _Output(self._area)

    def _final(self, html: str, footer: str) -> dict[str, str]:
        text, thoughts = "".join(self._text), "".join(self._thoughts)
        return {
            "text/html": _folded(thoughts) + (markdown.wrap(html) if html else "") + _quiet(footer),
            "text/markdown": "\n\n".join(filter(None, (markdown.neutralise(text), _emphasised(footer)))),
            "text/plain": "\n\n".join(filter(None, (visible(text), footer and f"[{footer}]"))),
        }


class _Output:
    """One output of the cell: where in the source it begins, what is finished in it, what is shown."""

    def __init__(self, area: Area, begins: int = 0) -> None:
        self._area = area
        self._id = uuid.uuid4().hex
        self.begins = begins
        self.finished = ""
        self.shown: dict[str, str] = {}

    @property
    def size(self) -> int:
        return len(self.shown.get("text/html", ""))

    def paint(self, data: dict[str, str]) -> None:
        if data != self.shown:
            self._area.publish(data, self._id, update=bool(self.shown))
            self.shown = data

    def show(self, tail: str) -> None:
        if self.finished or tail:
            self.paint({"text/html": markdown.wrap(self.finished + tail)})

    def freeze(self, source: str, footer: str = "") -> None:
        """Show what is finished for good, readable without HTML too."""
        html = (markdown.wrap(self.finished) if self.finished else "") + _quiet(footer)
        plain = "\n\n".join(filter(None, (visible(source).strip("\n"), footer and f"[{footer}]")))
        self.paint({"text/html": html, "text/plain": plain})

    def say(self, words: str) -> None:
        self.paint({"text/html": _quiet(words), "text/plain": words})


def _quiet(words: str) -> str:
    return f'<div style="{_QUIET}">{escape(visible(words))}</div>' if words else ""


def _folded(thoughts: str) -> str:
    if not thoughts.strip():
        return ""
    return f'<details style="{_QUIET}"><summary>Reasoning</summary>{markdown.render(thoughts)}</details>'


def _emphasised(footer: str) -> str:
    return f"*{markdown.neutralise(footer)}*" if footer else ""
