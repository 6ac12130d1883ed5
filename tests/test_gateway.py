"""A provider behind the gateway: what comes through, what is refused, and what ends with the client."""

import asyncio
import io
import json
import logging
import socket
import threading

import aiohttp
import pytest

from cromicle_magic import gateway, runtime
from cromicle_magic.errors import (
    AuthenticationError,
    ConfigurationError,
    ContextLengthError,
    EmptyAnswerError,
    MessageError,
    ProviderError,
    StatusError,
    TruncatedError,
)
from cromicle_magic.messages import FinishReason, Reasoning, Usage
from cromicle_magic.providers import Cromicle, Scripted
from cromicle_magic.providers.cromicle import _create_payload

TOKEN = "Ключ 7"
HELLO = [{"role": "user", "content": "Hello"}]


def served(provider, **settings):
    return gateway.running(gateway.make_app(provider, TOKEN, **settings))


async def ask(url, messages=HELLO, token=TOKEN, **settings):
    return [
        event
        async for event in Cromicle.create_async_generator("", messages, url=url, token=token, **settings)
    ]


async def post(url, body, path="/chat", content_type="application/json"):
    """Send a request by hand and return status, text and headers of the answer."""
    data = io.BytesIO(body if isinstance(body, bytes) else json.dumps(body).encode())
    headers = {"Content-Type": content_type}
    async with (
        aiohttp.ClientSession() as client,
        client.post(url + path, data=data, headers=headers) as answer,
    ):
        return answer.status, await answer.text(), answer.headers


def body_of(message="Hello", token=TOKEN):
    return _create_payload(message, token)


class Watched(Scripted):
    """Waits between its texts and says when it was closed."""

    def __init_subclass__(cls):
        cls.begun, cls.closed = threading.Event(), threading.Event()

    @classmethod
    async def _play(cls, events):
        cls.begun.set()
        try:
            async for event in super()._play(events):
                yield event
        finally:
            cls.closed.set()


def watched(*events, **attributes):
    class Silent(Watched):
        pass

    return Silent.playing(list(events), begun=Silent.begun, closed=Silent.closed, **attributes)


# What comes through


@pytest.mark.parametrize(
    "text", ["Hello there", "Привет \U0001f600", "<html>a page</html>", '{"error": "no"}', "\n\n x"]
)
async def test_text_comes_through_unchanged_and_complete(text):
    async with served(Scripted.playing([*text])) as url:
        assert "".join(await ask(url)) == text


async def test_the_provider_gets_one_user_message_and_its_own_system_message_and_model():
    Fake = Scripted.playing("a", default_system="Be brief.")
    async with served(Fake) as url:
        await ask(url, [{"role": "system", "content": "S"}, *HELLO])
    async with served(Fake, model="big") as url:
        await ask(url)
    system = {"role": "system", "content": "Be brief."}
    assert Fake.calls == [
        ("script", [system, {"role": "user", "content": "System: S\nUser: Hello\nAssistant:"}], {}),
        ("big", [system, {"role": "user", "content": "Hello"}], {}),
    ]


async def test_a_provider_of_another_house_is_served_too():
    class Foreign:
        @classmethod
        async def create_async_generator(cls, model, messages, proxy=None, **kwargs):
            yield ""
            yield f"{model!r} {messages[-1]['content']}"

    async with served(Foreign) as url:
        assert await ask(url) == ["'' Hello"]


async def test_only_text_is_sent():
    events = [Reasoning("hm"), "a", Usage(1, 2), "b", FinishReason("stop")]
    async with served(Scripted.playing(events)) as url:
        assert (await post(url, body_of()))[:2] == (200, "ab")


async def test_the_answer_is_plain_text_in_chunks_and_not_to_be_guessed_at():
    async with served(Scripted.playing("a")) as url:
        _, _, headers = await post(url, body_of())
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert headers["Transfer-Encoding"] == "chunked"
    assert headers["X-Content-Type-Options"] == "nosniff"


async def test_each_text_is_sent_before_the_next_one_is_there():
    Fake = watched("one", "two", delay=60.0)
    async with served(Fake, grace=0) as url:
        events = Cromicle.create_async_generator("", HELLO, url=url, token=TOKEN)
        assert await anext(events) == "one"
        await events.aclose()


async def test_an_answer_without_a_text_is_empty_and_not_an_error_of_the_gateway():
    async with served(Scripted.playing([Usage(1, 0)])) as url:
        assert (await post(url, body_of()))[:2] == (200, "")
        with pytest.raises(EmptyAnswerError):
            await ask(url)


async def test_many_answers_are_given_at_once():
    async with served(Scripted.playing(*(f"{number}" for number in range(40)), delay=0.01)) as url:
        answers = await asyncio.gather(*(ask(url) for _ in range(40)))
    assert sorted(answers) == sorted([f"{number}"] for number in range(40))


async def test_a_lone_surrogate_of_the_provider_does_not_break_the_answer():
    async with served(Scripted.playing(["a", "\ud800", "b"])) as url:
        assert "".join(await ask(url)) == "a?b"


