"""Where a block that goes on and on may be cut.

A list is cut between its items, a table between its rows, code and paragraphs between their lines; in a
container that is itself in others, as deep as it must be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markdown_it.token import Token

from cromicle_magic.rendering.resume import Resume, children, closed, line_of, renumber

_QUOTE = re.compile(r" {0,3}> ?")
_ITEM = re.compile(r"( {0,3}(?:[-+*]|\d{1,9}[.)]))( {1,4}(?=\S)| |$)")
_RULE = "___"  # what opens an item without making it loose, and no paragraph goes on after it


@dataclass(frozen=True)
class Cut:
    """The rest begins at `line` with `resume` before it."""

    line: int
    resume: Resume


@dataclass
class _Path:
    """The containers around a place: what opens each, and the numbers of the lists among them."""

    segments: tuple[str, ...] = ()
    numbers: tuple[int, ...] = ()

    def column(self, line: str) -> int:
        """Return where the content of the innermost container begins; -1 if the line is not in it."""
        at = 0
        for segment in self.segments:
            found = _QUOTE.match(line, at) if ">" in segment else None
            if ">" in segment and not found:
                return -1
            at = found.end() if found else at + len(segment)
        return at

    def resume(self, kind: str = "", *openers: str) -> Resume:
        """Return what opens these containers again and, in them, what `openers` open."""
        if not openers and not self.segments:
            return Resume((), kind, self.numbers)
        again = "".join(self.segments)
        following = re.sub(r"[^>]", " ", again)
        first, *others = openers or (_RULE,)
        return Resume((again + first, *(following + line for line in others)), kind, self.numbers)


def cut(tokens: Sequence[Token], lines: Sequence[str], resume: Resume, *, torn: bool = False) -> Cut | None:
    """Return where the last block of `tokens` is best cut, or nothing if it cannot be.

    Parameters
    ----------
    tokens
        The blocks of `lines`, read behind `resume`; their lists get the numbers they go on from.
    lines
        The source by lines, without their ends.
    resume
        What stood before them.
    torn
        Whether the last line is to be cut after its end, though it goes on.
    """
    renumber(tokens, resume)
    made_up, lines = len(resume.lines), [*resume.lines, *lines]
    top = list(children(tokens, 0, len(tokens)))
    cuts = list(_cuts(tokens, lines, top[-1], _Path(), torn)) if top else []
    if torn:
        found = cuts[-1] if cuts and cuts[-1].line >= len(lines) else None
    else:
        half = sum(map(len, lines)) // 2
        small = (each for each in cuts if sum(map(len, lines[each.line :])) <= half)
        found = next(small, cuts[-1] if cuts else None)
    return Cut(found.line - made_up, found.resume) if found and found.line > made_up else None


def _cuts(
    tokens: Sequence[Token], lines: Sequence[str], span: tuple[int, int], path: _Path, torn: bool
) -> Iterator[Cut]:
    """Yield the cuts from the outermost to the innermost."""
    start, end = span
    token = tokens[start]
    if token.type not in ("blockquote_open", "bullet_list_open", "ordered_list_open", "list_item_open"):
        yield from _in_leaf(token, lines, path, torn)
        return
    inner = _entered(tokens, span, lines, path)
    spans = list(children(tokens, start + 1, end))
    if inner is None or not spans:
        return
    last = spans[-1]
    if len(spans) > 1:
        yield Cut(line_of(tokens[last[0]]), inner.resume())
    yield from _cuts(tokens, lines, last, inner, torn)


def _entered(
    tokens: Sequence[Token], span: tuple[int, int], lines: Sequence[str], path: _Path
) -> _Path | None:
    token = tokens[span[0]]
    if token.type.endswith("list_open"):
        count = sum(1 for _ in children(tokens, span[0] + 1, span[1]))
        number = int(token.attrGet("start") or 1) + count - 1
        return _Path(path.segments, (*path.numbers, number))
    line = lines[line_of(token)]
    column = path.column(line)
    found = (
        (_QUOTE if token.type == "blockquote_open" else _ITEM).match(line, column) if column >= 0 else None
    )
    if not found:
        return None
    segment = found[0] if found[0].endswith(" ") else found[0] + " "
    return _Path((*path.segments, segment), path.numbers)


def _in_leaf(token: Token, lines: Sequence[str], path: _Path, torn: bool) -> Iterator[Cut]:
    first, end = token.map or (0, 0)
    opener = lines[first][max(path.column(lines[first]), 0) :] if first < len(lines) else ""
    if token.type == "fence" and not closed(token, lines):
        if end >= len(lines) and end > first + 1:
            yield Cut(len(lines), path.resume("fence", opener))
    elif token.type == "table_open":
        second = lines[first + 1]
        yield Cut(end, path.resume("table", opener, second[max(path.column(second), 0) :]))
    elif token.type in ("paragraph_open", "heading_open") and torn:
        yield Cut(len(lines), path.resume("paragraph", "x"))
    elif token.type == "paragraph_open" and end - first > 1:
        yield Cut(end - 1, path.resume("paragraph", "x"))
    elif end < len(lines) or (token.type == "code_block" and end - first > 1):
        yield Cut(end - 1 if token.type == "code_block" else end, path.resume())
