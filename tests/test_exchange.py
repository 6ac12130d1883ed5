"""One exchange: what is sent, how it can end, and that no text is lost."""

import asyncio
import json
from contextlib import aclosing
from typing import ClassVar

import pytest

from cromicle_magic import config, runtime
from cromicle_magic.errors import (
    MessageError,
    ProviderError,
    ProviderTimeoutError,
    TruncatedError,
    UnknownProviderError,
)
from cromicle_magic.exchange import Reply, Request, exchange, prepare
from cromicle_magic.messages import FinishReason, Message, Reasoning, Usage
from cromicle_magic.providers import AsyncGeneratorProvider, Cromicle, Scripted


class Foreign:
    """A provider as g4f writes them: none of our attributes but the method."""

    calls: ClassVar = []

    @classmethod
    async def create_async_generator(cls, model, messages, proxy=None, **kwargs):
        cls.calls.append((model, messages, proxy, kwargs))
        yield "from "
        yield ""
        yield object()  # a response type of theirs
        yield "elsewhere"


class Silent(AsyncGeneratorProvider):
    """Says two words, then nothing; remembers that it was closed."""

    closed = False
    said: ClassVar = asyncio.Event()

    @classmethod
    async def create_async_generator(cls, model, messages, proxy=None, **kwargs):
        try:
            yield "two "
            yield "words"
            cls.said.set()
            await asyncio.sleep(3600)
        finally:
            cls.closed = True


@pytest.fixture(autouse=True)
def forget():
    Silent.closed, Silent.said = False, asyncio.Event()
    Foreign.calls.clear()
    Scripted.calls.clear()


async def run(reply):
    async with aclosing(exchange(reply)) as events:
        return [event async for event in events]


def system(content):
    return Message(role="system", content=content)


def user(content):
    return Message(role="user", content=content)


class TestEnds:
    @pytest.mark.parametrize(
        ("script", "status"),
        [
            (["a"], "complete"),
            (["a", FinishReason("stop")], "complete"),
            (["a", FinishReason("a reason of their own")], "complete"),
            (["a", FinishReason("length")], "truncated"),
            (["a", FinishReason("content_filter")], "truncated"),
            (["a", FinishReason("unknown")], "unknown"),
        ],
    )
    async def test_the_status_says_how_it_ended(self, script, status):
        reply = prepare("x", provider=Scripted.playing(script))
        assert await run(reply) == script
        assert (reply.text, reply.status, reply.error) == ("a", status, None)

    @pytest.mark.parametrize(
        ("error", "status"),
        [
            (ProviderError("no"), "failed"),
            (TruncatedError("cut"), "truncated"),
            (KeyError("theirs"), "failed"),
        ],
    )
    async def test_an_error_keeps_what_came_in_the_reply_and_in_itself(self, error, status):
        reply = prepare("one two three four", provider=Scripted.playing(fail_at=2, error=error))
        with pytest.raises(type(error)) as caught:
            await run(reply)
        assert (reply.text, reply.status) == ("one two ", status)
        assert reply.error is caught.value
        assert caught.value.partial == "one two "
        assert reply.timing.total is not None

    async def test_a_cancelled_one_is_stopped_keeps_its_text_and_closes_its_provider(self):
        reply = prepare("x", provider=Silent)
        task = asyncio.create_task(run(reply))
        await Silent.said.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (reply.text, reply.status, reply.error, Silent.closed) == ("two words", "stopped", None, True)
        assert reply.timing.total is not None

    async def test_one_that_is_left_is_stopped_and_closes_its_provider(self):
        reply = prepare("x", provider=Silent)
        async with aclosing(exchange(reply)) as events:
            assert await anext(events) == "two "
        assert (reply.text, reply.status, Silent.closed) == ("two ", "stopped", True)

    async def test_an_interrupt_inside_the_provider_stops_it(self):
        reply = prepare("one two", provider=Scripted.playing(fail_at=1, error=ProviderError("x")))
        events = exchange(reply)
        await anext(events)
        with pytest.raises(KeyboardInterrupt):
            await events.athrow(KeyboardInterrupt())
        assert (reply.text, reply.status) == ("one ", "stopped")

    def test_while_it_runs_the_end_is_unknown(self):
        reply = prepare("x", provider=Scripted)
        assert (reply.text, reply.status, reply.usage, reply.timing.total) == ("", "unknown", None, None)


