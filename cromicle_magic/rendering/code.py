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

LONGEST = 10_000
"""Characters of one block that are coloured; the rest is plain."""

LONGEST_LINE = 1000
"""Characters of a line; a block with a longer one is plain: lexers are slowest within a line."""

_LANGUAGES = """
    bash c c# c++ clojure cmake console cpp cs csharp css dart diff docker dockerfile elixir erlang fortran
    go golang graphql haskell hs html ini ipython java javascript js json jsonc julia kotlin kt latex lua
    make makefile matlab objective-c ocaml octave perl php pl powershell proto protobuf ps1 py pycon python
    python3 r rb rs ruby rust scala scss sh shell sql swift tex toml ts typescript udiff vim xml yaml yml
    zig zsh
"""
LANGUAGES = frozenset(_LANGUAGES.split())
"""Those whose lexers stay fast on hostile text: tests/bench/bench_render.py measures each."""

_STYLE = "overflow-x:auto;white-space:pre;overflow-wrap:normal"
# Pygments' standard short names -> JupyterLab's variable and a fallback with a contrast of 4.5 on white.
_COLOURS = {
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


def html_of(source: str, language: str = "") -> str:
    """Return a ``<pre>`` that shows `source`, coloured if `language` is one of `LANGUAGES`."""
    inside = "".join(_spans(visible(source), language.lower()))
    return f'<pre dir="ltr" style="{_STYLE}"><code>{inside}</code></pre>'


def _spans(source: str, language: str) -> Iterator[str]:
    if language not in LANGUAGES or max(map(len, source[:LONGEST].split("\n"))) > LONGEST_LINE:
        yield escape(source)
        return
    cut = len(source) if len(source) <= LONGEST else source.rfind("\n", 0, LONGEST) + 1
    for colour, text in _runs(_lexer(language).get_tokens(source[:cut])):
        yield f'<span style="color:{colour}">{escape(text)}</span>' if colour else escape(text)
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
        found = _COLOURS.get(STANDARD_TYPES.get(kind, ""))
        if found:
            return f"var(--jp-mirror-editor-{found[0]}-color,{found[1]})"
        kind = kind.parent
    return ""


@cache
def _lexer(language: str) -> Lexer:
    from pygments.lexers import get_lexer_by_name

    return get_lexer_by_name(language, stripnl=False, ensurenl=False)
