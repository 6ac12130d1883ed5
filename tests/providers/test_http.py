"""The client room: every fault of the transport ends in one typed error, and nothing is left open."""

import asyncio
import gc
import gzip
import socket
import ssl
from textwrap import dedent

import aiohttp
import pytest
from scripts import script
from servers import CHUNKED, CLOSE, PLAIN, RESET, STALL, FaultServer, chunk, head, streamed, whole
from yarl import URL

from cromicle_magic import runtime
from cromicle_magic.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectionFailedError,
    ContextLengthError,
    NotFoundError,
    ProviderTimeoutError,
    RateLimitError,
    RedirectError,
    StatusError,
    TruncatedError,
    UnexpectedContentError,
    UsageError,
)
from cromicle_magic.providers import http
from cromicle_magic.providers.http import sessions
from cromicle_magic.providers.http.faults import translated

QUICK = http.Timeouts(connect=5.0, first_byte=0.2, stall=0.2)


async def fetch(url, *, body=b"{}", pause=0.0, into=None, **settings):
    received = [] if into is None else into
    async with http.post(url, body, {"accept": "*/*"}, **settings) as response:
        await response.check_status()
        async for data in response.chunks():
            received.append(data)
            await asyncio.sleep(pause)
    return b"".join(received)


async def fault(*script, expect, **settings):
    """Play `script` and return the error, which must be an `expect`, and the bytes that had come."""
    received = []
    async with FaultServer(list(script)) as server:
        with pytest.raises(expect) as caught:
            await fetch(server.url, into=received, **settings)
    return caught.value, b"".join(received)


@pytest.mark.parametrize(
    "address",
    [
        *(
            "",
            "127.0.0.1:8000",
            "localhost:8000",
            "ftp://127.0.0.1",
            "http://",
            "http:///chat",
            "//127.0.0.1",
        ),
        *(
            "http://127.0.0.1:99999",
            "http://[::1",
            "http://\ud800",
            "http://a..b",
            f"http://{'a' * 70}.example",
            "user:secret@127.0.0.1:8000",
        ),
    ],
)
async def test_what_is_no_address_is_said_at_the_call_and_without_its_password(address):
    with pytest.raises(ConfigurationError, match="is not an address") as caught:
        await fetch(address)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("proxy", ["127.0.0.1:3128", "socks5://127.0.0.1:1080"])
async def test_what_is_no_http_proxy_is_said_at_the_call(proxy):
    with pytest.raises(ConfigurationError, match="is not an address"):
        await fetch("http://127.0.0.1:9", proxy=proxy)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), "30"])
def test_what_is_no_timeout_is_said_at_the_call(seconds):
    with pytest.raises(UsageError, match="is not a timeout"):
        http.Timeouts.of(seconds)


def test_a_given_timeout_is_for_each_wait_and_the_connection_never_gets_more_than_ten_seconds():
    assert http.Timeouts.of(None) == http.Timeouts(10.0, 120.0, 60.0)
    assert http.Timeouts.of(3) == http.Timeouts(3, 3, 3)
    assert http.Timeouts.of(300) == http.Timeouts(10.0, 300, 300)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def test_a_refused_connection_names_the_server_and_the_reason_but_no_secret_of_the_address():
    address = f"http://user:secret@127.0.0.1:{free_port()}/path?key=secret"
    with pytest.raises(ConnectionFailedError, match="Connection refused") as caught:
        await fetch(address)
    assert "127.0.0.1" in str(caught.value)
    assert "secret" not in str(caught.value)


async def test_a_host_name_that_nobody_knows_is_said_in_the_resolvers_words(monkeypatch):
    def unknown(*asked, **flags):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(ConnectionFailedError, match=r"not known\. Check the host's name\."):
        await fetch("http://no-such-host.invalid/")


async def test_a_server_without_tls_is_named_where_tls_was_expected():
    async with FaultServer(whole("", status="400 Bad Request"), deaf=True) as server:
        with pytest.raises(ConnectionFailedError, match="write http:// in the address"):
            await fetch(server.url.replace("http", "https"))