class TestReply:
    async def test_usage_and_reasoning_are_no_text(self):
        script = [Reasoning("hm, "), Reasoning("well"), "a", Usage(3, 1)]
        reply = prepare("x", provider=Scripted.playing(script))
        await run(reply)
        assert (reply.text, reply.reasoning, reply.usage) == ("a", "hm, well", Usage(3, 1))

    async def test_the_first_token_is_the_first_text(self):
        reply = prepare("x", provider=Scripted.playing([Reasoning("hm"), "", "a", "b"]))
        async with aclosing(exchange(reply)) as events:
            async for event in events:
                assert (reply.timing.first_token is not None) == (event in ("a", "b"))
        assert 0 < reply.timing.first_token <= reply.timing.total

    async def test_without_a_text_there_is_no_first_token(self):
        reply = prepare("x", provider=Scripted.playing([]))
        await run(reply)
        assert (reply.text, reply.timing.first_token) == ("", None)
        assert reply.timing.total is not None

    async def test_its_messages_are_the_conversation_so_far(self):
        reply = prepare([user("Hi")], provider=Scripted.playing("Hello"), system="S")
        await run(reply)
        assert reply.messages == [system("S"), user("Hi"), Message(role="assistant", content="Hello")]
        assert str(reply) == "Hello"

    def test_reading_it_changes_nothing_that_another_thread_may_be_adding_to(self):
        reply = prepare("x", provider=Scripted)
        for part in ("a", "b", "c"):
            reply.add(part)
        assert reply.text == reply.text == "abc"
        assert reply._parts == ["a", "b", "c"]

    def test_its_forms_for_the_notebook_are_safe(self):
        reply = prepare("x", provider=Scripted)
        reply.add("<script>alert(1)</script>\x1b[31m\u202e")
        assert "<script" not in reply._repr_html_()
        for shown in (repr(reply), reply._repr_html_(), reply._repr_markdown_()):
            assert "\x1b" not in shown
            assert "\u202e" not in shown

    def test_its_repr_is_short(self):
        reply = prepare("x", provider=Scripted)
        reply.add("a" * 10_000)
        assert repr(reply) == f"Reply('{'a' * 199}, status='unknown')"


class TestRequest:
    SECRET = "s3cr3t"

    @pytest.mark.parametrize("name", ["token", "api_key", "access_token", "cookies", "headers"])
    def test_a_key_is_masked(self, name):
        reply = prepare("x", provider=Foreign, **{name: self.SECRET})
        assert reply.request.options == {name: self.SECRET}
        assert reply.request.to_dict()["options"] == {name: "•••"}
        assert self.SECRET not in repr(reply.request) + repr(reply)

    def test_the_password_of_an_address_is_masked(self):
        reply = prepare("x", provider=Foreign, proxy=f"http://me:{self.SECRET}@127.0.0.1:1/a@b")
        assert reply.request.to_dict()["options"] == {"proxy": "http://•••@127.0.0.1:1/a@b"}

    def test_it_says_all_that_is_sent(self):
        reply = prepare("Hi", provider=Scripted, model="m", system="S", temperature=0, stop=None)
        assert json.loads(json.dumps(reply.request.to_dict())) == {
            "provider": "Scripted",
            "model": "m",
            "messages": [system("S"), user("Hi")],
            "options": {"temperature": 0},
        }

    async def test_what_is_sent_is_what_it_says(self):
        fake = Scripted.playing("a")
        reply = prepare("Hi", provider=fake, model="m", system="S", temperature=0)
        await run(reply)
        assert fake.calls == [(reply.request.model, reply.request.messages, reply.request.options)]

    def test_it_cannot_be_changed(self):
        with pytest.raises(AttributeError):
            prepare("x", provider=Scripted).request.model = "other"


class TestOptions:
    async def test_a_refused_one_is_noted_and_not_sent(self):
        fake = Scripted.playing("a")
        reply = prepare("x", provider=fake, temperature=0.5, temprature=1)
        assert reply.notes == ["Scripted cannot honour 'temprature'; the answer was made without it."]
        await run(reply)
        assert fake.calls[0][2] == {"temperature": 0.5}

    async def test_zero_is_sent_and_none_is_not_given(self):
        fake = Scripted.playing("a")
        await run(prepare("x", provider=fake, temperature=0, seed=None))
        assert fake.calls[0][2] == {"temperature": 0}

    def test_a_model_that_cannot_be_chosen_is_noted(self):
        reply = prepare("x", provider=Cromicle, model="gpt-4", url="http://127.0.0.1:1", temperature=1)
        assert reply.request.model == Cromicle.default_model
        assert reply.request.options == {"url": "http://127.0.0.1:1"}
        assert len(reply.notes) == 2

    async def test_a_timeout_is_kept_for_a_provider_that_does_not_know_it(self):
        reply = prepare("x", provider=Silent, timeout=0.05)
        assert reply.notes == []
        with pytest.raises(ProviderTimeoutError, match=r"Nothing came for 0.05 s") as caught:
            await run(reply)
        assert caught.value.partial == "two words"
        assert (reply.status, Silent.closed) == ("failed", True)

    async def test_a_timeout_is_between_two_words_and_not_for_the_whole(self):
        reply = prepare("a b c d e f g h i j k l", provider=Scripted.playing(delay=0.1), timeout=1)
        await run(reply)
        assert reply.status == "complete"

    async def test_a_timeout_of_the_providers_own_is_left_alone(self):
        fake = Scripted.playing("a", fail_at=0, error=TimeoutError("theirs"))
        with pytest.raises(TimeoutError, match="theirs") as caught:
            await run(prepare("x", provider=fake, timeout=60))
        assert type(caught.value) is TimeoutError

    async def test_a_provider_that_knows_the_timeout_gets_it(self):
        fake = Scripted.playing("a", options=frozenset({"timeout"}))
        await run(prepare("x", provider=fake, timeout=7))
        assert fake.calls[0][2] == {"timeout": 7}


