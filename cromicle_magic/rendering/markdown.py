"""Model text into safe HTML and safe Markdown.

Model text is hostile: live Markdown output is trusted by JupyterLab, and scripts in it run. Here it
is shown as the text it is.
"""

from __future__ import annotations

import re
from html import escape

from cromicle_magic.text import visible

# Dollars in plain text are money, not mathematics: MathJax 3 and 2 each have a class to leave it alone.
_CLASS = "mathjax_ignore tex2jax_ignore"
_STYLE = "white-space:pre-wrap;overflow-wrap:anywhere;margin:0;background:none;font:inherit;line-height:1.5"


def render(text: str) -> str:
    """Return HTML that shows `text` and does nothing else."""
    return f'<div class="{_CLASS}" dir="auto" style="{_STYLE}">{escape(visible(text))}</div>'


def neutralise(text: str) -> str:
    """Return Markdown that shows `text` and does nothing else: one code block that it cannot leave."""
    runs = re.findall("`{3,}", text)
    fence = "`" * max([3, *(len(run) + 1 for run in runs)])
    return f"{fence}text\n{visible(text)}\n{fence}"
