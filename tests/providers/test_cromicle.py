"""The Cromicle wire to the byte, and what each fault of such a server becomes."""

import asyncio
import hashlib
import json
import threading

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripts import script
from servers import CHUNKED, CLOSE, PLAIN, RESET, STALL, FaultServer, chunk, head, streamed, whole

from cromicle_magic import config
from cromicle_magic.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectionFailedError,
    EmptyAnswerError,
    MessageError,
    OptionWarning,
    ProviderTimeoutError,
    RedirectError,
    StatusError,
    TruncatedError,
    UnexpectedContentError,
    UsageError,
)
from cromicle_magic.messages import FinishReason
from cromicle_magic.providers import Cromicle
from cromicle_magic.providers.cromicle import _create_header, _create_payload, signature

HELLO = [{"role": "user", "content": "Hello"}]

VECTORS = [
    ("", "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ("Hello", "abc", "d40e8531b8d2ef442a6dea109d0d77e15abc8c3f23d6b73d6f5b75975b2f2b7f"),
    ("Hello world!", "abc", "0ac182cae666c72c16da31b568f25ec9622a680942fd63bfe58d8bd315b688dc"),
    ("Hello, world!", "abc", "be3c4b673d226b46742593cd467f3532504905d2e30236d18228f17c3940eb3e"),
    ("Hello, Cromicle!", "abc", "bd1cb47159b2102b1e9a7c1f5d7e0d3cd60691f828f6b2c95e03ff8b012814ba"),
    ("Привет", "abc", "1833a632649e72633fd18546b3e971c66dec7b2c8a69a6156ac5b7a53893188b"),
    ("\U0001f600", "abc", "90e58f5f0fff026a22b66f12fffde07ffaa76072ae4358d257f601df8f8d6bc4"),
    ("a\nb", "abc", "4b15c4d479baaab914f0fc007aa3231be29d000b5077b2bc3af386af1b5f992a"),
    (
        "User: Hello\nAssistant: Hi\nUser: c\nAssistant:",
        "abc",
        "cd761b58a2062a0c65445e067f8bb1ecd7c12be473cbab175e22a5758121d271",
    ),
    ("hello", "asdap", "dda6ea4e1dc215f198084018b1df20cfeafe9fbdfe31d8a350d6917509158d8a"),
]


async def collect(url, messages=HELLO, into=None, **settings):
    events = [] if into is None else into
    async for event in Cromicle.create_async_generator("", messages, url=url, **settings):
        events.append(event)
    return events


async def played(*script, **settings):
    async with FaultServer(list(script)) as server:
        return await collect(server.url, **settings)


async def fault(*script, expect, **settings):
    """Play `script` and return the error, whose partial text must be the text that was yielded, or more."""
    events = []
    async with FaultServer(list(script)) as server:
        with pytest.raises(expect) as caught:
            await collect(server.url, into=events, **settings)
    assert caught.value.partial.startswith("".join(events))
    return caught.value


# The request


@pytest.mark.parametrize(("message", "token", "expected"), VECTORS)
def test_the_hash_is_that_of_token_and_message_in_utf8(message, token, expected):
    assert signature(message, token) == expected
    payload = _create_payload(message, token)
    assert payload == {"message": message, "token": token, "hash": expected}
    assert list(payload) == ["message", "token", "hash"]


def test_the_example_in_print_is_an_erratum():
    assert not _create_payload("Hello")["hash"].startswith("68d54a9d")
    assert "erratum" in _create_payload.__doc__


def test_the_headers_are_the_two_of_the_protocol():
    assert list(_create_header().items()) == [("accept", "*/*"), ("content-type", "application/json")]


async def test_the_request_is_the_protocols_to_the_byte():
    message = 'Привет "\U0001f600"\n'
    async with FaultServer(streamed("Hi")) as server:
        await collect(server.url, [{"role": "user", "content": message}])
        visit = server.visit()
    expected = (
        r'{"message": "\u041f\u0440\u0438\u0432\u0435\u0442 \"\ud83d\ude00\"\n", "token": "abc", '
        f'"hash": "{signature(message, "abc")}"}}'
    )
    assert visit.body == expected.encode("ascii")
    agent = aiohttp.http.SERVER_SOFTWARE
    assert visit.head.split("\r\n") == [
        "POST /chat HTTP/1.1",
        f"Host: 127.0.0.1:{server.port}",
        "accept: */*",
        "content-type: application/json",
        "Accept-Encoding: identity",
        f"User-Agent: {agent}",
        f"Content-Length: {len(expected)}",
    ]


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        (HELLO, "Hello"),
        ([{"role": "assistant", "content": " as it is\n"}], " as it is\n"),
        ([{"role": "system", "content": "S"}, *HELLO], "System: S\nUser: Hello\nAssistant:"),
        (
            [*HELLO, {"role": "ASSISTANT", "content": "Hi"}, {"role": "user", "content": "c"}],
            "User: Hello\nAssistant: Hi\nUser: c\nAssistant:",
        ),
        (
            [
                {"role": "user", "content": "a"},
                {"role": "assistant", "content": " "},
                {"role": "user", "content": "c\n"},
            ],
            "User: a\nUser: c\n\nAssistant:",
        ),
        ([{"role": "user", "content": None}], ""),
        ([{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}], "ab"),
    ],
)
async def test_the_conversation_is_sent_as_one_text_by_the_protocols_rules(messages, message):
    async with FaultServer(streamed("Hi")) as server:
        await collect(server.url, messages)
        assert json.loads(server.visit().body) == _create_payload(message)


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_what_a_server_reads_from_the_body_hashes_to_what_it_was_sent(message, token):
    read = json.loads(json.dumps(_create_payload(message, token)).encode("ascii"))
    assert read["hash"] == hashlib.sha256((read["token"] + read["message"]).encode()).hexdigest()