class TestPrompt:
    @pytest.mark.parametrize("prompt", ["", " \n", [], 5, [user(" ")], [{"role": "user"}], "\ud800"])
    def test_what_cannot_be_sent_is_refused_at_the_call(self, prompt):
        with pytest.raises(MessageError):
            prepare(prompt, provider=Scripted)

    @pytest.mark.parametrize("text", ["\ud800", 5])
    def test_a_system_message_that_cannot_be_sent_is_refused(self, text):
        with pytest.raises(MessageError):
            prepare("x", provider=Scripted, system=text)

    @pytest.mark.parametrize(
        ("given", "sent"),
        [({}, ["own"]), ({"system": "S"}, ["S"]), ({"system": ""}, []), ({"system": None}, ["own"])],
    )
    def test_the_providers_system_message_gives_way(self, given, sent):
        fake = Scripted.playing(default_system="own")
        messages = prepare("x", provider=fake, **given).request.messages
        assert messages == [*map(system, sent), user("x")]

    def test_a_second_system_message_is_noted_and_not_sent(self):
        reply = prepare([system("first"), user("x")], provider=Scripted, system="second")
        assert reply.request.messages == [system("first"), user("x")]
        assert "was not sent" in reply.notes[0]

    def test_the_callers_messages_are_not_touched(self):
        given = [user([{"type": "text", "text": "x"}])]
        prepare(given, provider=Scripted, system="S")
        assert given == [user([{"type": "text", "text": "x"}])]


class TestWhoAnswers:
    def chosen(self, **given):
        request = prepare("x", **given).request
        return request.provider, request.model

    def test_a_class_or_a_name(self):
        assert self.chosen(provider="scripted") == self.chosen(provider=Scripted) == (Scripted, "script")

    @pytest.mark.parametrize(
        ("model", "named"),
        [("scripted/x", "x"), ("scripted/a/b", "a/b"), ("scripted/", "script"), ("scripted", "script")],
    )
    def test_a_model_can_name_its_provider(self, model, named):
        assert self.chosen(model=model) == (Scripted, named)

    def test_a_model_with_a_slash_of_its_own_stays_whole(self):
        config.set_option("provider", "scripted")
        assert self.chosen(model="someone/scripted") == (Scripted, "someone/scripted")
        assert self.chosen(provider="scripted", model="scripted/x") == (Scripted, "scripted/x")

    def test_the_configured_provider_and_model(self):
        config.set_option("provider", "scripted")
        config.set_option("model", "configured")
        assert self.chosen() == self.chosen(provider="scripted") == (Scripted, "configured")
        assert self.chosen(model="named") == (Scripted, "named")

    def test_the_configured_model_is_only_for_the_configured_provider(self):
        config.set_option("provider", "cromicle")
        config.set_option("model", "configured")
        assert self.chosen(provider="scripted") == (Scripted, "script")
        assert self.chosen(model="scripted/") == (Scripted, "script")
        assert self.chosen(provider=Foreign) == (Foreign, "")

    @pytest.mark.parametrize("provider", ["scriptd", 5, object, Scripted.create_async, "no.module:Here"])
    def test_what_is_no_provider_is_one_line(self, provider):
        with pytest.raises(UnknownProviderError):
            prepare("x", provider=provider)

    async def test_a_provider_from_elsewhere_needs_only_the_method(self):
        reply = prepare(
            "x", provider=Foreign, model="m", temperature=1, timeout=60, proxy="http://127.0.0.1:1"
        )
        await run(reply)
        assert (reply.text, reply.status, reply.notes) == ("from elsewhere", "complete", [])
        assert Foreign.calls == [("m", [user("x")], "http://127.0.0.1:1", {"temperature": 1})]
        assert reply.request.to_dict()["provider"] == "Foreign"


async def test_many_at_once_do_not_mix():
    fake = Scripted.playing(delay=0.001)
    replies = [prepare(f"this is number {number}", provider=fake) for number in range(50)]
    await asyncio.gather(*map(run, replies))
    assert [reply.text for reply in replies] == [f"this is number {number}" for number in range(50)]


async def test_the_loop_is_woken_while_the_provider_is_silent_and_not_after():
    reply = prepare("x", provider=Silent)
    async with aclosing(exchange(reply)) as events:
        await anext(events)
        assert list(runtime._beats) == [asyncio.get_running_loop()]
    assert runtime._beats == {}


def test_the_public_shape_of_a_reply():
    reply = Reply(Request(Scripted, "", [], {}))
    for name in ("text", "status", "usage", "timing", "request", "messages", "error", "reasoning", "notes"):
        assert hasattr(reply, name)
