"""Characters that act on a terminal or deceive a reader, made visible."""

import re
from collections.abc import Iterable

_C0 = {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\t\n"}
_C1 = {code: f"\\x{code:02x}" for code in range(0x80, 0xA0)}
# Bidi embeddings, overrides and isolates reorder what is read (CVE-2021-42574); the others have no width.
# Zero-width joiners stay: emoji families, Persian and the Indic scripts need them. So do the marks
# U+061C, U+200E and U+200F: they move no letter, and dates and numbers of Arabic and Hebrew have them.
_DECEIVING = [
    *range(0x202A, 0x202F),
    *range(0x2060, 0x2070),
    *range(0xFFF9, 0xFFFC),
    0x200B,
    0xFEFF,
]
# Tag characters are an invisible copy of ASCII in which text can be smuggled; three flags are spelled so.
_TAGS = re.compile("(\U0001f3f4[\U000e0061-\U000e007a]{3,6}\U000e007f)|[\U000e0000-\U000e007f]")


def _name(code: int) -> str:
    return f"⟨U+{code:04X}⟩"


def _named(codes: Iterable[int]) -> dict[int, str]:
    return {code: _name(code) for code in codes}


_VISIBLE = _C0 | {0x7F: "␡"} | _C1 | _named(_DECEIVING) | _named(range(0xD800, 0xE000))


def visible(text: str) -> str:
    """Return `text` with control, bidi and zero-width characters shown instead of obeyed.

    Tab, newline and CRLF (as newline) stay; an escape sequence loses its escape character, so no
    terminal acts on it. The length may grow; a text without such characters comes back unchanged.

    Examples
    --------
    >>> visible("\\x1b[2Jgone")
    '␛[2Jgone'
    """
    shown = text.replace("\r\n", "\n").translate(_VISIBLE)
    return _TAGS.sub(lambda found: found[1] or _name(ord(found[0])), shown)


def one_line(text: str, limit: int = 300) -> str:
    """Return `text` made visible, on one line, cut to `limit` characters with an ellipsis."""
    line = " ".join(visible(text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