async def test_address_and_token_come_from_the_call_then_from_the_settings(monkeypatch):
    async with FaultServer(streamed("Hi")) as server:
        monkeypatch.setenv("CROMICLE_URL", f"{server.url}/base/")
        monkeypatch.setenv("CROMICLE_TOKEN", "from the environment")
        await collect(None)
        await collect(server.url, token="from the call")
        config.set_option("token", "from the session")
        await collect(None)
        tokens = [json.loads(visit.body)["token"] for visit in server.visits]
        paths = [visit.head.split()[1] for visit in server.visits]
    assert tokens == ["from the environment", "from the call", "from the session"]
    assert paths == ["/base/chat", "/chat", "/base/chat"]


async def test_a_proxy_is_asked_in_the_servers_place():
    async with FaultServer(streamed("Hi")) as proxy:
        await collect("http://192.0.2.1:81", proxy=proxy.url)
        assert proxy.visit().head.startswith("POST http://192.0.2.1:81/chat HTTP/1.1\r\n")


# What is wrong at the call


def call(messages=HELLO, model="", **settings):
    Cromicle.create_async_generator(model, messages, **{"url": "http://127.0.0.1:9", **settings})


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([], "no message"),
        ([{"role": "user", "content": "a\ud800"}], "lone surrogate"),
        ([{"role": "user", "content": 7}], "content is a int"),
        ([{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}], "'image_url'"),
        ([{"content": "no role"}], "'role'"),
        (["text"], "'role'"),
    ],
)
def test_messages_that_cannot_be_sent_are_an_error_at_the_call(messages, said):
    with pytest.raises(MessageError, match=said):
        call(messages)


@pytest.mark.parametrize("settings", [{"url": "127.0.0.1:8000"}, {"proxy": "x"}, {"token": "\udcff"}])
def test_settings_that_cannot_be_used_are_an_error_at_the_call(settings):
    with pytest.raises(ConfigurationError):
        call(**settings)


