"""What it costs to turn text into HTML.

``python tests/bench/bench_render.py [KIBIBYTES [TEXT ...]]`` prints, for ordinary and for hostile Markdown
that comes in pieces of 64 characters with an update after each 1024, and at its end in its final form: the
time per byte of a text of 64 KiB and of one of so many KiB (1024), their ratio, and the longest update and
the longest step of the end in milliseconds. Before that, the slowest lexers on hostile code.
"""

import sys
import time
from functools import partial

from cromicle_magic.rendering import code, markdown

MIXED = """## Title *of* it

Some **bold** text with `code`, a [link](https://example.com/a?b=c) and $x_1 + y$ in it, and then it goes on.

- one
- two with *stress*
  - nested

1. first
2. second

| a | b |
|---|--:|
| 1 | 2 |

```python
def f(x):
    return [n + 1 for n in x if "a" in str(n)]  # why
```

> A quote of two
> lines.

"""
UNITS = {
    "mixed": MIXED,
    "one line": "word and ",
    "one word": "x",
    "paragraph": "words that go on and on, line after line\n",
    "list": "- item with **words**\n",
    "ordered list": "1. a\n",
    "table": "| a | *b* |\n",
    "code": "def f(x): return x + 1\n",
    "quote": "> a line of it\n",
    "quotes in quotes": "> " * 10_000,
    "lists in lists": "- " * 10_000,
    "[": "[",
    "![[[[": "![[[[",
    "[a](": "[a](",
    "[a][": "[a][",
    "<": "<",
    "`": "`",
    "` ``": "` `` ``` ",
    "*": "*",
    "*a": "*a ",
    "**a_b": "**a _b ",
    "* * *": "* * *\n",
    "~~": "~~a ",
    "&": "&",
    "$": "$a",
    "\\(": "\\(",
    "\\\\": "\\\\",
    "[a]: b": "[a{n}]: https://a.example/b\n",
    "[^a]": "[^a{n}] ",
    "|": "|",
    "fences": "```\n~~~\n",
    "<a@": "<a@",
    "(": "[a](((((",
    "blank lines": "\n",
}
OPENERS = {"table": "| a | b |\n|---|---|\n", "code": "```python\n"}
CODE = [*"\"'([{<#\\`$=@", "/*", "//", "${", "a.", "<a ", "-- ", ": ", "0x", "a" * 900]


def text_of(name, size):
    """Return `size` characters."""
    unit = UNITS[name]
    if "{n}" in unit:
        text = "".join(unit.replace("{n}", str(number)) for number in range(size // (len(unit) - 3) + 1))
    else:
        text = unit * (size // len(unit) + 1)
    return (OPENERS.get(name, "") + text)[:size]


def timed(call):
    """Return what `call` returns, and the seconds it took."""
    began = time.perf_counter()
    result = call()
    return result, time.perf_counter() - began


def streamed(text):
    """Return the seconds of all steps together, and of the longest while it comes and at the end."""
    stream, total, longest = markdown.Stream(), 0.0, 0.0
    for start in range(0, len(text), 1024):
        for at in range(start, min(start + 1024, len(text)), 64):
            stream.feed(text[at : min(at + 64, start + 1024)])
        more = True
        while more:
            update, took = timed(stream.update)
            total, longest, more = total + took, max(longest, took), update.more
    last, steps, piece = 0.0, stream.steps(), ""
    while piece is not None:
        piece, took = timed(lambda: next(steps, None))
        total, last = total + took, max(last, took)
    return total, longest, last


def bench_text(large, names):
    """Print the table of texts."""
    print(
        f"{'text':<18}{'64 KiB':>9}{f'{large} KiB':>10}{'ratio':>7}{'longest update':>16}{'longest step':>14}"
    )
    print(f"{'':<18}{'ns/byte':>9}{'ns/byte':>10}{'':>7}{'ms':>16}{'ms':>14}")
    for name in names or UNITS:
        small, _, _ = streamed(text_of(name, 64 * 1024))
        total, longest, last = streamed(text_of(name, large * 1024))
        per = (small / 64, total / large)
        shown = [1e9 / 1024 * each for each in per]
        figures = f"{shown[0]:>9.0f}{shown[1]:>10.0f}{per[1] / per[0]:>7.2f}"
        print(f"{name:<18}{figures}{1e3 * longest:>16.1f}{1e3 * last:>14.1f}", flush=True)


def bench_lexers():
    """Print the slowest lexers: milliseconds for a block as long as blocks get, of hostile code."""
    slowest = []
    for language in sorted(code.LANGUAGES):
        code.html_of("a\n", language)
        calls = [(partial(code.html_of, _code(unit), language), unit) for unit in CODE]
        slowest.append(max((timed(call)[1], language, unit) for call, unit in calls))
    for took, language, unit in sorted(slowest)[:-9:-1]:
        print(f"{language:<18}{1e3 * took:>6.0f} ms of {unit[:8]!r}")


def _code(unit):
    line = unit * (900 // len(unit))
    return f"{line}\n" * (code.LONGEST // (len(line) + 1))


if __name__ == "__main__":
    kibibytes, *names = sys.argv[1:] or ["1024"]
    if not names:
        bench_lexers()
    bench_text(int(kibibytes), names)
