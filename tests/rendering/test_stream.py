"""An answer that is being written: each beginning is safe, what is finished stays, the end is the whole."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rendering.pages import HOSTILE, faults

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