async def test_a_certificate_that_is_not_trusted_is_said_in_tls_words():
    key = aiohttp.client_reqrep.ConnectionKey("h", 443, True, True, None, None, None)
    cause = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] self-signed")
    cause.verify_message = "self-signed certificate"
    expected = pytest.raises(ConnectionFailedError, match=r"h cannot be reached: self-signed certificate\.")
    with expected, translated(URL("https://h")):
        raise aiohttp.ClientConnectorCertificateError(key, cause)


async def test_a_silent_listener_times_out_before_the_head():
    error, _ = await fault(STALL, expect=ProviderTimeoutError, timeouts=QUICK)
    assert "0.2 s for the first byte" in str(error)


async def test_a_head_without_a_body_times_out_at_the_first_byte():
    error, _ = await fault(head(CHUNKED), STALL, expect=ProviderTimeoutError, timeouts=QUICK)
    assert "the first byte" in str(error)


async def test_a_stall_times_out_and_keeps_what_came():
    error, received = await fault(
        head(CHUNKED), chunk("partial"), STALL, expect=ProviderTimeoutError, timeouts=QUICK
    )
    assert "0.2 s for the next byte" in str(error)
    assert received == b"partial"


async def test_a_slow_answer_has_no_total_limit():
    drops = [step for _ in range(8) for step in (chunk("x"), 0.05)]
    async with FaultServer([head(CHUNKED), *drops, chunk("")]) as server:
        assert await fetch(server.url, timeouts=QUICK) == b"x" * 8


async def test_the_callers_own_deadline_is_not_taken_for_the_providers():
    async with FaultServer([STALL]) as server:
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(0.1):
                await fetch(server.url)
        assert not isinstance(caught.value, ProviderTimeoutError)
        assert await server.left()


BREAKS = {
    "chunked, then FIN": [head(CHUNKED), chunk("partial"), CLOSE],
    "chunked, then RST": [head(CHUNKED), chunk("partial"), 0.05, RESET],
    "inside a chunk": [head(CHUNKED), b"64\r\npartial", CLOSE],
    "bad chunk size": [head(CHUNKED), chunk("partial"), 0.05, b"zz\r\nx\r\n", CLOSE],
    "short of its length": [head("Content-Length: 100"), b"partial", CLOSE],
    "short of its length, RST": [head("Content-Length: 100"), b"partial", 0.05, RESET],
}


@pytest.mark.parametrize("script", BREAKS.values(), ids=BREAKS)
async def test_a_body_that_breaks_off_is_truncated_and_keeps_what_came(script):
    error, received = await fault(*script, expect=TruncatedError)
    assert "before the answer's end" in str(error)
    assert received == b"partial"


@pytest.mark.parametrize("script", BREAKS.values(), ids=BREAKS)
async def test_what_came_while_the_reader_was_busy_is_kept_too(script):
    opening, *rest = script
    _, received = await fault(
        opening,
        chunk("1") if CHUNKED in opening.decode() else b"1",
        0.1,
        *rest,
        expect=TruncatedError,
        pause=0.4,
    )
    assert received == b"1partial"


async def test_a_close_without_an_answer_is_truncated():
    await fault(CLOSE, expect=TruncatedError)
    await fault(RESET, expect=TruncatedError)
    await fault(b"HTTP/1.1 200 OK\r\nContent-", CLOSE, expect=TruncatedError)


@pytest.mark.parametrize(
    "rubbish",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\0\1\2\r\n\r\n",
        b"HTTP/1.1 two hundred\r\n\r\n",
        head(CHUNKED) + b"zz\r\n",
    ],
)
async def test_a_server_of_another_protocol_is_named(rubbish):
    error, _ = await fault(rubbish, CLOSE, expect=UnexpectedContentError)
    assert "did not answer in HTTP" in str(error)


