"""Markdown for other programs: whatever they make of it, nothing in it acts."""

import mistune
import pytest
from hypothesis import given, settings
from markdown_it import MarkdownIt
from rendering.pages import HOSTILE, Page
from rendering.test_stream import TEXTS

from cromicle_magic.rendering import sanitise
from cromicle_magic.rendering.code import LANGUAGES
from cromicle_magic.rendering.markdown import neutralise

STRICT = MarkdownIt("commonmark", {"html": True})
LOOSE = MarkdownIt("js-default", {"html": True}).enable(["table", "strikethrough"])
NBCONVERT = mistune.create_markdown(
    escape=False, plugins=["table", "strikethrough", "task_lists", "footnotes", "url", "math", "def_list"]
)
HARMLESS = (sanitise.TAGS | {"s"}) - {"img"}
ATTRIBUTES = {"href", "start", "class", "style"}


def all_tokens(md, text):
    for token in md.parse(text):
        yield token
        yield from token.children or []


def faults(text):
    """Return what could act in Markdown `text`, as three parsers with raw HTML on read it."""
    found = []
    for md in (STRICT, LOOSE):
        for token in all_tokens(md, text):
            found += [token.type] if token.type in ("html_block", "html_inline", "image") else []
            href = token.attrs.get("href", "https://")
            found += [] if href.startswith(("https://", "http://", "mailto:", "HTTP")) else [href]
            found += [token.info] if token.type == "fence" and token.info not in {"", *LANGUAGES} else []
        found += of_page(md.render(text))
    return found + of_page(NBCONVERT(text))


def of_page(html):
    found = []
    for tag, attributes in Page(html).tags:
        found += [tag] if tag not in HARMLESS else []
        found += sorted(attributes.keys() - ATTRIBUTES)
        href = attributes.get("href", "https://").lower()
        found += [] if href.startswith(("https://", "http://", "mailto:")) else [href]
    return found


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_acts_in_a_hostile_text_whole_or_cut_anywhere(text):
    for end in range(len(text) + 1):
        assert faults(neutralise(text[:end])) == [], text[:end]


@given(TEXTS)
@settings(deadline=None)
def test_nothing_acts_in_any_text(text):
    assert faults(neutralise(text)) == []


def test_the_parsers_would_act():
    assert {"html_inline", "image", "script", "img"} <= set(faults("x <script>1</script> ![x](https://a/b)"))
