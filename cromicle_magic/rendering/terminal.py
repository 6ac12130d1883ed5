"""An answer written to a terminal as it comes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from cromicle_magic.messages import Event
from cromicle_magic.text import visible


class TerminalPainter:
    """Writes the answer's text as it comes, control characters made visible."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._begun = False

    def feed(self, event: Event) -> None:
        """Write the event if it is text."""
        if isinstance(event, str):
            self._stream.write(visible(event))
            self._stream.flush()
            self._begun = True

    def tick(self) -> None:
        """Do nothing: a terminal is never behind."""

    def closing(self, footer: str = "") -> Iterator[None]:
        """End the line, and say `footer` if there is one."""
        self._stream.write(("\n" if self._begun else "") + (f"[{footer}]\n" if footer else ""))
        self._stream.flush()
        return iter(())