@pytest.mark.parametrize(
    ("headers", "version", "delimited"),
    [
        ([CHUNKED], "HTTP/1.1", True),
        (["Transfer-Encoding: Chunked"], "HTTP/1.1", True),
        (["Content-Length: 5"], "HTTP/1.1", True),
        ([], "HTTP/1.1", False),
        ([], "HTTP/1.0", False),
    ],
)
async def test_a_body_whose_end_the_transport_cannot_tell_from_a_break_says_so(headers, version, delimited):
    body = [chunk("hello"), chunk("")] if headers and "ransfer" in headers[0] else [b"hello"]
    server = FaultServer([head(*headers, version=version), *body, CLOSE])
    async with server, http.post(server.url, b"", {}) as response:
        received = [data async for data in response.chunks()]
        assert (b"".join(received), response.delimited) == (b"hello", delimited)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("400 Bad Request", StatusError),
        ("401 Unauthorized", AuthenticationError),
        ("403 Forbidden", AuthenticationError),
        ("404 Not Found", NotFoundError),
        ("407 Proxy Authentication Required", StatusError),
        ("413 Payload Too Large", ContextLengthError),
        ("429 Too Many Requests", RateLimitError),
        ("500 Internal Server Error", StatusError),
        ("529", StatusError),
    ],
)
async def test_a_status_keeps_the_providers_message_and_the_name_of_the_request(status, kind):
    script = whole('{"error": {"message": "Read this."}}', "X-Request-Id: r-7", status=status)
    error, _ = await fault(*script, expect=kind)
    assert type(error) is kind
    assert str(error).startswith(f"The provider answered {status}: Read this. ")
    assert (error.http_status, error.request_id) == (int(status[:3]), "r-7")


@pytest.mark.parametrize(
    ("body", "headers", "message"),
    [
        ('{"detail": "Нет"}', ["Content-Type: application/json"], ": Нет."),
        ("Service down.\n", [PLAIN], ": Service down."),
        ("Нет".encode("windows-1251"), ["Content-Type: text/plain; charset=windows-1251"], ": Нет."),
        ("<html><title>Oh</title>", ["Content-Type: text/html"], ": a web page (Oh)."),
        ("", [], " Server Error."),
        (gzip.compress(b"x"), ["Content-Encoding: gzip"], " Server Error."),
        ("\x1b[31mred\x00", [PLAIN], ": ␛[31mred␀."),
        ("long " * 10_000, [PLAIN], "…"),
        (b"\xff" * 200_000, [], "…"),
    ],
)
async def test_an_errors_body_is_kept_in_the_message_readable_and_short(body, headers, message):
    error, _ = await fault(*whole(body, *headers, status="500 Server Error"), expect=StatusError)
    assert message in error.message
    assert len(str(error)) < 700


@pytest.mark.parametrize("end", [CLOSE, RESET])
async def test_an_errors_body_that_breaks_off_still_gives_the_status(end):
    script = [head(CHUNKED, status="503 Busy"), chunk("overloaded"), 0.05, end]
    error, _ = await fault(*script, expect=StatusError)
    assert "503 Busy: overloaded." in str(error)


async def test_an_errors_body_that_dribbles_does_not_hold_the_error_back(monkeypatch):
    monkeypatch.setattr(http, "ERROR_SECONDS", 0.3)
    dribble = [step for _ in range(200) for step in (chunk("x"), 0.05)]
    error, _ = await fault(head(CHUNKED, status="500 No"), *dribble, expect=StatusError)
    assert "500 No: x" in str(error)


async def test_an_errors_body_that_never_ends_is_read_to_its_cap_only(monkeypatch):
    monkeypatch.setattr(http, "ERROR_SECONDS", 600.0)
    flood = [chunk("y" * 60_000)] * 100
    error, _ = await fault(head(CHUNKED, status="500 No"), *flood, STALL, expect=StatusError)
    assert "500 No: y" in str(error)


@pytest.mark.parametrize(
    "status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"]
)
async def test_a_redirect_is_not_followed_and_names_its_target(status):
    async with FaultServer(whole("never")) as other:
        target = f"{other.url}/login"
        error, _ = await fault(*whole("", f"Location: {target}", status=status), expect=RedirectError)
        assert target in str(error)
        assert other.visits == []


