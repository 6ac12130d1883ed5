"""The beginning that is made up for the rest of a block that was cut, so that the rest goes on with it.

It opens the same quotes, list items, code fence or table again; nothing of it is shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markdown_it.token import Token


@dataclass(frozen=True)
class Resume:
    """The beginning of the rest of a block.

    Attributes
    ----------
    lines : tuple of str
        Source that opens what was open.
    kind : str
        What goes on in the innermost container: ``"fence"``, ``"paragraph"``, ``"word"`` in the midst of
        one, ``"table"``, or ``""`` for a new block.
    numbers : tuple of int
        What the lists that are open go on from, the outermost first.
    """

    lines: tuple[str, ...] = ()
    kind: str = ""
    numbers: tuple[int, ...] = ()

    @property
    def source(self) -> str:
        """The lines as the parser is to read them."""
        return "".join(f"{line}\n" for line in self.lines)


def children(tokens: Sequence[Token], start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield where each block of a level begins and ends."""
    depth, begin = 0, start
    for index in range(start, end):
        if depth == 0:
            begin = index
        depth += tokens[index].nesting
        if depth == 0:
            yield begin, index


def closed(token: Token, lines: Sequence[str]) -> bool:
    """Tell whether a fence of `lines` has its closing line."""
    first, end = token.map or (0, 0)
    last = lines[min(end, len(lines)) - 1].strip(" \t>")
    return end - first > 1 and len(last) >= len(token.markup) and not last.strip(token.markup[:1])


def line_of(token: Token) -> int:
    return token.map[0] if token.map else 0


def resumed(tokens: list[Token], resume: Resume) -> list[Token]:
    """Return `tokens`, read behind `resume`, without what it made up and with the numbers it goes on from."""
    if tokens and resume != Resume():
        tokens[0].meta["continued"] = True
    renumber(tokens, resume)
    if resume.kind in ("paragraph", "word"):
        first = next((token for token in tokens if token.type == "inline"), None)
        if first and first.content.startswith("x"):
            first.content = first.content[1:].lstrip("\n")
        return tokens
    if resume.kind == "table":
        return _without(tokens, "thead_open", "thead_close")
    return _without(tokens, "hr", "hr") if resume.lines and not resume.kind else tokens


def mark_cut(tokens: Sequence[Token]) -> None:
    """Mark the last block of `tokens`, and what in it is open, as going on elsewhere."""
    top = list(children(tokens, 0, len(tokens)))
    while top:
        start, end = top[-1]
        tokens[start].meta["goes_on"] = True
        top = list(children(tokens, start + 1, end))


def renumber(tokens: Sequence[Token], resume: Resume) -> None:
    numbers = iter(resume.numbers)
    for token in tokens:
        if token.nesting != 1:
            return
        if token.type.endswith("list_open"):
            number = next(numbers, None)
            if number is not None and token.type == "ordered_list_open":
                token.attrSet("start", number)
        if token.type == "list_item_open" and resume.lines:
            token.meta["continued"] = line_of(token) < len(resume.lines)


def _without(tokens: list[Token], opening: str, closing: str) -> list[Token]:
    """Drop the first stretch from `opening` to `closing`, and what is empty without it."""
    types = [token.type for token in tokens]
    if opening not in types:
        return tokens
    start, end = types.index(opening), types.index(closing) + 1
    while start > 0 and end < len(tokens) and tokens[start - 1].nesting == 1 and tokens[end].nesting == -1:
        start, end = start - 1, end + 1
    return tokens[:start] + tokens[end:]
