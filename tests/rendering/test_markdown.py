"""Model text is shown formatted, and does nothing else."""

import pytest
from hypothesis import given, settings
from rendering.pages import HOSTILE, faults
from rendering.test_stream import TEXTS

from cromicle_magic.rendering import markdown


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("images", [False, True])
def test_nothing_acts_in_a_hostile_text_whole_or_cut_anywhere(text, images):
    for end in range(len(text) + 1):
        assert faults(markdown.render(text[:end], images=images), images=images) == []


@given(TEXTS)
@settings(deadline=None)
def test_nothing_acts_in_any_text(text):
    assert faults(markdown.render(text)) == []