async def test_a_compressed_answer_is_refused_and_compression_is_not_asked_for():
    async with FaultServer(whole(gzip.compress(b"hello"), "Content-Encoding: gzip")) as server:
        with pytest.raises(UnexpectedContentError, match="compressed its answer"):
            await fetch(server.url)
        assert "accept-encoding: identity" in server.visit().head.lower()


async def test_cookies_are_neither_kept_nor_sent():
    async with FaultServer(streamed("a", headers=["Set-Cookie: spy=1"])) as server:
        await fetch(server.url.replace("127.0.0.1", "localhost"))
        await fetch(server.url.replace("127.0.0.1", "localhost"))
        assert "cookie" not in server.visit(1).head.lower()


async def test_a_connection_is_used_again_after_a_whole_answer_and_never_after_a_part_of_one():
    async with FaultServer(
        streamed("a"), streamed("b"), [head(CHUNKED), chunk("c"), STALL], streamed("d")
    ) as server:
        await fetch(server.url)
        await fetch(server.url)
        async with http.post(server.url, b"", {}):
            pass
        await fetch(server.url)
        assert [visit.connection for visit in server.visits] == [0, 0, 0, 1]


async def test_leaving_early_closes_the_connection():
    async with FaultServer([head(CHUNKED), chunk("a"), STALL]) as server:
        async with http.post(server.url, b"", {}) as response:
            chunks = response.chunks()
            assert await anext(chunks) == b"a"
            await chunks.aclose()
        assert await server.left()


async def test_many_streams_run_at_once_and_none_waits_for_another():
    async with FaultServer([head(CHUNKED), 0.3, chunk("a"), chunk("")]) as server:
        answers = await asyncio.gather(*(fetch(server.url) for _ in range(150)))
        assert answers == [b"a"] * 150
        assert len({visit.connection for visit in server.visits}) == 150


async def test_a_long_prompt_is_sent_whole_and_without_a_warning():
    body = b"x" * 3_000_000
    async with FaultServer(streamed("a")) as server:
        await fetch(server.url, body=body)
        assert server.visit().body == body


async def test_a_proxy_is_asked_for_the_whole_address_and_answers_for_the_server():
    async with FaultServer(streamed("by proxy")) as proxy:
        assert await fetch("http://192.0.2.1:81/chat", proxy=proxy.url) == b"by proxy"
        assert proxy.visit().head.startswith("POST http://192.0.2.1:81/chat HTTP/1.1\r\n")


async def test_a_proxy_that_refuses_a_tunnel_is_named():
    async with FaultServer([*whole("", status="407 Who are you"), CLOSE]) as proxy:
        with pytest.raises(
            ConnectionFailedError, match=r"proxy refused to connect to https://192\.0\.2\.1: 407"
        ):
            await fetch("https://192.0.2.1/chat", proxy=proxy.url)
        assert proxy.visit().head.startswith("CONNECT 192.0.2.1:443 ")


async def test_a_connection_that_does_not_come_about_times_out_in_words_of_its_own():
    async with FaultServer([STALL]) as proxy:
        with pytest.raises(ProviderTimeoutError, match=r"No connection to https://192\.0\.2\.1 came about"):
            await fetch("https://192.0.2.1", proxy=proxy.url, timeouts=http.Timeouts(connect=0.2))


async def test_a_pooled_connection_that_is_reset_is_forgotten_without_a_word(caplog):
    script = [head("Content-Length: 1"), 0.05, b"a", 0.1, RESET]
    async with FaultServer(script, streamed("b")) as server:
        async with http.post(server.url, b"", {}) as response:
            assert [data async for data in response.chunks()] == [b"a"]
        await asyncio.wait([response._lost])
        del response
        assert await fetch(server.url) == b"b"
    await http.close()
    gc.collect()
    assert caplog.text == ""


