"""What the notebook painter sends, by a clock that the test turns."""

import pytest

from cromicle_magic.messages import FinishReason, Reasoning, Usage
from cromicle_magic.rendering.notebook import MOST_OUTPUTS, NotebookPainter
from cromicle_magic.rendering.pace import FASTEST, SLOWEST, Pace

PARAGRAPH = "Some words that fill a line, and then a few more of them. " * 4 + "\n\n"


class Cell:
    """An output area that notes every message; `mine` tells whether it holds nothing of another's."""

    def __init__(self):
        self.sent, self.outputs, self.now, self.mine = [], {}, 0.0, True

    def publish(self, data, display_id, *, update):
        assert update == (display_id in self.outputs)
        self.sent.append(data)
        self.outputs[display_id] = data

    def clear(self):
        if self.mine:
            self.outputs.clear()
        return self.mine

    def painter(self, **options):
        return NotebookPainter(self, clock=lambda: self.now, **options)

    def play(self, painter, *texts, every=FASTEST):
        for text in texts:
            painter.feed(text)
            self.now += every
            painter.tick()

    @property
    def html(self):
        return [data["text/html"] for data in self.outputs.values()]


def finish(painter, footer=""):
    for _ in painter.closing(footer):
        pass


@pytest.fixture
def cell():
    return Cell()


def test_the_first_text_is_painted_at_once_and_the_next_only_when_it_is_time(cell):
    painter = cell.painter()
    painter.feed("one ")
    painter.feed("two ")
    assert len(cell.sent) == 1
    cell.now += SLOWEST
    painter.tick()
    assert "one two" in cell.sent[1]["text/html"]


def test_nothing_is_painted_again_while_nothing_comes(cell):
    painter = cell.painter()
    painter.feed("one ")
    for _ in range(5):
        cell.now += 1
        painter.tick()
    assert len(cell.sent) == 1


def test_the_end_is_one_output_in_three_forms(cell):
    painter = cell.painter()
    cell.play(painter, *[PARAGRAPH] * 30)
    assert len(cell.outputs) > 3
    finish(painter, "3 tokens")
    (data,) = cell.outputs.values()
    assert set(data) == {"text/html", "text/markdown", "text/plain"}
    assert data["text/html"].count("<p") == 30
    assert data["text/plain"] == PARAGRAPH * 30 + "\n\n[3 tokens]"


def test_a_short_answer_is_updated_in_place_and_nothing_is_cleared(cell):
    cell.mine = False
    painter = cell.painter()
    cell.play(painter, "one ", "two")
    finish(painter)
    (data,) = cell.outputs.values()
    assert data["text/plain"] == "one two"


def test_beside_another_output_nothing_is_cleared_and_every_word_stands_once(cell):
    cell.mine = False
    words = [f"word{number} and so on, for as long as it takes.\n\n" for number in range(100)]
    painter = cell.painter()
    cell.play(painter, *words)
    finish(painter, "100 tokens")
    plain = "".join(data["text/plain"] for data in cell.outputs.values())
    assert all(plain.count(f"word{number} ") == 1 for number in range(100))
    assert "".join(cell.html).count("word99 ") == 1
    assert "100 tokens" in cell.html[-1]


def test_what_is_finished_is_not_sent_again(cell):
    painter = cell.painter()
    cell.play(painter, *[PARAGRAPH] * 200)
    sent = sum(len(data["text/html"]) for data in cell.sent)
    assert sent < 12 * 200 * len(PARAGRAPH)


@pytest.mark.parametrize("mine", [True, False])
def test_there_are_never_more_outputs_than_a_cell_holds_and_every_word_is_shown(cell, mine):
    cell.mine = mine
    painter = cell.painter()
    words = [f"word{number} {PARAGRAPH}" for number in range(600)]
    for word in words:
        cell.play(painter, word, every=SLOWEST * 20)
        assert len(cell.outputs) <= MOST_OUTPUTS
    shown = "".join(cell.html)
    assert all(shown.count(f"word{number} ") == 1 for number in range(600))


def test_slow_painting_waits_longer_and_a_single_slow_paint_does_not():
    pace = Pace()
    pace.painted(0.0, 0.1)
    assert pace.due(0.1 + SLOWEST, new=1, whole=1)
    pace.painted(0.3, 0.4)
    assert not pace.due(0.4 + SLOWEST, new=1, whole=1)
    assert pace.due(0.4 + 0.5, new=1, whole=1)


def test_where_nobody_watches_only_the_end_is_painted(cell):
    painter = cell.painter(live=False)
    cell.play(painter, *[PARAGRAPH] * 10)
    assert cell.sent == []
    finish(painter)
    assert len(cell.sent) == 1


def test_silence_before_the_first_text_shows_a_sign_of_life_that_the_text_replaces(cell):
    painter = cell.painter()
    cell.now += 0.2
    painter.tick()
    assert cell.sent == []
    cell.now += 2
    painter.tick()
    assert "waiting… 2 s" in cell.html[0]
    painter.feed("text")
    assert len(cell.html) == 1
    assert "waiting" not in cell.html[0]


def test_a_sign_of_life_goes_when_nothing_comes(cell):
    painter = cell.painter()
    cell.now += 2
    painter.tick()
    finish(painter)
    assert cell.html == [""]


def test_nothing_at_all_is_shown_as_nothing(cell):
    painter = cell.painter()
    painter.feed(Usage(1, 0))
    painter.feed(FinishReason("stop"))
    finish(painter)
    assert cell.sent == []


def test_reasoning_stands_folded_above_the_answer(cell):
    painter = cell.painter()
    painter.feed(Reasoning("I think <b>so</b>."))
    cell.now += 3
    painter.tick()
    assert "thinking… 3 s" in cell.html[0]
    painter.feed("Yes.")
    finish(painter)
    (html,) = cell.html
    assert html.index("<details") < html.index("I think") < html.index("Yes.")
    assert "<b>" not in html


def test_a_footer_is_text_and_can_stand_alone(cell):
    finish(cell.painter(), "an empty <script> answer")
    (data,) = cell.outputs.values()
    assert data["text/plain"] == "[an empty <script> answer]"
    assert "<script" not in data["text/html"]
