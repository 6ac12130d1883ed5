"""What loading costs over bare IPython.

``python tests/bench/bench_load.py [ROUNDS]`` prints, in milliseconds over so many processes, how long a
bare IPython shell, ``%load_ext cromicle_magic`` and the first ``%%cromicle`` take. The provider is the
scripted one, so it is the imports that count.
"""

import statistics
import subprocess
import sys

ONCE = """
import time
began = time.perf_counter()
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
bare = time.perf_counter()
shell.extension_manager.load_extension("cromicle_magic")
loaded = time.perf_counter()
shell.run_cell_magic("cromicle", "-p scripted -f none", "Hello")
asked = time.perf_counter()
print(bare - began, loaded - bare, asked - loaded)
"""


def main(rounds):
    """Print the table."""
    runs = [
        subprocess.run([sys.executable, "-c", ONCE], capture_output=True, text=True, check=True)
        for _ in range(rounds + 1)
    ]
    times = zip(*([float(word) for word in run.stdout.split()] for run in runs[1:]), strict=True)
    print(f"{rounds} processes, milliseconds{'median':>14}{'min':>8}{'max':>8}")
    for label, values in zip(
        ("bare IPython shell", "%load_ext cromicle_magic", "first %%cromicle"), times, strict=True
    ):
        middle, least, most = (1000 * figure(values) for figure in (statistics.median, min, max))
        print(f"{label:<28}{middle:>12.1f}{least:>8.1f}{most:>8.1f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
