"""Placeholder room; see below."""

import re

from cromicle_magic.text import visible


def neutralise(text: str) -> str:
    """Return Markdown that shows `text` and does nothing else: one code block that it cannot leave."""
    runs = re.findall("`{3,}", text)
    fence = "`" * max([3, *(len(run) + 1 for run in runs)])
    return f"{fence}text\n{visible(text)}\n{fence}"
