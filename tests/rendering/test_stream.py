"""An answer that is being written: each beginning is safe, what is finished stays, the end is the whole."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rendering.pages import HOSTILE, Page, faults

from cromicle_magic.rendering import markdown

MARKS = st.text(alphabet="`~*_[]()<>#-+=|$\\!&^:1.) \n\tabx\r", max_size=60)
TEXTS = st.lists(st.sampled_from(HOSTILE) | MARKS | st.text(max_size=20), max_size=6).map("\n".join)


def streamed(text, cuts):
    """Return the stream and its updates when `text` comes in pieces that end at `cuts`."""
    stream = markdown.Stream()
    updates = []
    for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        stream.feed(text[start:end])
        updates.append(stream.update())
        while updates[-1].more:
            updates.append(stream.update())
    return stream, updates


@pytest.mark.parametrize("text", HOSTILE)
def test_every_beginning_of_a_hostile_text_is_safe(text):
    stream = markdown.Stream()
    for letter in text:
        stream.feed(letter)
        update = stream.update()
        assert faults(update.finished) == []
        assert faults(update.tail) == []
    assert faults(stream.close()) == []


@given(TEXTS, st.lists(st.integers(0, 400), max_size=8))
@settings(deadline=None)
@example("a\r\nb\r", [2])
def test_however_it_comes_it_is_safe_and_ends_as_if_it_had_come_at_once(text, places):
    stream, updates = streamed(text, sorted(min(place, len(text)) for place in places))
    for update in updates:
        assert faults(update.finished) == faults(update.tail) == []
    assert stream.close() == markdown.render(text)


def in_pieces(text, size=60):
    """Return the stream and its updates when `text` comes in pieces of one size."""
    return streamed(text, list(range(size, len(text), size)))


LONG = {
    "code": ("```python\n" + "".join(f"x{n} = {n}\n" for n in range(900)) + "```\n", "pre"),
    "list": ("".join(f"- item {n}\n" for n in range(900)), "ul"),
    "numbers": ("".join(f"1. item {n}\n" for n in range(900)), "ol"),
    "code in a list": (
        "1. one\n2. two\n\n   ```python\n" + "".join(f"   x{n} = {n}\n" for n in range(900)) + "   ```\n",
        "pre",
    ),
    "list in a quote": ("".join(f"> - item {n}\n>   more\n" for n in range(500)), "ul"),
    "table": ("| a | b |\n|--:|---|\n" + "".join(f"| {n} | x |\n" for n in range(900)), "table"),
    "paragraph": ("".join(f"line {n} of *it*\n" for n in range(900)), "p"),
    "one line": ("word and *stress* " * 900, "p"),
}


@pytest.mark.parametrize("name", LONG)
def test_a_block_that_goes_on_is_frozen_in_parts_and_is_one_block_at_the_end(name):
    text, tag = LONG[name]
    stream, updates = in_pieces(text)
    parts = [update.finished for update in updates if update.finished]
    assert len(parts) > 5
    assert max(len(Page(update.tail).text) for update in updates) < 4 * 1024
    assert all(Page(part).of(tag) and not faults(part) for part in parts)
    whole = stream.close()
    assert whole == markdown.render(text)
    assert len(Page(whole).of(tag)) == 1
    assert faults(whole) == []


@pytest.mark.parametrize("name", LONG)
def test_the_parts_of_a_block_say_what_the_whole_says(name):
    text, _ = LONG[name]
    stream, updates = in_pieces(text)
    together = "".join(update.finished for update in updates) + updates[-1].tail
    assert Page(together).text.split() == Page(stream.close()).text.split()


def test_a_list_goes_on_with_its_number():
    text, _ = LONG["numbers"]
    _, updates = in_pieces(text)
    counted = 0
    for html in [update.finished for update in updates] + [updates[-1].tail]:
        page = Page(html)
        for ordered in page.of("ol"):
            assert int(ordered.get("start", 1)) == counted + 1
        counted += len(page.of("li"))
    assert counted == 900


def test_a_part_of_an_item_has_no_mark_of_its_own():
    text, _ = LONG["code in a list"]
    _, updates = in_pieces(text)
    pages = [Page(update.finished) for update in updates if update.finished]
    starts = [page.of("ol")[0].get("start") for page in pages]
    assert starts[1:] == ["2"] * len(starts[1:])
    assert "list-style:none" in updates[-1].tail


def test_what_comes_at_once_is_read_in_updates_of_bounded_size():
    stream = markdown.Stream()
    stream.feed("- an item\n" * 5000)
    update, count = stream.update(), 1
    while update.more:
        assert 0 < len(Page(update.finished).text) < 10_000
        update, count = stream.update(), count + 1
    assert count > 10


def test_a_reference_that_is_defined_at_the_end_is_a_link_at_the_end():
    stream, updates = in_pieces("See [the manual][m].\n\nMore.\n\n[m]: https://a.example/m 'why'\n", 7)
    assert "<a" not in "".join(update.finished for update in updates)
    assert Page(stream.close()).of("a")[0]["href"] == "https://a.example/m"


def test_a_definition_that_is_half_there_defines_nothing():
    stream, _ = in_pieces("[m]: https://a.example/one\n\nSee [m].\n\n[m]: https://b.example/\n\nEnd.", 1)
    assert [link["href"] for link in Page(stream.close()).of("a")] == ["https://a.example/one"]


def test_footnotes_are_numbers_while_it_comes_and_a_list_at_the_end():
    stream, updates = in_pieces("One[^b] two[^a].\n\n[^a]: Note *a*.\n\n[^b]: Note b.\n\nEnd.", 5)
    assert "<sup>[1]</sup> two<sup>[2]</sup>" in "".join(update.finished for update in updates)
    text = " ".join(Page(stream.close()).text.split())
    assert text == "One[1] two[2]. End. Note b. Note a."


def test_crlf_is_one_end_of_line_wherever_it_is_cut():
    stream, _ = streamed("a\r\n\r\nb\r\n", [2, 4, 8])
    assert stream.close() == markdown.render("a\n\nb\n")


def test_the_end_can_be_made_in_steps():
    text = "".join(f"## Title {n}\n\nText **{n}**.\n\n" for n in range(2000))
    stream, _ = streamed(text, [])
    steps = list(stream.steps())
    assert len(steps) > 5
    assert markdown.wrap("".join(steps)) == stream.close() == markdown.render(text)