# What is refused


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "The body is not JSON."),
        (b"{", "The body is not JSON."),
        (b"\xff\xfe", "The body is not JSON."),
        (b"[" * 100_000, "The body is not JSON."),
        ([], "strings message, token and hash"),
        (None, "strings message, token and hash"),
        ({"message": "a", "token": "b"}, "strings message, token and hash"),
        ({"message": None, "token": "a", "hash": "c"}, "strings message, token and hash"),
        ({"message": "a", "token": ["b"], "hash": "c"}, "strings message, token and hash"),
    ],
)
async def test_a_body_that_is_not_the_protocols_is_a_bad_request(body, said):
    Fake = Scripted.playing("a")
    async with served(Fake) as url:
        status, text, _ = await post(url, body)
    assert (status, Fake.calls) == (400, [])
    assert said in text


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
async def test_a_body_of_another_type_is_refused_as_a_web_page_could_send_it(kind):
    Fake = Scripted.playing("a")
    async with served(Fake) as url:
        status, text, _ = await post(url, body_of(), content_type=kind)
    assert (status, text, Fake.calls) == (415, "The content type must be application/json.", [])


@pytest.mark.parametrize("token", ["", "abc", TOKEN + "x", "\ud800"])
async def test_a_wrong_token_is_refused_in_a_sentence_that_says_what_to_set(token):
    Fake = Scripted.playing("a")
    async with served(Fake) as url:
        status, text, _ = await post(url, body_of() | {"token": token})
    assert (status, Fake.calls) == (403, [])
    assert text == "The token is wrong: set CROMICLE_TOKEN to the one that `cromicle serve` printed."


async def test_the_client_says_the_gateways_sentence():
    async with served(Scripted) as url:
        with pytest.raises(
            AuthenticationError, match="set CROMICLE_TOKEN to the one that `cromicle serve` printed"
        ):
            await ask(url, token="wrong")


@pytest.mark.parametrize("digest", ["", "0" * 64, "ж", _create_payload("Hello", TOKEN)["hash"].upper()])
async def test_a_wrong_hash_is_refused(digest):
    Fake = Scripted.playing("a")
    async with served(Fake) as url:
        status, text, _ = await post(url, body_of() | {"hash": digest})
    assert (status, Fake.calls) == (403, [])
    assert text.startswith("The hash is wrong: ")


async def test_a_message_that_is_not_unicode_is_a_bad_request():
    async with served(Scripted) as url:
        status, text, _ = await post(url, body_of() | {"message": "a\ud800"})
    assert (status, "not valid Unicode" in text) == (400, True)