async def test_a_proxy_that_cannot_be_reached_is_named_and_not_the_server():
    port = free_port()
    with pytest.raises(ConnectionFailedError, match=f"The proxy 127.0.0.1:{port} cannot be reached"):
        await fetch("http://192.0.2.1/chat", proxy=f"http://user:secret@127.0.0.1:{port}")


async def test_the_environments_proxy_is_not_used_unasked(monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("NO_PROXY", "")
    async with FaultServer(streamed("direct")) as server:
        assert await fetch(server.url) == b"direct"


async def test_a_loop_has_one_session_and_close_ends_it():
    first = await http.session()
    assert await http.session() is first
    await http.close()
    assert first.closed
    again = await http.session()
    assert again is not first
    await http.close()
    await http.close()


async def test_shutdown_ends_the_sessions_of_running_loops_and_leaves_those_of_idle_ones_alone():
    elsewhere = asyncio.new_event_loop()
    idle = await asyncio.to_thread(elsewhere.run_until_complete, http.session())
    running = await http.session()
    runtime.shutdown()
    for _ in range(10):
        await asyncio.sleep(0)
    assert running.closed
    assert not idle.closed
    await asyncio.to_thread(elsewhere.run_until_complete, elsewhere.shutdown_asyncgens())
    elsewhere.close()
    assert idle.closed


def test_each_loop_has_a_session_of_its_own_that_ends_with_it():
    first, second = asyncio.run(http.session()), asyncio.run(http.session())
    assert first is not second
    assert first.closed
    assert second.closed
    assert not any(loop.is_closed() for loop in sessions._sessions)


IMPORTS = """
    import asyncio, atexit, os, sys
    LOOP = asyncio.new_event_loop()
    atexit.register(LOOP.close)
    from cromicle_magic import CromicleError, ask, chat
    from cromicle_magic.providers import Cromicle
    URL = os.environ["URL"]
    ASKED = [{"role": "user", "content": "Hi"}]
    """

PROGRAMS = {
    "aask on asyncio.run": """
        asyncio.run(chat.aask("Hi", provider="cromicle", url=URL))
        """,
    "ask twice": """
        ask("Hi", provider="cromicle", url=URL)
        ask("Hi", provider="cromicle", url=URL)
        """,
    "create_completion broken out of": """
        for text in Cromicle.create_completion("", ASKED, url=URL):
            break
        """,
    "create_completion left unfinished": """
        texts = Cromicle.create_completion("", ASKED, url=URL)
        next(texts)
        """,
    "nested create_completion broken out of": """
        async def main():
            for text in Cromicle.create_completion("", ASKED, url=URL, loop="nested"):
                break
        asyncio.run(main())
        """,
    "a stream broken out of and never closed": """
        async def main():
            async for text in chat.stream("Hi", provider="cromicle", url=URL):
                break
        asyncio.run(main())
        """,
    "a task that runs when the program ends": """
        async def main():
            running = asyncio.create_task(chat.aask("Hi", provider="cromicle", url=URL + "/stall"))
            await asyncio.sleep(0.3)
        asyncio.run(main())
        """,
    "a loop that is stopped but not closed": """
        LOOP.run_until_complete(chat.aask("Hi", provider="cromicle", url=URL))
        """,
    "an error": """
        try:
            ask("Hi", provider="cromicle", url=URL + "/404")
        except CromicleError:
            pass
        """,
    "an exit in mid-stream": """
        for text in Cromicle.create_completion("", ASKED, url=URL):
            sys.exit()
        """,
}


@pytest.mark.parametrize("code", PROGRAMS.values(), ids=PROGRAMS)
def test_a_program_ends_with_nothing_left_open_and_nothing_said(code):
    many = streamed(*["word "] * 50)
    with FaultServer([*many[:25], 0.2, *many[25:]]) as server:
        # A name, not a number: resolving it takes a thread, which must end too.
        url = server.url.replace("127.0.0.1", "localhost")
        assert script(dedent(IMPORTS) + dedent(code), URL=url, PYTHONDEVMODE="1") == ""
        assert server.visits
