"""Markdown for other programs: whatever they make of it, nothing in it acts."""

import re

import mistune
import pytest
from hypothesis import given, settings
from markdown_it import MarkdownIt
from rendering.pages import HOSTILE, Page
from rendering.test_stream import TEXTS

from cromicle_magic.rendering import markdown, math, sanitise
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


class Unset(Page):
    """Collects the text that a typesetter looks through: it leaves code alone."""

    def handle_data(self, data):
        if not {"code", "pre"} & set(self.open):
            self.text += data


def of_page(html):
    found = ["formula"] if math.acts(Unset(html).text[: math.LONGEST]) else []
    for tag, attributes in Page(html).tags:
        found += [tag] if tag not in HARMLESS else []
        found += sorted(attributes.keys() - ATTRIBUTES)
        href = attributes.get("href", "https://").lower()
        found += [] if href.startswith(("https://", "http://", "mailto:")) else [href]
    return found


ESCAPED = [
    r"\$\\href{javascript:alert(1)}{x}\$ &#36;\\url{x}&#36;",
    r"\\(\\href{javascript:alert(1)}{x}\\) \\[*\\style{x}{y}*\\]",
    r"&#92;(&#92;require{html}&#92;) [\\href{x}](https://a.example/$\html$)",
]


@pytest.mark.parametrize("text", HOSTILE + ESCAPED)
def test_nothing_acts_in_a_hostile_text_whole_or_cut_anywhere(text):
    for end in range(len(text) + 1):
        assert faults(neutralise(text[:end])) == [], text[:end]


@given(TEXTS)
@settings(deadline=None)
def test_nothing_acts_in_any_text(text):
    assert faults(neutralise(text)) == []


def test_the_parsers_would_act():
    text = r"x <script>1</script> ![x](https://a/b) \$\\href{x}{y}\$"
    assert {"html_inline", "image", "script", "img", "formula"} <= set(faults(text))


def test_it_can_be_made_in_steps():
    text = ORDINARY * 200
    steps = list(markdown.neutral_steps(text))
    assert len(steps) > 10
    assert "".join(steps) == neutralise(text)


ORDINARY = """# Title *of* it

Some **bold** text with `code`, [a link](https://a.example/b_c?d=e&f), ~~gone~~ and $x_1 + y$; 5 * 3 < 16.
A second line\\
and a third, snake_case, 1986. #hash @me.

1. one
2. two
   - nested

     ```python
     x = "`" # $ \\ <b>
     ```

> Quote
>
> - in it

| a | b |
|---|--:|
| 1 | `x` |

***

    plain code
"""


@pytest.mark.parametrize("md", [STRICT.render, LOOSE.render, NBCONVERT], ids=["strict", "loose", "mistune"])
def test_ordinary_text_reads_the_same_in_every_program(md):
    text = ORDINARY if md != STRICT.render else ORDINARY.replace("~~", "").partition("| a")[0]
    ours, theirs = Page(markdown.render(text)), Page(md(neutralise(text)))
    assert re.sub(r"[\s\\()$]", "", theirs.text) == re.sub(r"[\s\\()$]", "", ours.text)
    plain = {"div", "span", "tbody"}
    read = [tag.replace("del", "s") for tag, _ in theirs.tags if tag not in plain]
    assert read == [tag.replace("del", "s") for tag, _ in ours.tags if tag not in plain]
