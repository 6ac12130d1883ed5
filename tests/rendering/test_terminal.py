"""What the terminal painter writes."""

import io

from cromicle_magic.messages import Usage
from cromicle_magic.rendering.terminal import TerminalPainter


def written(*events, footer=""):
    stream = io.StringIO()
    painter = TerminalPainter(stream)
    for event in events:
        painter.feed(event)
        painter.tick()
    list(painter.closing(footer))
    return stream.getvalue()


def test_text_comes_out_as_it_comes_in_and_ends_its_line():
    assert written("one ", Usage(1, 2), "two") == "one two\n"


def test_a_footer_has_a_line_of_its_own():
    assert written("one", footer="stopped") == "one\n[stopped]\n"
    assert written(footer="an empty answer") == "[an empty answer]\n"


def test_nothing_is_written_as_nothing():
    assert written() == ""


def test_no_escape_sequence_reaches_the_terminal():
    assert "\x1b" not in written("\x1b]0;title\x07", "\x1b[2J")