def test_a_timeout_that_is_none_is_an_error_at_the_call():
    with pytest.raises(UsageError):
        call(timeout=-1)


def test_without_an_address_one_line_says_how_to_start_a_server():
    with pytest.raises(
        ConfigurationError, match=r"gone\. Start one with `cromicle serve` and set CROMICLE_URL"
    ):
        Cromicle.create_async_generator("", HELLO)


def test_what_the_protocol_cannot_carry_is_reported_and_stream_is_not():
    call(stream=True)
    with pytest.warns(OptionWarning, match="cannot honour 'temperature'"):
        call(temperature=0)
    with pytest.warns(OptionWarning, match="cannot choose a model"):
        call(model="gpt-4")


# The answer


async def test_text_comes_as_it_arrives_and_never_empty():
    async with FaultServer([head(CHUNKED, PLAIN), chunk("one"), STALL]) as server:
        events = Cromicle.create_async_generator("", HELLO, url=server.url)
        assert await anext(events) == "one"
        await events.aclose()


@pytest.mark.parametrize("charset", ["utf-8", "windows-1251", '"windows-1251"', "UTF-16LE", "koi8-r"])
async def test_a_character_split_at_any_byte_arrives_whole_in_the_declared_charset(charset):
    data = "Привет".encode(charset.strip('"'))
    scripts = [
        streamed(data[:cut], data[cut:], headers=[f"Content-Type: text/plain; charset={charset}"])
        for cut in range(1, len(data))
    ]
    async with FaultServer(*scripts) as server:
        for _ in scripts:
            events = await collect(server.url)
            assert "".join(events) == "Привет"
            assert all(events)


@pytest.mark.parametrize(
    "content_type", ["text/plain; charset=no-such", "text/plain", "application/octet-stream"]
)
async def test_an_unknown_or_missing_charset_is_read_as_utf8(content_type):
    script = streamed(
        *[bytes([byte]) for byte in "Привет".encode()], headers=[f"Content-Type: {content_type}"]
    )
    assert "".join(await played(*script)) == "Привет"


async def test_a_whole_answer_ends_without_a_word_and_one_that_may_be_cut_says_unknown():
    assert await played(*streamed("all")) == ["all"]
    assert await played(*whole("all", PLAIN)) == ["all"]
    assert await played(head(PLAIN), b"all?", CLOSE) == ["all?", FinishReason("unknown")]


@pytest.mark.parametrize(
    "script",
    [streamed(), whole(""), [head(), CLOSE], [head(status="204 No Content")]],
    ids=["chunked", "length", "closed", "204"],
)
async def test_an_empty_answer_is_an_error(script):
    error = await fault(*script, expect=EmptyAnswerError)
    assert error.partial == ""


PAGE = "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>x</body></html>"


@pytest.mark.parametrize(
    "script",
    [
        streamed(PAGE, headers=["Content-Type: text/html"]),
        streamed(*PAGE, headers=["Content-Type: text/html; charset=utf-8"]),
        streamed("<!-- x -->", PAGE, headers=["Content-Type: text/html", "X-Content-Type-Options: nosniff"]),
        streamed(PAGE),
        streamed(*PAGE),
        whole(PAGE),
        [head(), PAGE[:60].encode(), CLOSE],
        [head("Content-Length: 1000"), PAGE[:60].encode(), CLOSE],
    ],
    ids=[
        "by type",
        "by type, split",
        "by type alone",
        "by beginning",
        "by beginning, split",
        "length",
        "closed",
        "cut",
    ],
)
async def test_a_web_page_with_status_200_is_not_an_answer(script):
    error = await fault(*script, expect=UnexpectedContentError)
    assert "(Just a moment...)" in str(error)
    assert "<!DOCTYPE html>" in error.partial


async def test_a_page_that_the_model_itself_wrote_passes_where_the_server_forbids_guessing():
    headers = [PLAIN, "X-Content-Type-Options: nosniff"]
    assert "".join(await played(*streamed(*PAGE, headers=headers))) == PAGE


