"""Programs of their own: for what patches the process, forks, or gets a signal."""

import os
import subprocess
import sys
from textwrap import dedent


def script(code, *, timeout=50, **environment):
    """Run `code` in a Python of its own, warnings as errors, and return what it printed.

    A failure or a word on standard error fails the test.
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", dedent(code)],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={key: value for key, value in os.environ.items() if not key.startswith("CROMICLE_")}
        | environment,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout
