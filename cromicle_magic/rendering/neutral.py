"""Model text as Markdown that other programs render without harm, and as near to its meaning as may be.

Programs read Markdown differently at its edges. So nothing of the source is passed on: what our own parser
found in it is written anew in the simplest form, and each character that could mean anything is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from markdown_it.token import Token

from cromicle_magic.rendering import answer, code, rewrite
from cromicle_magic.rendering.resume import children
from cromicle_magic.rendering.spans import Look

_TASKS = {"[ ] ": "☐ ", "[x] ": "☑ ", "[X] ": "☑ "}


def neutralise(text: str) -> str:
    """Return Markdown that shows `text` and does nothing else.

    It has no raw HTML, no image, no address but http, https and mailto, and formulas that a typesetter can
    only set. Code is in fences that it cannot leave.

    Examples
    --------
    >>> neutralise("<b> and ![x](https://a.example/y) *z*")
    '&lt;b&gt; and [x (https\\\\://a.example/y)](https://a.example/y) *z*'
    """
    return "".join(steps(text))


def steps(text: str) -> Iterator[str]:
    """Yield the same in parts, to be joined; each takes a short time, and many are ""."""
    look, gap = Look(), ""
    notes = answer.Notes()
    for piece in answer.read(text.replace("\r\n", "\n").replace("\r", "\n"), look):
        block = "" if piece is None else _joined(notes.take(piece.tokens), look)
        yield gap + block if block else ""
        gap = "\n\n" if block else gap
    for label, tokens in notes.tokens.items():
        yield f"{gap}&#91;{look.number(label)}&#93; {_joined(tokens, look)}"
        gap = "\n\n"


def _joined(tokens: Sequence[Token], look: Look) -> str:
    return "\n\n".join(filter(None, _blocks(tokens, 0, len(tokens), look)))


def _blocks(tokens: Sequence[Token], start: int, end: int, look: Look) -> Iterator[str]:
    """Yield each block of a level; two lists in a row get different marks, lest they become one."""
    former, marks = "", 0
    for first, last in children(tokens, start, end):
        kind = tokens[first].type
        marks = (marks + 1) % 2 if kind == former else 0
        former = kind
        yield _block(tokens, first, last, marks, look)


def _block(tokens: Sequence[Token], first: int, last: int, marks: int, look: Look) -> str:
    token = tokens[first]
    match token.type:
        case "paragraph_open" | "inline":
            return _text(tokens[min(first + 1, last)], look)
        case "heading_open":
            text = _text(tokens[first + 1], look).replace("\\\n", " ").replace("\n", " ")
            return f"{'#' * int(token.tag[1])} {text}"
        case "fence" | "code_block":
            return _fence(token)
        case "math_block":
            return rewrite.formula(token.content, block=True)
        case "hr":
            return "___"
        case "blockquote_open":
            return _indented("> ", "> ", "\n\n".join(_blocks(tokens, first + 1, last, look)))
        case "bullet_list_open" | "ordered_list_open":
            return _list(tokens, first, last, marks, look)
        case "table_open":
            return _table(tokens[first:last], look)
        case "footnote_reference_open":
            inside = "\n\n".join(_blocks(tokens, first + 1, last, look))
            return f"&#91;{look.number(token.meta['label'])}&#93; {inside}"
    return ""


def _text(token: Token, look: Look, *, cell: bool = False) -> str:
    mark = _TASKS.get(token.content[:4], "")
    return mark + rewrite.text(token.content[4 * bool(mark) :], look, cell=cell)


def _fence(token: Token) -> str:
    ticks = "`" * max([3, *(len(run) + 1 for run in re.findall("`{3,}", token.content))])
    language = (token.info.lower().split() or [""])[0]
    known = language if language in code.LANGUAGES else ""
    return f"{ticks}{known}\n{rewrite.visible_lines(token.content)}\n{ticks}"


def _indented(first: str, others: str, text: str) -> str:
    head, *rest = text.split("\n")
    return "\n".join([(first + head).rstrip(), *((others + line).rstrip() for line in rest)])


def _list(tokens: Sequence[Token], first: int, last: int, marks: int, look: Look) -> str:
    ordered = tokens[first].type == "ordered_list_open"
    start = tokens[first].attrGet("start")
    number = 1 if start is None else int(start)
    items, gap = [], "\n"
    for at, (begin, end) in enumerate(children(tokens, first + 1, last)):
        mark = f"{(number + at) % 10**9}{'.)'[marks]} " if ordered else "-*"[marks] + " "
        between = _gap(tokens[begin + 1 : end])
        gap = max(gap, between)
        blocks = filter(None, _blocks(tokens, begin + 1, end, look))
        items.append(_indented(mark, " " * len(mark), between.join(blocks)))
    return gap.join(items)


def _gap(tokens: Sequence[Token]) -> str:
    """A list stays tight, but for what could not begin without a blank line."""
    loose = any(token.type == "paragraph_open" and not token.hidden for token in tokens)
    late = any(token.type == "ordered_list_open" and token.attrGet("start") for token in tokens)
    return "\n\n" if loose or late else "\n"


def _table(tokens: Sequence[Token], look: Look) -> str:
    rows: list[list[str]] = []
    aligns: list[str] = []
    for token in tokens:
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "th_open":
            aligns.append(str(token.attrGet("style") or ""))
        elif token.type == "inline":
            rows[-1].append(_text(token, look, cell=True))
    if not aligns:
        return "\n\n".join(" ".join(row) for row in rows)
    lines = [f"| {' | '.join(row)} |" for row in rows]
    rule = {"text-align:right": "--:", "text-align:center": ":-:", "text-align:left": ":--"}
    return "\n".join([lines[0], f"| {' | '.join(rule.get(align, '---') for align in aligns)} |", *lines[1:]])