@pytest.mark.parametrize("headers", [[PLAIN], [], ["Content-Type: application/json"]])
@pytest.mark.parametrize("split", [lambda text: [text], list])
async def test_a_json_error_with_status_200_is_not_an_answer(headers, split):
    text = '{"error": "bad hash"}'
    error = await fault(*streamed(*split(text), headers=headers), expect=UnexpectedContentError)
    assert "instead of an answer: bad hash." in str(error)
    assert error.partial == text


async def test_a_json_error_of_the_json_type_is_not_an_answer_wherever_its_error_stands():
    script = streamed('{"code": 3, "error": "bad hash"}', headers=["Content-Type: application/json"])
    await fault(*script, expect=UnexpectedContentError)


async def test_an_answer_in_json_that_is_no_error_passes():
    text = '{"answer": [1, 2]}'
    assert "".join(await played(*streamed(*text, headers=["Content-Type: application/json"]))) == text


@pytest.mark.parametrize(
    ("body", "content_type", "said"),
    [
        ('{"error": {"message": "Wrong hash."}}', "application/json", "403 Forbidden: Wrong hash. Check"),
        ("Wrong hash.", "text/plain", "403 Forbidden: Wrong hash. Check"),
        (PAGE, "text/html", "403 Forbidden: a web page (Just a moment...). Check"),
    ],
)
async def test_the_body_of_an_error_status_is_kept(body, content_type, said):
    script = whole(body, f"Content-Type: {content_type}", status="403 Forbidden")
    error = await fault(*script, expect=AuthenticationError)
    assert said in str(error)
    assert error.http_status == 403


async def test_a_redirect_is_named_and_the_token_does_not_follow_it():
    async with FaultServer(streamed("never")) as other:
        script = whole("", f"Location: {other.url}/chat", status="307 Temporary Redirect")
        error = await fault(*script, expect=RedirectError)
        assert f"{other.url}/chat" in str(error)
        assert other.visits == []


BREAKS = {
    "chunked": [head(CHUNKED, PLAIN), chunk("partial "), chunk("text"), CLOSE],
    "chunked, reset": [head(CHUNKED, PLAIN), chunk("partial "), chunk("text"), 0.05, RESET],
    "length": [head("Content-Length: 99", PLAIN), b"partial text", CLOSE],
    "bad chunk": [head(CHUNKED, PLAIN), chunk("partial text"), 0.05, b"zz\r\n", CLOSE],
    "inside a character": [head(CHUNKED, PLAIN), chunk(b"partial text\xd0"), CLOSE],
}


@pytest.mark.parametrize("script", BREAKS.values(), ids=BREAKS)
async def test_an_answer_that_breaks_off_is_truncated_and_keeps_its_text(script):
    error = await fault(*script, expect=TruncatedError)
    assert error.partial == "partial text"


@pytest.mark.parametrize("held", ["<", "<!doc", '{"error": "unfini', "\n\n"])
@pytest.mark.parametrize(("end", "kind"), [(CLOSE, TruncatedError), (STALL, ProviderTimeoutError)])
async def test_text_that_was_held_back_when_the_answer_broke_off_is_kept_and_shown(held, end, kind):
    events = []
    async with FaultServer([head(CHUNKED, PLAIN), chunk(held), end]) as server:
        with pytest.raises(kind) as caught:
            await collect(server.url, into=events, timeout=0.2)
    assert events == [held]
    assert caught.value.partial == held


async def test_a_stall_keeps_the_text_and_silence_has_none():
    error = await fault(head(CHUNKED), chunk("so far"), STALL, expect=ProviderTimeoutError, timeout=0.2)
    assert error.partial == "so far"
    error = await fault(STALL, expect=ProviderTimeoutError, timeout=0.2)
    assert error.partial == ""


