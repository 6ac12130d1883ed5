"""The output area of one cell: what is sent lands there, whatever runs meanwhile and on whatever thread."""

from __future__ import annotations

from collections import Counter
from typing import Any

_OUTPUTS = frozenset({"stream", "display_data", "update_display_data", "execute_result", "error"})


class Witness:
    """Counts the outputs that a kernel sends, cell by cell, as long as it is installed.

    A cell that ends in one output clears what stood there before. That must never take a line with it
    that somebody else wrote: a task, a thread or a callback of the user's.
    """

    def __init__(self, session: Any) -> None:
        self.sent: Counter[str] = Counter()
        self._session = session
        self._send = session.send
        session.send = self._sending

    def remove(self) -> None:
        """Give the session its own method back."""
        if self._session.__dict__.get("send") == self._sending:
            del self._session.send

    def _sending(self, *args: Any, **kwargs: Any) -> Any:
        message = self._send(*args, **kwargs)
        if message and message["header"]["msg_type"] in _OUTPUTS:
            self.sent[message["parent_header"].get("msg_id")] += 1
        return message


class Outlet:
    """Sends to the cell that is running where it is made.

    The parent of each message is set here, not taken from the context: ipykernel 6 sends what a task
    displays to the cell that runs then, and ipykernel 7 what a thread displays to the newest one.

    Parameters
    ----------
    shell
        A kernel's shell.
    witness
        Who counts what is sent, where the cell's output is ours alone to clear; else nothing is cleared.
    """

    def __init__(self, shell: Any, witness: Witness | None = None) -> None:
        self._publisher = shell.display_pub
        self._parent = shell.get_parent() or {}
        self._witness = witness
        self._own = self._sent()

    @property
    def headless(self) -> bool:
        """Whether nobody watches: nbclient, nbconvert and papermill allow no standard input."""
        return not self._parent.get("content", {}).get("allow_stdin", True)

    def publish(self, data: dict[str, str], display_id: str, *, update: bool) -> None:
        """Send a mime bundle, as a new output or as an update of the one with that id."""
        kind = "update_display_data" if update else "display_data"
        self._send(kind, {"data": data, "metadata": {}, "transient": {"display_id": display_id}})
        self._own += 1

    def clear(self) -> bool:
        """Clear the cell when the next output comes, unless another's output would go too; tell whether."""
        self._publisher._flush_streams()
        if self._witness is None or self._sent() > self._own:
            return False
        self._send("clear_output", {"wait": True})
        return True

    def _sent(self) -> int:
        cell = self._parent.get("header", {}).get("msg_id")
        return self._witness.sent[cell] if self._witness else 0

    def _send(self, kind: str, content: dict[str, Any]) -> None:
        publisher = self._publisher
        publisher._flush_streams()  # what was printed before keeps its place
        publisher.session.send(
            publisher.pub_socket, kind, content, parent=self._parent, ident=publisher.topic
        )


class Captured:
    """The output that ``%%capture`` and its like collect."""

    def __init__(self, shell: Any) -> None:
        self._publisher = shell.display_pub

    def publish(self, data: dict[str, str], display_id: str, *, update: bool) -> None:
        """Hand a mime bundle over."""
        self._publisher.publish(data=data, metadata={}, update=update)

    def clear(self) -> bool:
        """Clear nothing: what else is collected belongs to others."""
        return False
