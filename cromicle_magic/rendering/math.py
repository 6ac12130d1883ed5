"""TeX in Markdown: found, kept to the letter for the front end's typesetter, and kept from acting."""

from __future__ import annotations

import re
from html import escape

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

from cromicle_magic.text import visible

CLASS = "mathjax_process tex2jax_process"
"""Switches the typesetter on again inside an element that has `IGNORE` (MathJax 3, MathJax 2)."""

IGNORE = "mathjax_ignore tex2jax_ignore"

LONGEST = 4000
"""Characters of a formula; a longer one is text: it would stop the page while it is typeset."""

# What links, fetches, styles, names elements, defines macros or folds text away, in MathJax's packages.
_ACTING = re.compile(
    r"\\\s*(?:href|url|style|class|cssId|id|require|includegraphics|unicode|html\w*|data|csname"
    r"|[gex]?def|let|futurelet|(?:re)?new\w+|provide\w+|Declare\w+|Newextarrow|begingroup\w*"
    r"|bbox|fcolorbox|definecolor|mmlToken|enclose|action|toggle|mathtip|texttip|tooltip|label|(?:eq)?ref"
    r"|input|include|write|openout|loop|special|catcode)(?![A-Za-z])"
)
_CLOSERS = {"$$": "$$", r"\[": r"\]", r"\(": r"\)", "$": "$"}


def acts(formula: str) -> bool:
    """Tell whether a typesetter could do more with `formula` than set it, or take too long."""
    return len(formula) > LONGEST or _ACTING.search(formula) is not None


def html_of(formula: str, *, block: bool = False) -> str:
    """Return the element that a typesetter fills, delimiters included; plain text if the formula acts."""
    tag = "div" if block else "span"
    mark = "" if acts(formula) else f' class="{CLASS}"'
    style = ' style="overflow-x:auto"' if block else ""
    return f'<{tag}{mark} dir="ltr"{style}>{escape(visible(formula))}</{tag}>'


def plugin(md: MarkdownIt) -> None:
    """Teach `md` the rules for TeX: ``math_inline`` and ``math_block``, the formula in ``content``."""
    md.inline.ruler.before("escape", "math", _inline)
    md.block.ruler.before("fence", "math", _block, {"alt": ["paragraph", "reference", "blockquote", "list"]})


def _inline(state: StateInline, silent: bool) -> bool:
    opener = _opener(state.src, state.pos)
    end = _end(state.src, state.pos, opener, state.posMax) if opener else -1
    if end < 0:
        return False
    if not silent:
        state.push("math_inline", "", 0).content = state.src[state.pos : end]
    state.pos = end
    return True


def _opener(src: str, at: int) -> str:
    return next((mark for mark in _CLOSERS if mark != r"\]" and src.startswith(mark, at)), "")


def _end(src: str, at: int, opener: str, limit: int) -> int:
    inside = at + len(opener)
    close = _unescaped(src, _CLOSERS[opener], inside, min(limit, inside + LONGEST))
    if close < 0 or not re.search(r"[^\W_]", src[inside:close]):
        return -1
    if opener == "$" and not _is_math(src, at, close):
        return -1
    return close + len(opener)


def _is_math(src: str, at: int, close: int) -> bool:
    """Tell a formula from two prices: "$5 and $10", "US$5-$10"."""
    outside = at == 0 or not (src[at - 1].isalnum() or src[at - 1] == "$")
    after = src[close + 1 : close + 2]
    spaced = src[at + 1].isspace() or src[close - 1].isspace()
    return outside and not spaced and not after.isdigit() and after != "$"


def _unescaped(src: str, closer: str, start: int, limit: int) -> int:
    at = src.find(closer, start, limit)
    while at > 0 and _backslashes(src, start, at) % 2:
        at = src.find(closer, at + 1, limit)
    return at


def _backslashes(src: str, start: int, at: int) -> int:
    return at - start - len(src[start:at].rstrip("\\"))


def _block(state: StateBlock, first: int, end: int, silent: bool) -> bool:
    if state.is_code_block(first):
        return False
    opener = _opener(state.src, state.bMarks[first] + state.tShift[first])
    if opener not in ("$$", r"\["):
        return False
    last, closed = _last_line(state, first, end, opener)
    if last < 0 or not (closed or state.env.get("open")):
        return False
    if not silent:
        _push_block(state, first, last, closed)
    return True


def _last_line(state: StateBlock, first: int, end: int, opener: str) -> tuple[int, bool]:
    """Return the line that ends the formula, and whether it does so by its delimiter."""
    size = 0
    for line in range(first, end):
        if line > first and (state.isEmpty(line) or state.sCount[line] < state.blkIndent):
            return -1, False
        text = _line(state, line)
        inside = text[len(opener) :] if line == first else text
        size += len(text)
        at = inside.find(_CLOSERS[opener])
        if at >= 0:
            rest = inside[at + 2 :].strip()
            return (-1, False) if rest or (line == first and not inside[:at].strip()) else (line, True)
        if size > LONGEST:
            return -1, False
    return (end - 1, False) if end == state.lineMax else (-1, False)


def _line(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]


def _push_block(state: StateBlock, first: int, last: int, closed: bool) -> None:
    token = state.push("math_block" if closed else "math_open", "", 0)
    token.content = "\n".join(_line(state, line).rstrip() for line in range(first, last + 1))
    token.map = [first, last + 1]
    token.block = True
    state.line = last + 1