async def test_a_refused_connection_and_a_close_without_an_answer_are_typed():
    async with FaultServer([CLOSE]) as server:
        with pytest.raises(TruncatedError):
            await collect(server.url)
    with pytest.raises(ConnectionFailedError):
        await collect(server.url)


async def test_another_protocol_on_the_port_is_typed():
    await fault(b"SSH-2.0-OpenSSH_9.2\r\n", CLOSE, expect=UnexpectedContentError)
    await fault(*whole("", status="500 Oops"), expect=StatusError)


# Leaving early

SILENT = [head(CHUNKED, PLAIN), chunk("first"), STALL]


async def test_closing_the_generator_closes_the_connection():
    async with FaultServer(SILENT) as server:
        events = Cromicle.create_async_generator("", HELLO, url=server.url)
        assert await anext(events) == "first"
        await events.aclose()
        assert await server.left()


@pytest.mark.parametrize(
    "script", [SILENT, [STALL], [head(CHUNKED), STALL]], ids=["mid-stream", "no head", "no text"]
)
async def test_cancelling_the_task_closes_the_connection(script):
    async with FaultServer(script) as server:
        task = asyncio.create_task(collect(server.url))
        await asyncio.to_thread(server.visit)
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await server.left()


async def test_one_class_serves_many_streams_at_once():
    async with FaultServer(*(streamed("a", str(number)) for number in range(20))) as server:
        answers = await asyncio.gather(*(Cromicle.create_async("", HELLO, url=server.url) for _ in range(20)))
    assert sorted(answers) == sorted(f"a{number}" for number in range(20))


# The synchronous door


def complete(url):
    return "".join(Cromicle.create_completion("", HELLO, url=url))


def test_create_completion_works_in_a_script():
    with FaultServer(streamed("a", "b")) as server:
        assert complete(server.url) == "ab"
        assert list(Cromicle.create_completion("", HELLO, stream=False, url=server.url)) == ["ab"]


def test_create_completion_works_in_threads():
    answers = []
    with FaultServer(streamed("a", "b")) as server:
        threads = [threading.Thread(target=lambda: answers.append(complete(server.url))) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert answers == ["ab"] * 5


async def test_create_completion_works_inside_a_running_loop():
    with FaultServer(streamed("a", "b")) as server:
        assert complete(server.url) == "ab"


NESTED = """
    import asyncio, os
    from cromicle_magic.providers import Cromicle

    async def main():
        ticks = []
        asyncio.get_running_loop().call_later(0.05, ticks.append, "the loop went on")
        asked = [{"role": "user", "content": "Hello"}]
        for text in Cromicle.create_completion("", asked, url=os.environ["URL"], loop="nested"):
            print(text, ticks, flush=True)
            if text == "first":
                break

    asyncio.run(main())
    """


def test_create_completion_works_on_the_running_loop_itself_when_nested():
    with FaultServer([head(CHUNKED, PLAIN), chunk("a"), 0.3, chunk("b"), chunk("")]) as server:
        assert script(NESTED, URL=server.url) == "a []\nb ['the loop went on']\n"


def break_out(url):
    for text in Cromicle.create_completion("", HELLO, url=url):
        assert text == "first"
        break


def test_breaking_out_closes_the_connection():
    with FaultServer(SILENT) as server:
        break_out(server.url)
        assert server.visit().gone.wait(5)


async def test_breaking_out_inside_a_running_loop_closes_the_connection():
    with FaultServer(SILENT) as server:
        break_out(server.url)
        assert server.visit().gone.wait(5)


def test_breaking_out_of_a_nested_call_closes_the_connection():
    with FaultServer(SILENT) as server:
        assert script(NESTED, URL=server.url) == "first []\n"
        assert server.visit().gone.wait(5)


def test_an_error_keeps_its_type_and_its_text_through_the_synchronous_door():
    with (
        FaultServer([head(CHUNKED), chunk("so far"), CLOSE]) as server,
        pytest.raises(TruncatedError) as caught,
    ):
        complete(server.url)
    assert caught.value.partial == "so far"
