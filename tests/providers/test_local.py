"""The provider over the real engine and the real weights."""

import asyncio
import shutil
import sys
import threading
import warnings
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cromicle_magic
from cromicle_magic.errors import (
    ConfigurationError,
    ContextLengthError,
    MessageError,
    OptionWarning,
    ProviderError,
    TruncatedError,
    UsageError,
)
from cromicle_magic.messages import FinishReason, Message, Reasoning, Usage
from cromicle_magic.providers import engine, local, weights
from cromicle_magic.providers.local import Local

QUESTION = [Message(role="user", content="What is the capital of France?")]
STORY = [Message(role="user", content="Tell me a story about a fox.")]


@pytest.fixture(scope="session", autouse=True)
def file():
    return weights.pull()


async def events_of(messages=QUESTION, model="", **options):
    return [event async for event in Local.create_async_generator(model, messages, **options)]


def text_of(events):
    return "".join(event for event in events if isinstance(event, str))


async def test_an_answer_is_text_then_its_end_then_its_usage():
    *texts, end, usage = await events_of(temperature=0, max_tokens=32)
    assert "Paris" in "".join(texts)
    assert all(isinstance(text, str) and text for text in texts)
    assert len(texts) > 1
    assert end == FinishReason("stop")
    assert isinstance(usage, Usage)
    assert usage.prompt_tokens > 0
    assert len(texts) <= usage.completion_tokens <= 32


async def test_a_limit_of_tokens_ends_the_answer():
    *_, end, usage = await events_of(STORY, max_tokens=5)
    assert end == FinishReason("length")
    assert usage.completion_tokens == 5


async def test_the_same_seed_gives_the_same_answer_and_another_one_another():
    async def told(seed):
        return text_of(await events_of(STORY, seed=seed, temperature=1.5, top_p=1.0, max_tokens=12))

    one, again, other = [await told(seed) for seed in (7, 7, 8)]
    assert one == again
    assert one != other


async def test_temperature_zero_is_sent_and_makes_the_answer_certain():
    answers = {text_of(await events_of(STORY, temperature=0, max_tokens=12)) for _ in range(3)}
    assert len(answers) == 1


async def test_a_top_p_of_zero_leaves_only_the_likeliest_token():
    likeliest = text_of(await events_of(STORY, temperature=0, max_tokens=12))
    assert text_of(await events_of(STORY, temperature=1.0, top_p=0, max_tokens=12)) == likeliest


@pytest.mark.parametrize("stop", ["Paris", ["Paris", "never said"]])
async def test_the_answer_ends_before_a_stop_text(stop):
    *texts, end, _ = await events_of(temperature=0, max_tokens=32, stop=stop)
    assert "".join(texts) == "The capital of France is "
    assert end == FinishReason("stop")


async def test_an_empty_answer_is_an_answer():
    *texts, end, usage = await events_of(temperature=0, max_tokens=32, stop="The")
    assert texts == []
    assert end == FinishReason("stop")
    assert usage.completion_tokens >= 1


async def test_the_default_system_message_is_sent_unless_there_is_one():
    async def prompt_tokens(*systems):
        before = [Message(role="system", content=system) for system in systems]
        return (await events_of([*before, *QUESTION], max_tokens=1))[-1].prompt_tokens

    assert await prompt_tokens() == await prompt_tokens(Local.default_system)
    assert await prompt_tokens("Be brief.") < await prompt_tokens()


async def test_a_system_message_is_seen_by_the_model():
    asked = [
        Message(role="system", content="You are Captain Jack, a pirate."),
        Message(role="user", content="Who are you?"),
    ]
    assert "pirate" in text_of(await events_of(asked, temperature=0, max_tokens=24))


async def test_what_was_said_before_is_part_of_the_prompt():
    said = [
        Message(role="user", content="What is the capital of Italy?"),
        Message(role="assistant", content="Rome."),
    ]
    short, long = [(await events_of(before + QUESTION, max_tokens=1))[-1] for before in ([], said)]
    assert long.prompt_tokens > short.prompt_tokens


async def test_a_prompt_that_does_not_fit_says_how_long_it_is_and_what_fits():
    with pytest.raises(ContextLengthError, match=r"has \d{4} tokens; the model takes 4096"):
        await events_of([Message(role="user", content="word " * 5000)])


