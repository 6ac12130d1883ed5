"""The fake that ships is a provider like any other, and the same each time."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cromicle_magic.errors import MessageError, OptionWarning, ProviderError, TruncatedError
from cromicle_magic.messages import FinishReason, Reasoning, Usage
from cromicle_magic.providers import Scripted
from cromicle_magic.providers.scripted import _word_by_word


def said(text):
    return [{"role": "user", "content": text}]


async def events(provider, text="x", **options):
    return [event async for event in provider.create_async_generator("", said(text), **options)]


async def test_without_a_script_it_repeats_the_last_message():
    assert await Scripted.create_async("", [*said("first"), *said(" two  words\n")]) == " two  words\n"


async def test_a_string_comes_word_by_word_with_its_end_and_usage():
    assert await events(Scripted.playing("Hello there!"), "a b c") == [
        "Hello ",
        "there!",
        FinishReason("stop"),
        Usage(3, 2),
    ]


async def test_a_sequence_comes_event_by_event():
    script = ["a", Reasoning("hm"), "b"]
    assert await events(Scripted.playing(script)) == script


async def test_a_function_answers_what_was_asked():
    fake = Scripted.playing(lambda messages: messages[-1]["content"].upper())
    assert await fake.create_async("", said("hello")) == "HELLO"


async def test_replies_come_in_turn_and_the_last_one_stays():
    fake = Scripted.playing("a", "b")
    assert [await fake.create_async("", said("x")) for _ in range(3)] == ["a", "b", "b"]


async def test_max_tokens_cuts_at_words_and_says_so():
    fake = Scripted.playing("one two three")
    assert await events(fake, max_tokens=2) == ["one ", "two ", FinishReason("length"), Usage(1, 2)]
    assert (await events(fake, max_tokens=3))[-2] == FinishReason("stop")


@pytest.mark.parametrize("fail_at", [0, 1, 2])
async def test_it_fails_where_it_is_told_to(fail_at):
    fake = Scripted.playing(["a", "b"], fail_at=fail_at, error=TruncatedError("cut"))
    with pytest.raises(TruncatedError) as caught:
        await events(fake)
    assert caught.value.partial == "ab"[:fail_at]


async def test_it_fails_the_same_way_each_time():
    fake = Scripted.playing("one two", fail_at=1)
    for _ in range(3):
        with pytest.raises(ProviderError) as caught:
            await events(fake)
        assert caught.value.partial == "one "
    assert fake.error.partial == ""


async def test_calls_are_recorded_for_each_fake_apart():
    one, other = Scripted.playing("a"), Scripted.playing("b")
    await one.create_async("m", said("x"), temperature=0)
    assert one.calls == [("m", said("x"), {"stream": False, "temperature": 0})]
    assert other.calls == []


async def test_an_option_it_does_not_know_is_reported():
    with pytest.warns(OptionWarning, match="'top_k'"):
        await Scripted.create_async("", said("x"), top_k=1)


@pytest.mark.parametrize("messages", [[], [{"role": "user"}], said("\ud800"), said(5)])
def test_wrong_messages_are_refused_at_the_call(messages):
    with pytest.raises(MessageError):
        Scripted.create_async_generator("", messages)


@settings(deadline=None)
@given(st.text().filter(lambda text: text.strip()))
def test_the_words_together_are_the_reply(reply):
    assert "".join(event for event in _word_by_word(reply, [], None) if isinstance(event, str)) == reply
