"""How fast Stop is: from the interrupt to the server's disconnect and to the cell's reply.

``python tests/bench/bench_stop.py [ROUNDS]`` prints milliseconds. The server has sent one chunk and is
silent; the interrupt comes at a random moment, in a real kernel.
"""

import random
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from kernels import kernel
from servers import CHUNKED, PLAIN, STALL, FaultServer, chunk, head

SILENT = [head(CHUNKED, PLAIN), chunk("so far"), STALL]


def once(shell, how):
    """Run one cell against a silent server, interrupt it, and return both times in milliseconds."""
    with FaultServer(SILENT) as server:
        message = shell.send(f"{how} -p cromicle --url {server.url}\nHello")
        shell.until(lambda: shell.so_far(message).paints)
        time.sleep(random.uniform(0, 0.3))
        start = time.monotonic()
        shell.manager.interrupt_kernel()
        shell.wait(message)
        reply = time.monotonic() - start
        visit = server.visit()
        assert visit.gone.wait(5)
    shell.do("1")
    return 1000 * (visit.gone_at - start), 1000 * reply


def table(name, values):
    """Print one row."""
    p95 = statistics.quantiles(values, n=20)[-1]
    print(f"{name:<44}{statistics.median(values):>8.0f}{p95:>8.0f}{max(values):>8.0f}")


def main(rounds):
    """Print the table."""
    print(f"{rounds} rounds, milliseconds{'median':>28}{'p95':>8}{'max':>8}")
    with kernel() as shell:
        shell.do("%load_ext cromicle_magic")
        for label, how in (("awaited cell", "%%cromicle"), ("blocking cell", "%%time\n%%cromicle")):
            gone, reply = zip(*(once(shell, how) for _ in range(rounds)), strict=True)
            table(f"{label}: interrupt to server's disconnect", gone)
            table(f"{label}: interrupt to the cell's reply", reply)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
