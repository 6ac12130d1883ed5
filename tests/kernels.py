"""A real kernel, driven as a front end drives it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager


@dataclass
class Ran:
    """What one cell brought.

    Attributes
    ----------
    status : str
        ``"ok"``, ``"error"`` or ``"aborted"``.
    outputs : list of dict
        The outputs a notebook would hold, updates applied.
    paints : list of dict
        The content of each display message, in order.
    early : int
        How many of them came before the cell was done.
    clearing : bool
        Whether the next output takes the place of all that stand.
    """

    status: str = ""
    outputs: list[dict[str, Any]] = field(default_factory=list)
    paints: list[dict[str, Any]] = field(default_factory=list)
    early: int = 0
    clearing: bool = False

    @property
    def printed(self) -> str:
        return "".join(output["text"] for output in self.outputs if "text" in output)

    @property
    def shown(self) -> list[dict[str, str]]:
        return [output["data"] for output in self.outputs if "data" in output]

    @property
    def error(self) -> str:
        return "\n".join(line for output in self.outputs for line in output.get("traceback", ()))


class Kernel:
    """A running kernel; cells are sent and what they bring is collected."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager = manager
        self.client = client
        self._ran: dict[str, Ran] = {}
        self._replied: set[str] = set()
        self._begun: set[str] = set()

    def send(self, code: str, *, headless: bool = False) -> str:
        """Queue a cell and return the name of its request; `headless` as nbclient sends it."""
        message: str = self.client.execute(code, allow_stdin=not headless)
        self._ran[message] = Ran()
        return message

    def wait(self, message: str, seconds: float = 30) -> Ran:
        """Return what the cell brought, once it is done and its reply has come."""
        self.until(lambda: self.is_over(message), seconds)
        return self._ran[message]

    def run(self, code: str, seconds: float = 30) -> Ran:
        """Run a cell to its end, whatever it is."""
        return self.wait(self.send(code), seconds)

    def do(self, code: str) -> Ran:
        """Run a cell that must go well."""
        ran = self.run(code)
        assert ran.status == "ok", ran
        return ran

    def value(self, expression: str) -> Any:
        """Return the value of an expression in the kernel, as far as its repr can carry it."""
        import ast

        shown = self.do(f"print(repr(({expression})))").printed
        return ast.literal_eval(shown.strip())

    def until(self, condition: Any, seconds: float = 30) -> None:
        """Take messages in until `condition` holds."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"nothing after {seconds} s; {self._ran}"
            for channel, take in (
                (self.client.iopub_channel, self._iopub),
                (self.client.shell_channel, self._shell),
            ):
                while channel.msg_ready():
                    take(channel.get_msg(timeout=1))
            time.sleep(0.002)

    def so_far(self, message: str) -> Ran:
        """Return what a running cell has brought."""
        return self._ran[message]

    def is_over(self, message: str) -> bool:
        """Return whether the cell is done and its reply has come."""
        return message in self._replied and bool(self._ran[message].status)

    def begun(self, message: str) -> bool:
        """Return whether the kernel has taken the cell up."""
        return message in self._begun

    def _shell(self, message: dict[str, Any]) -> None:
        ran = self._ran.get(message["parent_header"].get("msg_id"))
        if ran is not None:
            ran.status = message["content"]["status"]

    def _iopub(self, message: dict[str, Any]) -> None:
        parent, kind, content = (
            message["parent_header"].get("msg_id"),
            message["msg_type"],
            message["content"],
        )
        ran = self._ran.get(parent)
        if ran is None:
            return
        if kind == "execute_input":
            self._begun.add(parent)
        elif kind == "status" and content["execution_state"] == "idle":
            self._replied.add(parent)
        elif kind in ("display_data", "update_display_data"):
            ran.paints.append({**content, "update": kind == "update_display_data"})
            ran.early += parent not in self._replied and not ran.status
            self._place(ran, kind, content)
        elif kind == "clear_output":
            ran.clearing = True
        elif kind in ("stream", "error", "execute_result"):
            self._append(ran, content)

    def _append(self, ran: Ran, content: dict[str, Any]) -> None:
        if ran.clearing:
            ran.outputs.clear()
            ran.clearing = False
        ran.outputs.append(content)

    def _place(self, ran: Ran, kind: str, content: dict[str, Any]) -> None:
        name = content.get("transient", {}).get("display_id")
        if kind == "display_data":
            self._append(ran, content)
            return
        for earlier in self._ran.values():
            for output in earlier.outputs:
                if name and output.get("transient", {}).get("display_id") == name:
                    output["data"] = content["data"]


@contextmanager
def kernel(*arguments: str) -> Iterator[Kernel]:
    """Run a kernel of this Python, with further arguments of ipykernel's command line."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(extra_arguments=list(arguments))
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()
