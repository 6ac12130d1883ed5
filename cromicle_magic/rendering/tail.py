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
_RUNS = re.compile(r"\\.|(\*{1,3}|_{1,3}|~~)", re.DOTALL)


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
    code, text = _split_code(text)
    if code is not None:
        return _closed(text) + code if code.strip("`") else _closed(text.rstrip())
    text = _NOTE.sub("", _ENTITY.sub("", _AUTOLINK.sub("", text)))
    return _closed(_LINK.sub(r"\1", text))


def _split_code(text: str) -> tuple[str | None, str]:
    """Return the code span that is open at the end, closed, and the text before it."""
    at = 0
    while (start := text.find("`", at)) >= 0:
        run = len(text) - start - len(text[start:].lstrip("`"))
        ticks = "`" * run
        end = re.compile(rf"(?<!`){ticks}(?!`)").search(text, start + run)
        if not end:
            return text[start:].rstrip("`") + ticks, text[:start]
        at = end.end()
    return None, text


def _closed(text: str) -> str:
    """Close emphasis; a run of marks at the very end is not shown before it is known what it is."""
    text = re.sub(r"(?<!\\)(?:[*_~]+|\\)$", "", text)
    marks: list[str] = []
    for found in _RUNS.finditer(text):
        if found[1]:
            _toggle(marks, found[1], text, found.span())
    return text.rstrip() + "".join(reversed(marks)) if marks else text


def _toggle(marks: list[str], mark: str, text: str, span: tuple[int, int]) -> None:
    before, after = text[: span[0]][-1:], text[span[1] :][:1]
    if mark in marks and before.strip():
        del marks[marks.index(mark) :]
    elif after.strip() and not (mark[0] == "_" and before.isalnum()):
        marks.append(mark)
