"""A server that misbehaves to order: raw sockets on loopback, scripted byte by byte.

It runs on a thread of its own, so a test that blocks, and one whose loop is busy, see the same server.
"""

from __future__ import annotations

import asyncio
import enum
import re
import socket
import struct
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field


class End(enum.Enum):
    """How a script ends its connection; one without an end leaves it open for the next request."""

    CLOSE = "FIN"
    RESET = "RST"
    STALL = "silence until the client goes"


CLOSE, RESET, STALL = End.CLOSE, End.RESET, End.STALL

Step = bytes | float | End
"""Bytes to send, seconds to wait, or an end."""

Script = Sequence[Step]

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass
class Visit:
    """One request as the server saw it.

    Attributes
    ----------
    request : bytes
        Head and body.
    connection : int
        Which connection it came by, counted from 0.
    gone : threading.Event
        Set when the client has gone, or was sent away.
    gone_at : float or None
        `time.monotonic` of that moment.
    """

    request: bytes
    connection: int
    gone: threading.Event = field(default_factory=threading.Event)
    gone_at: float | None = None

    @property
    def head(self) -> str:
        """The request line and the headers."""
        return self.request.partition(b"\r\n\r\n")[0].decode("latin-1")

    @property
    def body(self) -> bytes:
        """The body."""
        return self.request.partition(b"\r\n\r\n")[2]


class FaultServer:
    """Plays one script per request, the last one from then on; ``async with`` and ``with`` both start it.

    With ``deaf=True`` it understands no HTTP and plays the script as soon as anything arrives.

    Examples
    --------
    >>> with FaultServer([head("Content-Length: 2"), b"o", 0.01, b"k"]) as server:
    ...     url = server.url
    """

    def __init__(self, *scripts: Script, deaf: bool = False) -> None:
        self.visits: list[Visit] = []
        self.deaf = deaf
        self._scripts = scripts
        self._connections = 0
        self._arrived = threading.Condition()
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live()), name="fault-server")

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def visit(self, number: int = 0, seconds: float = 5.0) -> Visit:
        """Wait for a request and return it; this blocks."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.visits) > number, seconds), "no request came"
        return self.visits[number]

    async def left(self, number: int = 0, seconds: float = 5.0) -> bool:
        """Return whether that client goes within `seconds`."""
        return await asyncio.to_thread(lambda: self.visit(number).gone.wait(seconds))

    def __enter__(self) -> FaultServer:
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(self, *exc: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    async def __aenter__(self) -> FaultServer:
        return self.__enter__()

    async def __aexit__(self, *exc: object) -> None:
        await asyncio.to_thread(self.__exit__)

    async def _live(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        self._players: set[asyncio.Task[None]] = set()
        self._open: set[_Connection] = set()
        server = await self._loop.create_server(lambda: _Connection(self), "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._over.wait()
        server.close()
        # What a client has not read yet must not keep its socket open.
        for connection in self._open:
            connection.transport.abort()
        while self._players:
            await asyncio.wait(self._players)

    def welcome(self, connection: _Connection) -> int:
        """Take a new connection in and return its number."""
        self._open.add(connection)
        player = self._loop.create_task(self._serve(connection, self._connections))
        self._players.add(player)
        player.add_done_callback(self._players.discard)
        self._connections += 1
        return self._connections - 1

    async def _serve(self, connection: _Connection, number: int) -> None:
        try:
            while request := await connection.request():
                visit = connection.visit = Visit(request, number)
                with self._arrived:
                    self.visits.append(visit)
                    self._arrived.notify_all()
                script = self._scripts[min(len(self.visits), len(self._scripts)) - 1]
                await _play(script, connection)
        finally:
            connection.transport.close()
            await connection.lost.wait()
            self._open.discard(connection)


async def _play(script: Script, connection: _Connection) -> None:
    for step in script:
        if connection.lost.is_set():
            return
        if isinstance(step, bytes):
            connection.transport.write(step)
        elif isinstance(step, float):
            await connection.wait(step)
        else:
            await _end(step, connection)


async def _end(end: End, connection: _Connection) -> None:
    if end is STALL:
        await connection.lost.wait()
    elif end is CLOSE:
        connection.transport.close()
    else:
        # With a linger of zero seconds the system sends a reset instead of an orderly end.
        raw = connection.transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.transport.abort()
    await connection.lost.wait()


class _Connection(asyncio.Protocol):
    transport: asyncio.Transport
    visit: Visit | None = None

    def __init__(self, server: FaultServer) -> None:
        self._server = server
        self._received = b""
        self._changed = asyncio.Event()
        self.lost = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self._server.welcome(self)

    def data_received(self, data: bytes) -> None:
        self._received += data
        self._changed.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()
        self._changed.set()
        if self.visit:
            self.visit.gone_at = time.monotonic()
            self.visit.gone.set()

    async def request(self) -> bytes:
        """Return the next whole request, or nothing once the client has gone."""
        size_of = len if self._server.deaf else _size
        while not (size := size_of(self._received)):
            if self.lost.is_set():
                return b""
            self._changed.clear()
            await self._changed.wait()
        request, self._received = self._received[:size], self._received[size:]
        return request

    async def wait(self, seconds: float) -> None:
        """Wait, but no longer than the client stays."""
        try:
            await asyncio.wait_for(self.lost.wait(), seconds)
        except TimeoutError:
            return


def _size(received: bytes) -> int | None:
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    length = _LENGTH.search(received[:end])
    size = end + 4 + (int(length[1]) if length else 0)
    return size if len(received) >= size else None


def head(*headers: str, status: str = "200 OK", version: str = "HTTP/1.1") -> bytes:
    """Return the head of an answer; without headers it is delimited by the end of the connection."""
    return "\r\n".join([f"{version} {status}", *headers, "", ""]).encode("latin-1")


def chunk(data: bytes | str) -> bytes:
    """Return `data` as one chunk of a chunked body; an empty one is the last."""
    data = data.encode() if isinstance(data, str) else data
    return b"%x\r\n%b\r\n" % (len(data), data)


CHUNKED = "Transfer-Encoding: chunked"
PLAIN = "Content-Type: text/plain; charset=utf-8"


def streamed(*parts: bytes | str, headers: Sequence[str] = (PLAIN,)) -> list[Step]:
    """Return the script of a whole chunked answer, one chunk for each of `parts`."""
    return [head(CHUNKED, *headers), *map(chunk, parts), chunk(b"")]


def whole(body: bytes | str, *headers: str, status: str = "200 OK") -> list[Step]:
    """Return the script of an answer with its length declared."""
    body = body.encode() if isinstance(body, str) else body
    return [head(f"Content-Length: {len(body)}", *headers, status=status), body]
