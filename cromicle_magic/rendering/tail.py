"""The end of an answer that is still being written, without the flicker of half-written syntax."""

from __future__ import annotations

import re

from markdown_it.token import Token

# What may still become a rule, a heading, a list, a fence, a table's second line or a definition.
_UNDECIDED = re.compile(
    r"[ \t>]*(?:[-=*_+#~`|: \t>]+|(?:[-*+][ \t]+)*\d{1,9}[.)]?[ \t]*|\[[^\]^][^\]]*\]:.*|\\\[?|\$\$?)"
)
_FENCE = re.compile(r"[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)*(?:`{3,}[^`]*|~{3,}.*)")
_NOTE = re.compile(r"!?\[(?:\^[^\]\n]*)?$")
_LINK = re.compile(r"!?\[([^\[\]]*)(?:\](?:\([^()\s<>]*(?:[ \n]+[\"'(]?[^\"'()]*)?)?)?$")
_AUTOLINK = re.compile(r"<(?:h|ht|htt|m|ma|mai|mail|mailt|https?(?::[^\s<>]*)?|mailto(?::[^\s<>]*)?)?$")
_ENTITY = re.compile(r"&#?\w{0,31}$")
# Marks of emphasis, but for those in code, in formulas and in addresses.
_RUNS = re.compile(r"\\.|`+[^`]*`+|\$[^$\n]*\$|\]\([^)\n]*\)|<[^<>\n]*>|(\*{1,3}|_{1,3}|~~)", re.DOTALL)


def decided(source: str, *, code: bool) -> str:
    """Return `source` without a last line of which is not known yet what it is.

    Parameters
    ----------
    source
        What is not finished, to its last character.
    code
        Whether its last line is in a block of code; there it is shown as it is.
    """
    start = source.rfind("\n") + 1
    last = source[start:]
    if code:
        return source[:start] if re.fullmatch(r"[ \t>]*(?:`+|~+)", last) else source
    hidden = _FENCE.fullmatch(last) or _UNDECIDED.fullmatch(last)
    return source[:start].rstrip("\n") if hidden else source


def mend(tokens: list[Token], source: str) -> list[Token]:
    """Close in the last text what is open there; leave out a block of code that has no line yet."""
    if tokens and tokens[-1].type == "fence" and not tokens[-1].content:
        return tokens[:-1]
    last = next((token for token in reversed(tokens) if token.type == "inline" or token.nesting == 0), None)
    if last and last.type == "inline" and not source.endswith("\n\n"):
        last.content = mended(last.content)
    return tokens


def mended(text: str) -> str:
    """Return a paragraph's text with emphasis, code and links that are open at its end closed.

    Examples
    --------
    >>> mended("see **the [manual](https://exa")
    'see **the manual**'
    """
    text, code = _split_code(text)
    if code:
        return _closed(text, code)
    text = _NOTE.sub("", _ENTITY.sub("", _AUTOLINK.sub("", text)))
    text = _LINK.sub(r"\1", text)
    # A run of marks at the very end may open or close; it is not shown before that is known.
    return _closed(re.sub(r"(?<!\\)(?:[*_~]+|\\)$", "", text), "")


def _split_code(text: str) -> tuple[str, str]:
    """Return the text, and apart from it the code span that is open at its end, closed."""
    runs = list(re.finditer("`+", text))
    while runs:
        opening = runs.pop(0)
        ticks = opening[0]
        closing = next((at for at, run in enumerate(runs) if run[0] == ticks), None)
        if closing is None:
            code = text[opening.end() :].rstrip("`")
            return text[: opening.start()], f"{ticks}{code}{ticks}" if code.strip() else ""
        del runs[: closing + 1]
    return text, ""


def _closed(text: str, code: str) -> str:
    """Close emphasis that is open at the end of `text`, behind `code`."""
    marks: list[str] = []
    for found in _RUNS.finditer(text):
        if found[1]:
            _toggle(marks, found[1], text, found.span())
    whole = text + code
    return whole.rstrip() + "".join(reversed(marks)) if marks else whole


def _toggle(marks: list[str], mark: str, text: str, span: tuple[int, int]) -> None:
    before, after = text[max(span[0] - 1, 0) : span[0]], text[span[1] : span[1] + 1]
    if mark in marks and before.strip():
        del marks[marks.index(mark) :]
    elif after.strip() and not (mark[0] == "_" and before.isalnum()):
        marks.append(mark)
