"""Model text into safe HTML and safe Markdown, whole or while it comes.

Model text is hostile: live Markdown output is trusted by JupyterLab, and scripts in it run. Here no raw HTML
passes, nothing is fetched, and links lead only where a reader can see that they lead.
"""

from __future__ import annotations

from cromicle_magic.rendering.neutral import neutralise
from cromicle_magic.rendering.stream import Stream, Update, wrap

__all__ = ["Stream", "Update", "neutralise", "render", "wrap"]


def render(text: str, *, images: bool = False) -> str:
    """Return safe HTML of the whole of `text`, in one element.

    Parameters
    ----------
    text
        Markdown: CommonMark with tables, strikethrough, task lists, footnotes and TeX.
    images
        Whether https images are loaded; otherwise they are shown as links.

    Examples
    --------
    >>> "<script" in render("<script>alert(1)</script>")
    False
    """
    stream = Stream(images=images)
    stream.feed(text)
    return stream.close()
