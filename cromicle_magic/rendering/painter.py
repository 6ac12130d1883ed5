"""What the doors ask of a painter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from cromicle_magic.messages import Event


class Painter(Protocol):
    """Shows an answer while it comes."""

    def feed(self, event: Event) -> None:
        """Take in what the provider yielded."""

    def tick(self) -> None:
        """Show what is pending, if it is time; called often, also while nothing comes."""

    def closing(self, footer: str = "") -> Iterator[None]:
        """Show the end state and, where it is not empty, `footer`, in steps; run them to the end, always."""


class SilentPainter:
    """Shows nothing."""

    def feed(self, event: Event) -> None:
        """Do nothing."""

    def tick(self) -> None:
        """Do nothing."""

    def closing(self, footer: str = "") -> Iterator[None]:
        """Do nothing."""
        return iter(())
