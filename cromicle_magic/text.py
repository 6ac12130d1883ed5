"""Characters that act on a terminal or deceive a reader, made visible."""

from collections.abc import Iterable

_C0 = {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\t\n"}
_C1 = {code: f"\\x{code:02x}" for code in range(0x80, 0xA0)}
# Bidi overrides and isolates reorder what is read (CVE-2021-42574); the others have no width at all.
# Zero-width joiners stay: emoji families, Persian and the Indic scripts need them.
_DECEIVING = [*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200B, 0x2060, 0xFEFF]


def _named(codes: Iterable[int]) -> dict[int, str]:
    return {code: f"⟨U+{code:04X}⟩" for code in codes}


_VISIBLE = _C0 | {0x7F: "␡"} | _C1 | _named(_DECEIVING) | _named(range(0xD800, 0xE000))


def visible(text: str) -> str:
    """Return `text` with control, bidi and zero-width characters shown instead of obeyed.

    Tab, newline and CRLF (as newline) stay; an escape sequence loses its escape character, so no
    terminal acts on it. The length may grow; a text without such characters comes back unchanged.
    """
    return text.replace("\r\n", "\n").translate(_VISIBLE)


def one_line(text: str, limit: int = 300) -> str:
    """Return `text` made visible, on one line, cut to `limit` characters with an ellipsis."""
    line = " ".join(visible(text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
