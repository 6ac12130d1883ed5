"""Code coloured by JupyterLab's theme variables, with colours that are readable on white elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING, Any

from cromicle_magic.text import visible

if TYPE_CHECKING:
    from pygments.lexer import Lexer

LONGEST = 6000
"""Characters of one block that are coloured; the rest is plain."""

LONGEST_LINE = 1000
"""Characters of a line; a block with a longer one is plain: lexers are slowest within a line."""

_LANGUAGES = """
    bash c c# c++ clojure cmake console cpp cs csharp css dart diff docker dockerfile elixir erlang fortran
    go golang graphql haskell hs html ini java javascript js json julia kotlin kt latex lua matlab ocaml
    octave perl php pl powershell proto protobuf ps1 py pycon python python3 r rb rs ruby rust scala scss
    sh shell sql swift tex toml ts typescript udiff vim xml yaml yml zig zsh
"""
LANGUAGES = frozenset(_LANGUAGES.split())
"""Those whose lexers stay fast on hostile text: tests/bench/bench_render.py measures each."""

# JupyterLab wraps the lines of both elements.
_PRE = "overflow-x:auto"
_CODE = "white-space:pre;overflow-wrap:normal"
# Pygments' short names -> JupyterLab's variable, and for elsewhere a colour with a contrast of 4.5 on white.
COLOURS = {
    "c": ("comment", "#3d7b7b"),
    "cp": ("meta", "#8822cc"),
    "k": ("keyword", "#008000"),
    "kc": ("atom", "#4b4bd6"),
    "ow": ("keyword", "#008000"),
    "nb": ("builtin", "#008000"),
    "nf": ("def", "#0000ff"),
    "nc": ("def", "#0000ff"),
    "nd": ("meta", "#8822cc"),
    "nt": ("tag", "#117700"),
    "na": ("attribute", "#0000cc"),
    "s": ("string", "#ba2121"),
    "se": ("string-2", "#770088"),
    "si": ("string-2", "#770088"),
    "sr": ("string-2", "#770088"),
    "m": ("number", "#007a00"),
    "gi": ("keyword", "#008000"),
    "gd": ("error", "#cc0000"),
    "gh": ("header", "#0000ff"),
    "gp": ("meta", "#8822cc"),
}


def html_of(source: str, info: str = "", *, style: str = "") -> str:
    """Return a ``<pre>`` that shows `source`.

    Parameters
    ----------
    source
        The code.
    info
        What stands behind the fence: its first word chooses the colours, if it is one of `LANGUAGES`.
    style
        Margins.
    """
    language = (info.lower().split() or [""])[0]
    colours: set[str] = set()
    inside = "".join(_spans(visible(source), language, colours))
    # The variables are named once for all spans: they would make the page three times as long.
    names = [f"--{name}:var(--jp-mirror-editor-{'-color,'.join(COLOURS[name])})" for name in sorted(colours)]
    styles = ";".join(filter(None, (_PRE, style)))
    return f'<pre dir="ltr" style="{styles}"><code style="{";".join([_CODE, *names])}">{inside}</code></pre>'


def _spans(source: str, language: str, colours: set[str]) -> Iterator[str]:
    if language not in LANGUAGES or max(map(len, source[:LONGEST].split("\n"))) > LONGEST_LINE:
        yield escape(source)
        return
    cut = len(source) if len(source) <= LONGEST else source.rfind("\n", 0, LONGEST) + 1
    for colour, text in _runs(_lexer(language).get_tokens(source[:cut])):
        yield f'<span style="color:var(--{colour})">{escape(text)}</span>' if colour else escape(text)
        colours |= {colour} - {""}
    yield escape(source[cut:])


def _runs(tokens: Iterable[tuple[Any, str]]) -> Iterator[tuple[str, str]]:
    """Join neighbours of one colour, the blanks between them too: a span is long."""
    colour, last = "", ""
    coloured = []
    for kind, text in tokens:
        colour = last if text.isspace() else _colour(kind)
        coloured.append((colour, text))
        last = colour
    for shared, run in groupby(coloured, lambda pair: pair[0]):
        yield shared, "".join(text for _, text in run)


@cache
def _colour(kind: Any) -> str:
    from pygments.token import STANDARD_TYPES

    while kind is not None:
        name: str = STANDARD_TYPES.get(kind, "")
        if name in COLOURS:
            return name
        kind = kind.parent
    return ""


@cache
def _lexer(language: str) -> Lexer:
    from pygments.lexers import TextLexer, get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        return get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:  # not every version of Pygments has every language
        return TextLexer(stripnl=False, ensurenl=False)
