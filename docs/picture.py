"""Take the README's picture: the quickstart in JupyterLab, an answer half written.

Run it with the `dev` extra, Chromium and the weights in place: ``python docs/picture.py``.
"""

import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

from labs import lab  # noqa: E402  tests are no package

QUICKSTART = HERE.parent / "notebooks" / "01_quickstart.ipynb"
LOAD_CELL, PROMPT_CELL = 1, 2


def take(to: Path, *, dark: bool) -> None:
    """Write a picture of the first prompt cell while its answer streams."""
    with tempfile.TemporaryDirectory() as folder:
        source = QUICKSTART.read_text("utf-8")
        with lab(Path(folder), source, width=1100, height=620, dark=dark) as opened:
            opened.command("application:toggle-left-area")
            opened.command("notebook:clear-all-cell-outputs")
            opened.run(LOAD_CELL)
            opened.start(PROMPT_CELL)
            opened.wait_for(PROMPT_CELL, "tailored to a")
            opened.page.screenshot(path=to)


if __name__ == "__main__":
    for name, dark in (("streaming.png", False), ("streaming-dark.png", True)):
        take(HERE / name, dark=dark)
