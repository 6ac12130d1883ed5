"""What the notebook painter sends, by a clock that the test turns."""

import pytest

from cromicle_magic.messages import FinishReason, Usage
from cromicle_magic.rendering.notebook import INTERVAL, NotebookPainter


class Cell:
    """An output area that notes every message."""

    def __init__(self):
        self.sent = []
        self.now = 0.0

    def publish(self, data, display_id, *, update):
        self.sent.append((data, display_id, update))

    def painter(self, **options):
        return NotebookPainter(self.publish, clock=lambda: self.now, **options)


@pytest.fixture
def cell():
    return Cell()


def test_the_first_text_is_painted_at_once_and_the_next_only_when_it_is_time(cell):
    painter = cell.painter()
    painter.feed("one ")
    painter.feed("two ")
    assert len(cell.sent) == 1
    cell.now += INTERVAL
    painter.tick()
    assert "one two " in cell.sent[1][0]["text/html"]


def test_nothing_is_painted_again_while_nothing_comes(cell):
    painter = cell.painter()
    painter.feed("one ")
    for _ in range(5):
        cell.now += 1
        painter.tick()
    assert len(cell.sent) == 1


def test_the_last_paint_always_comes_and_updates_the_same_output(cell):
    painter = cell.painter()
    painter.feed("one ")
    painter.feed("two")
    painter.close("3 tokens")
    (_, first, began), (data, last, updated) = cell.sent
    assert (first, began, updated) == (last, False, True)
    assert data["text/plain"] == "one two\n\n[3 tokens]"
    assert "3 tokens" in data["text/html"]
    assert "3 tokens" in data["text/markdown"]


def test_captured_output_gets_the_end_alone(cell):
    painter = cell.painter(live=False)
    for word in ["a", "b", "c"]:
        painter.feed(word)
        cell.now += 1
        painter.tick()
    painter.close()
    ((data, _, update),) = cell.sent
    assert (data["text/plain"], update) == ("abc", False)


def test_nothing_at_all_is_shown_as_nothing(cell):
    painter = cell.painter()
    painter.feed(Usage(1, 0))
    painter.feed(FinishReason("stop"))
    painter.close()
    assert cell.sent == []


def test_a_footer_alone_stands_alone(cell):
    cell.painter().close("an empty answer")
    assert cell.sent[0][0]["text/plain"] == "[an empty answer]"
    assert cell.sent[0][0]["text/html"].count("<div") == 1


def test_a_footer_is_text_too(cell):
    painter = cell.painter()
    painter.close("model <script>")
    assert "<script" not in cell.sent[0][0]["text/html"]


def test_text_form_is_plain_text_alone(cell):
    painter = cell.painter(format="text")
    painter.feed("one \x1b[31m")
    painter.close()
    assert [set(data) for data, _, _ in cell.sent] == [{"text/plain"}] * 2
    assert cell.sent[-1][0]["text/plain"] == "one ␛[31m"
