"""When to paint: at once what comes first, then often enough to look smooth and no more than is useful."""

from __future__ import annotations

FASTEST = 0.05
"""Seconds between two paints at least: 20 a second look smooth."""

SLOWEST = 0.15
"""Seconds between two paints at most, while text arrives and a paint is cheap."""

REPEAT = 5
"""Characters that a paint may send again for each new one, before it waits for more of them."""

SHARE = 0.2
"""Part of the time that painting may take; where a paint is slow, the next one waits."""


LARGE = 16_384
"""Characters from which on a paint is no longer cheap for the front end."""


class Pace:
    """Decides from the clock, from what is new and from what a paint costs."""

    def __init__(self) -> None:
        self._last: float | None = None
        self._costs = (0.0, 0.0)

    def due(self, now: float, new: int, whole: int) -> bool:
        """Tell whether to paint.

        Parameters
        ----------
        now
            The time, in seconds.
        new
            Characters that came since the last paint.
        whole
            Characters that a paint sends.
        """
        if self._last is None:
            return True
        waited = now - self._last
        if waited < max(FASTEST, min(self._costs) / SHARE):
            return False
        return whole <= REPEAT * new or waited >= SLOWEST * max(1.0, whole / LARGE)

    def painted(self, began: float, ended: float) -> None:
        """Note a paint and how long it took."""
        self._last = ended
        # One slow paint is an import or somebody else's work; two in a row are slow painting.
        self._costs = (self._costs[1], ended - began)
