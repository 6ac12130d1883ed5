"""Nothing that acts on a terminal or deceives a reader survives; ordinary text comes through unchanged."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cromicle_magic.text import one_line, visible

EVERY_CHARACTER = st.text(st.characters(codec=None, exclude_categories=()))
REORDERING = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}

ORDINARY = [
    "plain, with a tab\tand\n\nlines",
    "Привет, Ελληνικά, 你好, ひらがな, 한국어, ไทย",
    "שלום עולם, مرحبا بالعالم",
    "می\u200cخواهم",  # noqa: RUF001  Persian, with a zero-width non-joiner
    "क्\u200dष श्री",  # Hindi, with a zero-width joiner
    "12\u200f.5\u200e \u061c٪",  # directional marks, as locales of Arabic and Hebrew write numbers
    "👩\u200d👩\u200d👧\u200d👦 👍🏽 ❤️ 🏳️\u200d🌈 1️⃣ 🇩🇪",
    "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",  # the flag of Scotland
    "e\u0301 \u00a0 \u3000 € \U0001d4b3",
]


def acts(character):
    """Whether a terminal may obey the character, or a reader be deceived by it."""
    return (
        (unicodedata.category(character) == "Cc" and character not in "\t\n")
        or unicodedata.bidirectional(character) in REORDERING
        or unicodedata.category(character) == "Cs"
    )


@given(EVERY_CHARACTER)
@example("\x1b]0;title\x07\x9b31m\r\x7f\u202e\ud800")
def test_no_control_bidi_or_surrogate_survives(text):
    assert [character for character in visible(text) if acts(character)] == []


def test_not_one_of_all_the_characters_survives():
    shown = visible("".join(map(chr, range(0x110000))))
    assert [hex(ord(character)) for character in shown if acts(character)] == []


@given(EVERY_CHARACTER)
def test_what_is_visible_stays_as_it_is(text):
    assert visible(visible(text)) == visible(text)


@given(EVERY_CHARACTER)
def test_visible_text_can_be_encoded(text):
    visible(text).encode()


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_of_any_script_is_unchanged(text):
    assert visible(text) == text


@pytest.mark.parametrize(
    ("hidden", "shown"),
    [
        ("\x1b[31mred", "␛[31mred"),
        ("\x9b2J", "\\x9b2J"),
        ("a\x00b\x08c\x7f", "a␀b␈c␡"),
        ("a\rb", "a␍b"),
        ("\u202eexe.txt", "⟨U+202E⟩exe.txt"),
        ("a\u200bb\u2060c\u2063d\ufeff", "a⟨U+200B⟩b⟨U+2060⟩c⟨U+2063⟩d⟨U+FEFF⟩"),
        ("\ud83d", "⟨U+D83D⟩"),
        ("Hi\U000e0041\U000e0042", "Hi⟨U+E0041⟩⟨U+E0042⟩"),
    ],
)
def test_a_character_that_acts_is_shown(hidden, shown):
    assert visible(hidden) == shown


def test_a_windows_line_end_is_a_line_end():
    assert visible("a\r\nb") == "a\nb"


@given(EVERY_CHARACTER, st.integers(1, 50))
@example("a\u2028b\u2029c\x85d\x0be\x1cf", 50)
def test_one_line_is_one_line_of_at_most_the_limit(text, limit):
    line = one_line(text, limit)
    assert len(line.splitlines()) <= 1
    assert len(line) <= limit
    assert [character for character in line if acts(character)] == []


def test_a_line_is_cut_with_an_ellipsis():
    assert one_line("abcdef", 6) == "abcdef"
    assert one_line("abcdefg", 6) == "abcde…"