def test_two_loops_in_two_threads_are_both_answered():
    ends = []
    threads = [
        threading.Thread(target=lambda: ends.append(asyncio.run(events_of(max_tokens=3))[-2]))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ends == [FinishReason("length")] * 2


async def test_a_synchronous_caller_inside_a_running_loop_is_answered():
    assert "Paris" in "".join(Local.create_completion("", QUESTION, temperature=0, max_tokens=32))


def test_a_synchronous_caller_who_stops_early_leaves_the_engine_free():
    for _ in range(2 * engine.SLOTS):
        answer = Local.create_completion("", STORY, max_tokens=500)
        assert next(answer)
        answer.close()
    assert list(Local.create_completion("", QUESTION, max_tokens=1))


async def test_create_async_returns_the_text():
    assert await Local.create_async("", QUESTION, temperature=0, max_tokens=32) == text_of(
        await events_of(temperature=0, max_tokens=32)
    )


async def test_ask_knows_how_the_answer_ended_and_what_it_took():
    reply = await cromicle_magic.aask("Tell me a story.", provider="local", max_tokens=3)
    assert reply.status == "truncated"
    assert reply.usage.completion_tokens == 3
    assert reply.request.messages[0] == Message(role="system", content=Local.default_system)


async def test_the_model_can_be_named():
    assert await Local.get_models() == ["smollm2-135m-instruct"]
    for model in ("", "auto", "smollm2-135m-instruct"):
        assert (await events_of(model=model, max_tokens=1))[-2] == FinishReason("length")


async def test_a_model_is_any_gguf_file_also_relative_or_at_home(monkeypatch, tmp_path, file):
    (tmp_path / "mine.gguf").symlink_to(file)
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    loaded = {*engine._engines, file.resolve()}
    for model in (str(tmp_path / "mine.gguf"), "mine.gguf", "~/mine.gguf"):
        assert (await events_of(model=model, max_tokens=1))[-2] == FinishReason("length")
    assert {*engine._engines} <= loaded  # the same file by another name is not loaded again


@pytest.mark.parametrize("model", ["gpt-4", "nowhere/model.gguf", "~nobody/x.gguf", "a\0b", "."])
def test_a_model_that_is_not_there_is_refused_at_the_call(model):
    with pytest.raises(ConfigurationError, match=r"no local model.*path of a GGUF file"):
        Local.create_async_generator(model, QUESTION)


def test_a_file_of_another_kind_is_refused_at_the_call(tmp_path):
    other = tmp_path / "other.gguf"
    other.write_text("not a model")
    with pytest.raises(ConfigurationError, match=r"other\.gguf is not a GGUF file"):
        Local.create_async_generator(str(other), QUESTION)


async def test_a_file_that_cannot_be_loaded_is_named_while_iterating(tmp_path):
    hollow = tmp_path / "hollow.gguf"
    hollow.write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(ConfigurationError, match=r"cannot load .*hollow\.gguf"):
        await events_of(model=str(hollow))


def test_without_the_weights_the_line_says_what_to_type(monkeypatch, tmp_path):
    monkeypatch.setattr(weights, "folder", lambda: tmp_path)
    with pytest.raises(ConfigurationError, match=r"weights are not here.*`cromicle pull`.*`%cromicle pull`"):
        Local.create_async_generator("", QUESTION)


def test_without_the_engine_the_line_says_what_to_type(monkeypatch):
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    line = r"engine is not installed.*`pip install \"cromicle_magic\[local\]\"`; in a notebook"
    with pytest.raises(ConfigurationError, match=line):
        Local.create_async_generator("", QUESTION)


def test_without_engine_and_weights_one_line_names_both_commands(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    monkeypatch.setattr(weights, "folder", lambda: tmp_path)
    with pytest.raises(ConfigurationError, match=r"`pip install .*` and `cromicle pull`"):
        Local.create_async_generator("", QUESTION)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("temperature", "hot"),
        ("temperature", -1),
        ("temperature", float("nan")),
        ("temperature", True),
        ("top_p", 7),
        ("seed", -1),
        ("seed", 2**32 - 1),
        ("seed", 0.5),
        ("max_tokens", 0),
        ("max_tokens", 2.5),
        ("stop", 3),
        ("stop", ""),
        ("stop", ["a", ""]),
        ("stop", "\ud800"),
    ],
)
def test_a_wrong_option_is_refused_at_the_call(option, value):
    with pytest.raises(UsageError, match=rf"{option} is .*It must be "):
        Local.create_async_generator("", QUESTION, **{option: value})


ANYTHING = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text() | st.integers())
)


@given(st.sampled_from(sorted(Local.options)), ANYTHING)
def test_any_value_of_an_option_is_taken_or_refused(option, value):
    with suppress(UsageError):
        Local.create_async_generator("", QUESTION, **{option: value})


def test_messages_are_checked_at_the_call():
    with pytest.raises(MessageError):
        Local.create_async_generator("", [])


def test_what_it_cannot_honour_is_reported():
    with pytest.warns(OptionWarning) as reported:
        Local.create_async_generator("", QUESTION, proxy="http://127.0.0.1:1", colour="blue")
    told = " ".join(str(warning.message) for warning in reported)
    assert "'proxy'" in told
    assert "'colour'" in told


async def test_an_option_that_is_none_and_stream_change_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (await events_of(stream=False, temperature=None, max_tokens=1))[-2] == FinishReason("length")


async def test_an_engine_that_breaks_off_is_told_from_an_answer_that_ends(tmp_path, file):
    own = tmp_path / "own.gguf"
    shutil.copyfile(file, own)
    engine.engine_of(own.resolve()).close()
    with pytest.raises(TruncatedError):
        await events_of(model=str(own))


def test_what_the_engine_refuses_is_a_provider_error():
    refusal = {"error": {"code": 400, "message": "Field 'x': wrong", "type": "invalid_request_error"}}
    with pytest.raises(ProviderError, match="refused the request: Field 'x': wrong"):
        list(local._events_of(refusal))


def test_the_reasoning_of_a_model_is_kept_apart():
    chunk = {"choices": [{"delta": {"reasoning_content": "Hm.", "content": "Yes."}, "finish_reason": None}]}
    assert list(local._events_of(chunk)) == [Reasoning("Hm."), "Yes."]


def test_a_chunk_without_text_yields_none():
    chunk = {"choices": [{"delta": {"content": ""}, "finish_reason": None}]}
    assert list(local._events_of(chunk)) == []
