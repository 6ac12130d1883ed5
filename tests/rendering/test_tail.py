"""The open end of an answer: what can be foreseen does not flicker."""

import pytest
from rendering.pages import Page

from cromicle_magic.rendering import markdown


def tail_of(text):
    stream = markdown.Stream()
    stream.feed(text)
    return stream.update().tail.strip()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("some **bo", "<p>some <strong>bo</strong></p>"),
        ("some **bold*", "<p>some <strong>bold</strong></p>"),
        ("some *it", "<p>some <em>it</em></p>"),
        ("some ***both", "<p>some <em><strong>both</strong></em></p>"),
        ("a ~~gone", "<p>a <del>gone</del></p>"),
        ("a `co", "<p>a <code>co</code></p>"),
        ("a ``co`", "<p>a <code>co</code></p>"),
        ("a **bold `co", "<p>a <strong>bold <code>co</code></strong></p>"),
        ("see [the man", "<p>see the man</p>"),
        ("see [the manual](https://exa", "<p>see the manual</p>"),
        ("see ![a cat](https://exa", "<p>see a cat</p>"),
        ("see <https://exa", "<p>see</p>"),
        ("note[^", "<p>note</p>"),
        ("a &am", "<p>a</p>"),
        ("2 * 3 snake_case_name", "<p>2 * 3 snake_case_name</p>"),
        ("a \\*star", "<p>a *star</p>"),
        ("- one\n- two **b", "<ul>\n<li>one</li>\n<li>two <strong>b</strong></li>\n</ul>"),
    ],
)
def test_what_is_open_is_closed(text, shown):
    assert tail_of(text).replace(" </", "</") == shown


@pytest.mark.parametrize(
    ("before", "undecided"),
    [
        ("text", "\n-"),
        ("text", "\n==="),
        ("text\n", "\n#"),
        ("text\n", "\n``"),
        ("text\n", "\n```python"),
        ("text\n", "\n```python\n"),
        ("text\n", "\n1."),
        ("- one", "\n- "),
        ("| a | b |", "\n|---|"),
        ("text\n", "\n[1]: https://a.exa"),
        ("```\ncode\n", "``"),
        ("text\n", "\n$$"),
    ],
)
def test_what_may_become_anything_is_not_shown_yet(before, undecided):
    def text(source):
        stream = markdown.Stream()
        stream.feed(source)
        update = stream.update()
        return Page(update.finished + update.tail).text.strip()

    assert text(before + undecided) == text(before) != ""


def test_an_open_fence_is_code_from_its_first_line_on():
    assert Page(tail_of("```python\nx = **1")).text == "x = **1"


def test_a_finished_paragraph_is_not_mended():
    stream = markdown.Stream()
    stream.feed("2 **3\n\n")
    assert "<strong>" not in stream.update().tail
