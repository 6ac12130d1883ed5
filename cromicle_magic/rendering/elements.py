"""Blocks into HTML, from fixed pieces: the text ends up in text and link addresses, and nowhere else."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from markdown_it.token import Token

from cromicle_magic.rendering import code, math, parser, spans
from cromicle_magic.rendering.sanitise import clean
from cromicle_magic.rendering.spans import Look

CONTINUED = '<li style="list-style:none;margin:0">'
"""A list item that began in a piece before."""

_STEP = 4000
_FIXED = {
    "paragraph_close": "</p>\n",
    "bullet_list_close": "</ul>\n",
    "ordered_list_close": "</ol>\n",
    "list_item_close": "</li>\n",
    "blockquote_close": "</blockquote>\n",
    "hr": "<hr>\n",
    "table_close": "</table></div>\n",
    "thead_open": "<thead>",
    "thead_close": "</thead>\n",
    "tbody_open": "<tbody>",
    "tbody_close": "</tbody>\n",
    "tr_open": "<tr>",
    "tr_close": "</tr>\n",
    "th_close": "</th>",
    "td_close": "</td>",
    "footnote_reference_close": "</div>\n",
}
_HEADINGS = {f"h{level}" for level in range(1, 7)}
_ALIGN = {f"text-align:{side}" for side in ("left", "center", "right")}
_TASKS = {"[ ] ": "☐ ", "[x] ": "☑ ", "[X] ": "☑ "}
# Hebrew, Arabic and the scripts beside them, and their presentation forms.
_LEFTWARD = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")


def html_of(tokens: Sequence[Token], look: Look) -> str:
    """Return the safe HTML of whole blocks, without the element around an answer."""
    return "".join(steps(tokens, look))


def steps(tokens: Sequence[Token], look: Look) -> Iterator[str]:
    """Yield "" while at work, after each text that is long, and the safe HTML of whole blocks at the end."""
    html, work = [], 0
    for piece in _blocks(tokens, look):
        html.append(piece)
        work += len(piece)
        if work > _STEP:
            yield ""
            work = 0
    yield clean("".join(html))


def _blocks(tokens: Sequence[Token], look: Look) -> Iterator[str]:
    side = _Side()
    for index, token in enumerate(tokens):
        if token.level == 0 and token.nesting >= 0:
            side = _Side(tokens, index)
        if token.type == "inline":
            if _begins_item(tokens, index):
                yield _TASKS[token.content[:4]]
                token.content = token.content[4:]
            for part in parser.parts(token.content):
                yield spans.html_of(part, look)
        elif not token.hidden:
            yield _block(tokens, index, side, look)


class _Side:
    """Which attribute, if any, says on which side the texts of a block begin.

    Most answers have no letter that runs leftward; in them nothing needs to be said.
    """

    def __init__(self, tokens: Sequence[Token] = (), index: int = 0) -> None:
        texts = _texts(tokens, index)
        self.any = any(map(_LEFTWARD.search, texts))
        self.text = ' dir="auto"' if self.any else ""

    def of_container(self, tokens: Sequence[Token], index: int) -> str:
        """Say it for a list, a quote, a table by its first letter: its marks stand on that side."""
        if not self.any:
            return ""
        first = next(_texts(tokens, index), "")[:200]
        kinds = (unicodedata.bidirectional(letter) for letter in first)
        side = next((kind for kind in kinds if kind in ("L", "R", "AL")), "L")
        return ' dir="ltr"' if side == "L" else ' dir="rtl"'


def _texts(tokens: Sequence[Token], index: int) -> Iterator[str]:
    """Yield the texts of the block that begins at `index`."""
    depth = 0
    for at in range(index, len(tokens)):
        depth += tokens[at].nesting
        if tokens[at].type == "inline":
            yield tokens[at].content
        if depth <= 0:
            return


def _block(tokens: Sequence[Token], index: int, side: _Side, look: Look) -> str:
    token = tokens[index]
    match token.type:
        case "paragraph_open":
            # JupyterLab has its paragraphs begin at the left, whatever their direction.
            return f"<p{side.text}{_style(token, 'text-align:start' if side.any else '')}>"
        case "heading_open" | "heading_close" if token.tag in _HEADINGS:
            return f"<{token.tag}{side.text}>" if token.nesting > 0 else f"</{token.tag}>\n"
        case "th_open" | "td_open":
            return f"<{token.tag[:2]}{side.text}{_style(token, _alignment(token))}>"
        case "fence" | "code_block":
            margin = "margin:1em 2em" if token.level == 0 else "margin:.5em 0"
            return code.html_of(token.content, token.info, style=_margins(token, margin)) + "\n"
        case "math_block":
            return math.html_of(token.content, block=True) + "\n"
        case "math_open":
            return f'<div dir="ltr">{spans.shown(token.content)}</div>\n'
        case "footnote_reference_open":
            return f"<div{side.text}><sup>[{look.number(token.meta['label'])}]</sup> "
        case "list_item_open":
            return _item(tokens, index, side)
        case "bullet_list_open" | "ordered_list_open" | "blockquote_open" | "table_open":
            return _container(token, side.of_container(tokens, index))
    return _FIXED.get(token.type, "")


def _alignment(token: Token) -> str:
    """JupyterLab aligns cells right, as those of data frames."""
    align = str(token.attrGet("style"))
    return align if align in _ALIGN else "text-align:start"


def _style(token: Token, style: str = "") -> str:
    styles = _margins(token, style)
    return f' style="{styles}"' if styles else ""


def _margins(token: Token, style: str) -> str:
    """No gap where a block is cut."""
    above = "margin-top:0" if token.meta.get("continued") else ""
    below = "margin-bottom:0" if token.meta.get("goes_on") else ""
    return ";".join(filter(None, (style, above, below)))


def _container(token: Token, side: str) -> str:
    style = _style(token)
    if token.type == "table_open":
        return f'<div style="overflow-x:auto;overflow-wrap:normal"><table{side}{style}>\n'
    if token.type == "blockquote_open":
        return f"<blockquote{side}{style}>\n"
    start = token.attrGet("start")
    number = f' start="{int(start)}"' if start is not None else ""
    return f"<ol{side}{number}{style}>\n" if token.type == "ordered_list_open" else f"<ul{side}{style}>\n"


def _item(tokens: Sequence[Token], index: int, side: _Side) -> str:
    if tokens[index].meta.get("continued"):
        return CONTINUED
    style = ' style="list-style:none"' if _task(tokens, index + 2) else ""
    return f"<li{side.text}{style}>"


def _task(tokens: Sequence[Token], index: int) -> bool:
    return index < len(tokens) and tokens[index].type == "inline" and tokens[index].content[:4] in _TASKS


def _begins_item(tokens: Sequence[Token], index: int) -> bool:
    return index > 1 and tokens[index - 2].type == "list_item_open" and _task(tokens, index)
