"""Markdown into tokens: CommonMark with tables, strikethrough, footnotes and TeX, and without raw HTML."""

from __future__ import annotations

import re
from collections.abc import Iterator, MutableMapping
from functools import cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from mdit_py_plugins.footnote.index import footnote_def

from cromicle_magic.rendering import math
from cromicle_magic.text import visible

Env = MutableMapping[str, Any]

LONGEST_INLINE = 4096
"""Characters of text that are read for emphasis, links and the like in one go: bounds the time of a step."""

MANY_BRACKETS = 300
"""Brackets from which on a text is read in smaller parts: they are the slowest of all."""

NESTING = 20
"""Blocks and brackets inside one another; what is deeper is left out of structure, not out of text."""

_NOTE = re.compile(r"\[\^([^\s\[\]^]{1,60})\]")


@cache
def _parser() -> MarkdownIt:
    md = MarkdownIt("commonmark", {"html": False, "maxNesting": NESTING}).enable(["table", "strikethrough"])
    md.use(math.plugin)
    md.block.ruler.before("reference", "footnote_def", footnote_def, {"alt": ["paragraph", "reference"]})
    md.inline.ruler.before("link", "footnote_ref", _footnote_ref)
    # What may be followed is decided where links are written, so that a label is never lost; and an
    # address between angle brackets is shown as it was written, not with its host decoded.
    md.validateLink = lambda url: True  # type: ignore[method-assign]
    md.normalizeLinkText = lambda link: link  # type: ignore[method-assign]
    return md


def _footnote_ref(state: StateInline, silent: bool) -> bool:
    found = _NOTE.match(state.src, state.pos)
    defined = state.env.get("notes")
    if not found or (defined is not None and found[1] not in defined):
        return False
    if not silent:
        state.push("footnote_ref", "", 0).meta = {"label": found[1]}
    state.pos = found.end()
    return True


def blocks(source: str, env: Env) -> list[Token]:
    """Return the block tokens of `source`, whose text is not read yet; definitions go into `env`."""
    tokens: list[Token] = []
    _parser().block.parse(visible(source), _parser(), env, tokens)
    return tokens


def inline(text: str, env: Env) -> list[Token]:
    """Return the tokens of a block's text."""
    tokens: list[Token] = []
    _parser().inline.parse(text, _parser(), env, tokens)
    return tokens


def parts(text: str) -> Iterator[str]:
    """Yield `text` in parts that take no longer than a step may, cut at blanks where there are some."""
    longest = LONGEST_INLINE if text.count("[") < MANY_BRACKETS else LONGEST_INLINE // 4
    while len(text) > longest:
        cut = max(text.rfind("\n", 1, longest), text.rfind(" ", 1, longest))
        cut = cut if cut > 0 else longest
        yield text[:cut]
        text = text[cut:]
    yield text