async def test_a_body_over_the_cap_is_too_large_and_one_under_it_passes():
    async with served(Scripted.playing("a")) as url:
        with pytest.raises(ContextLengthError):
            await ask(url, [{"role": "user", "content": "ж" * (gateway.MOST_BYTES // 6)}])
        assert await ask(url, [{"role": "user", "content": "ж" * 1_000_000}]) == ["a"]


async def test_a_client_that_could_not_tell_a_part_from_the_whole_is_refused():
    async with served(Scripted) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(b"POST /chat HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
        answer = await reader.read()
        writer.close()
    assert answer.startswith(b"HTTP/1.0 505 ")
    assert answer.endswith(b"HTTP/1.1 is needed: 1.0 cannot tell a part from the whole.")


async def test_other_paths_and_methods_are_refused():
    async with served(Scripted) as url, aiohttp.ClientSession() as client:
        assert (await post(url, body_of(), path="/"))[0] == 404
        async with client.get(f"{url}/chat") as answer:
            assert answer.status == 405


# What fails


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (ProviderError("The engine is out.", "Start it."), 502, "The engine is out. Start it."),
        (TruncatedError("It broke off."), 502, "It broke off."),
        (MessageError("Too odd.", "Say less."), 400, "Too odd. Say less."),
        (RuntimeError("oops\nat line 2"), 502, "RuntimeError: oops at line 2"),
        (TimeoutError(), 502, "TimeoutError"),
    ],
)
async def test_what_fails_before_the_first_text_is_a_status_and_one_sentence(error, status, said):
    async with served(Scripted.playing(["a"], fail_at=0, error=error)) as url:
        assert (await post(url, body_of()))[:2] == (status, said)
        with pytest.raises(StatusError, match=said.partition("\n")[0][:20]):
            await ask(url)


async def test_what_is_wrong_at_the_call_of_the_provider_is_a_bad_request():
    class Unready(Scripted):
        @classmethod
        def create_async_generator(cls, model, messages, proxy=None, **kwargs):
            raise ConfigurationError("The weights are not here.", "Run `cromicle pull`.")

    async with served(Unready) as url:
        assert (await post(url, body_of()))[:2] == (400, "The weights are not here. Run `cromicle pull`.")


@pytest.mark.parametrize("error", [ProviderError("It broke."), RuntimeError("oops")])
async def test_what_fails_in_mid_stream_is_truncated_at_the_client_and_never_a_clean_end(error):
    async with served(Scripted.playing(["partial ", "text", "never"], fail_at=2, error=error)) as url:
        for _ in range(20):
            with pytest.raises(TruncatedError) as caught:
                await ask(url)
            assert caught.value.partial == "partial text"


async def test_a_cancellation_inside_the_provider_is_no_clean_end_either():
    class Odd:
        @classmethod
        async def create_async_generator(cls, model, messages, proxy=None, **kwargs):
            yield "partial"
            raise asyncio.CancelledError

    async with served(Odd) as url:
        with pytest.raises(TruncatedError) as caught:
            await ask(url)
    assert caught.value.partial == "partial"


# What ends


async def gone(provider):
    return await asyncio.to_thread(provider.closed.wait, 1.0)


@pytest.mark.parametrize("events", [["one", "two"], ["never"]], ids=["after a text", "before the first text"])
async def test_a_client_that_goes_ends_the_providers_work_within_a_second_while_it_is_silent(events):
    Fake = watched(*events, first_delay=0.0 if len(events) == 2 else 60.0, delay=60.0)
    async with served(Fake) as url:
        task = asyncio.create_task(ask(url))
        await asyncio.to_thread(Fake.begun.wait)
        await asyncio.sleep(0.1)
        assert not Fake.closed.is_set()
        task.cancel()
        assert await gone(Fake)


async def test_a_client_that_goes_ends_the_work_of_a_provider_that_never_pauses():
    Fake = watched(*["x" * 1000] * 100_000)
    async with served(Fake) as url:
        events = Cromicle.create_async_generator("", HELLO, url=url, token=TOKEN)
        await anext(events)
        await events.aclose()
        assert await gone(Fake)


async def test_a_client_that_reads_slowly_holds_the_provider_back():
    sent = 0

    class Flood:
        @classmethod
        async def create_async_generator(cls, model, messages, proxy=None, **kwargs):
            nonlocal sent
            while True:
                sent += 1
                yield "x" * 100_000
                await asyncio.sleep(0)

    async with served(Flood, grace=0) as url:
        events = Cromicle.create_async_generator("", HELLO, url=url, token=TOKEN)
        await anext(events)
        await asyncio.sleep(0.5)
        before = sent
        await asyncio.sleep(0.3)
        assert sent == before
        await events.aclose()


async def test_shutdown_lets_a_running_answer_end_and_refuses_a_new_one():
    Fake = watched("one ", "two", delay=0.3)
    async with served(Fake) as url:
        task = asyncio.create_task(ask(url))
        await asyncio.to_thread(Fake.begun.wait)
    assert "".join(await task) == "one two"
    with pytest.raises(ProviderError):
        await ask(url)


async def test_shutdown_cancels_an_answer_that_takes_too_long_and_its_client_knows():
    Fake = watched("one", "two", delay=60.0)
    async with served(Fake, grace=0.1) as url:
        task = asyncio.create_task(ask(url))
        await asyncio.to_thread(Fake.begun.wait)
        await asyncio.sleep(0.1)
    assert Fake.closed.is_set()
    with pytest.raises(TruncatedError) as caught:
        await task
    assert caught.value.partial == "one"


async def test_neither_prompts_nor_tokens_are_logged(caplog, capfd):
    caplog.set_level(logging.DEBUG)
    Fake = Scripted.playing(["a", "b"], fail_at=1, error=RuntimeError("the prompt was SECRET-1"))
    async with served(Fake) as url:
        with pytest.raises(TruncatedError):
            await ask(url, [{"role": "user", "content": "SECRET-1"}])
        await post(url, body_of("SECRET-1", "SECRET-2"))
        await post(url, body_of("SECRET-1") | {"hash": "SECRET-3"})
        await post(url, b'{"message": "SECRET-1"')
        await post(url, b"x" * (gateway.MOST_BYTES + 1))
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as raw:
            raw.sendall(b"SECRET-1 is not HTTP\r\n\r\n")
            await asyncio.sleep(0.1)
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as raw:
            raw.sendall(b"POST /chat HTTP/1.1\r\nHost: x\r\nCookie: SECRET-4\0\r\n\r\n")
            await asyncio.sleep(0.1)
    written = caplog.text + "".join(capfd.readouterr())
    assert "SECRET" not in written
    assert "Error handling request" in written


async def test_a_port_that_is_taken_is_said_in_one_line():
    async with served(Scripted) as url:
        port = int(url.rpartition(":")[2])
        with pytest.raises(ConfigurationError, match=f"Port {port} cannot be had: Address already in use"):
            async with gateway.running(gateway.make_app(Scripted, TOKEN), port):
                pass


def test_create_completion_asks_a_gateway_in_another_thread():
    ready, over = threading.Event(), threading.Event()
    where = []

    async def live():
        async with served(Scripted) as url:
            where.append(url)
            ready.set()
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=lambda: asyncio.run(live()))
    thread.start()
    ready.wait()
    try:
        settings = {"url": where[0], "token": TOKEN}
        assert "".join(Cromicle.create_completion("", HELLO, **settings)) == "Hello"
        assert (
            "".join(runtime.iterate(lambda: Cromicle.create_async_generator("", HELLO, **settings)))
            == "Hello"
        )
    finally:
        over.set()
        thread.join()
