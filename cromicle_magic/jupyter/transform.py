"""A ``%%cromicle`` cell into a top-level ``await``, so that it runs in the notebook's own loop."""

from __future__ import annotations

import re

RUNNER = "_cromicle_run"
"""Name of the coroutine function on the shell that the rewritten cell awaits."""

_FIRST_LINE = re.compile(r"%%cromicle(?:[ \t]+(?P<line>[^\n]*))?\n?\Z")


def rewrite(lines: list[str]) -> list[str]:
    """Return the cell as one awaiting line if it is a ``%%cromicle`` cell, else the lines untouched.

    Examples
    --------
    >>> rewrite(["%%cromicle -t 0\\n", "Hello\\n"])
    ["await get_ipython()._cromicle_run('-t 0', 'Hello\\\\n')\\n"]
    """
    found = _FIRST_LINE.match(lines[0]) if lines else None
    if not found:
        return lines
    line, body = (found["line"] or "").rstrip(), "".join(lines[1:])
    if line.endswith("?"):
        return lines
    return [f"await get_ipython().{RUNNER}({line!r}, {body!r})\n"]
