"""What streaming an answer into a cell costs, beside printing it and beside the usual way.

``python tests/bench/bench_stream.py [TOKENS ...]`` streams so many tokens (5000), one each 2 ms, about five
characters each, in a real kernel: by ``%%cromicle``; by a loop that only prints; and by
``update_display(Markdown(all))`` for each token. It prints the kernel's CPU seconds, the bytes of the
published content, the outputs, the longest gap between two paints, and the ratios to the answer's bytes and
to the printing loop. The first text and the gaps are measured where the messages arrive.
"""

import itertools
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from kernels import kernel

SETUP = """
import asyncio, itertools, resource
from IPython.display import Markdown, display, update_display
from cromicle_magic.providers import Scripted

PARAGRAPHS = '''## A heading

Some **bold** words, a bit of `code`, a [link](https://example.org) and then some more of the same kind.

- an item with *emphasis*
- another item
- a third one, which is somewhat longer than the two that came before it

| name | value |
|------|-------|
| one  | 1     |
| two  | 2     |

```python
def add(a: int, b: int) -> int:
    return a + b  # a comment
```

A paragraph with nothing in it but words, for that is what most answers are made of in the end.

'''

def tokens(count):
    text = PARAGRAPHS * (count * 5 // len(PARAGRAPHS) + 1)
    return [text[n * 5:n * 5 + 5] for n in range(count)]

def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime

class Paced(Scripted):
    @classmethod
    async def create_async_generator(cls, model, messages, proxy=None, **kwargs):
        began = asyncio.get_running_loop().time()
        for number, token in enumerate(given):
            wait = began + number * 0.002 - asyncio.get_running_loop().time()
            await asyncio.sleep(max(0, wait))
            yield token
"""

WAYS = {
    "%%cromicle": "%%cromicle -p Paced\nGo on.",
    "print": "async for token in Paced.create_async_generator('', []):\n    print(token, end='')",
    "update_display(Markdown)": (
        "text = ''\n"
        "handle = display(Markdown(text), display_id=True)\n"
        "async for token in Paced.create_async_generator('', []):\n"
        "    text += token\n"
        "    handle.update(Markdown(text))"
    ),
}


def measured(shell, cell):
    """Run a cell and return CPU seconds, bytes, outputs and the longest gap between two paints in seconds."""
    shell.do("before = cpu()")
    message = shell.send(cell)
    arrivals = [0]
    times = []

    def done():
        ran = shell.so_far(message)
        if len(ran.paints) > arrivals[0]:
            arrivals[0] = len(ran.paints)
            times.append(time.monotonic())
        return shell.is_over(message)

    shell.until(done, seconds=600)
    used = shell.value("cpu() - before")
    ran = shell.so_far(message)
    size = sum(len(json.dumps(paint["data"])) for paint in ran.paints) + len(ran.printed.encode())
    begun = sum(not paint["update"] for paint in ran.paints)
    gap = max((b - a for a, b in itertools.pairwise(times)), default=0.0)
    return used, size, begun, gap


def main(counts):
    """Print one table for each number of tokens."""
    with kernel() as shell:
        shell.do("%load_ext cromicle_magic")
        shell.do(SETUP)
        shell.do("given = tokens(50)\n")
        shell.do(WAYS["%%cromicle"])
        for count in counts:
            shell.do(f"given = tokens({count})")
            answer = shell.value("len(''.join(given).encode())")
            head = [
                f"\n{count} tokens, {answer} bytes",
                "CPU s",
                "/ print",
                "bytes",
                "/ answer",
                "outputs",
                "gap ms",
            ]
            print(row(*head))
            results = {way: measured(shell, cell) for way, cell in WAYS.items()}
            for way, (used, size, outputs, gap) in results.items():
                ratio = f"{used / results['print'][0]:.2f}"
                print(
                    row(way, f"{used:.2f}", ratio, size, f"{size / answer:.1f}", outputs, f"{1000 * gap:.0f}")
                )


def row(label, *cells):
    """Return one line of the table."""
    return f"{label:<30}" + "".join(f"{cell:>11}" for cell in cells)


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [5000])
