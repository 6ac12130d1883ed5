"""The contract of a provider, by a small one of its own."""

import asyncio
import inspect
import threading
from contextlib import aclosing
from typing import ClassVar

import pytest

from cromicle_magic import runtime
from cromicle_magic.errors import MessageError, OptionWarning, ProviderError, RequestError
from cromicle_magic.messages import FinishReason, Reasoning, Usage
from cromicle_magic.providers import AsyncGeneratorProvider, Cromicle, Local, Scripted
from cromicle_magic.providers.base import keeping_partial

MESSAGES = [{"role": "user", "content": "x"}]
EVENTS = ["a", Reasoning("hm"), "b", Usage(1, 2), FinishReason("stop")]


@pytest.fixture(autouse=True)
def no_helper_left():
    yield
    runtime.shutdown()


class Tiny(AsyncGeneratorProvider):
    """Yields `EVENTS` and remembers how it was called and closed."""

    default_model = "tiny"
    calls: ClassVar = []
    closed = 0

    @classmethod
    async def create_async_generator(cls, model, messages, proxy=None, **kwargs):
        cls.calls.append((model, messages, proxy, kwargs))
        try:
            for event in EVENTS:
                yield event
        finally:
            await asyncio.sleep(0)
            cls.closed += 1


@pytest.fixture(autouse=True)
def forget():
    Tiny.calls.clear()
    Tiny.closed = 0


def test_the_attributes_of_the_era_are_there():
    defaults = {
        "url": None,
        "working": False,
        "needs_auth": False,
        "supports_stream": True,
        "supports_message_history": False,
        "supports_system_message": False,
        "supports_gpt_35_turbo": False,
        "default_model": "",
    }
    assert {name: getattr(AsyncGeneratorProvider, name) for name in defaults} == defaults


@pytest.mark.parametrize("provider", [Cromicle, Local, Scripted, Tiny])
def test_params_are_the_words_g4f_prints(provider):
    assert provider.params == (
        f"g4f.provider.{provider.__name__} supports: "
        "(model: str, messages: list[dict[str, str]], stream: bool)"
    )


@pytest.mark.parametrize("provider", [Cromicle, Local, Scripted])
def test_the_method_is_called_as_the_contract_says(provider):
    parameters = list(inspect.signature(provider.create_async_generator).parameters.values())
    assert [parameter.name for parameter in parameters[:3]] == ["model", "messages", "proxy"]
    assert parameters[2].default is None
    assert parameters[-1].kind is inspect.Parameter.VAR_KEYWORD
    assert not inspect.iscoroutinefunction(provider.create_async_generator)


class TestCreateAsync:
    async def test_it_joins_the_text_and_closes(self):
        assert await Tiny.create_async("m", MESSAGES, temperature=1) == "ab"
        assert Tiny.calls == [("m", MESSAGES, None, {"stream": False, "temperature": 1})]
        assert Tiny.closed == 1

    async def test_the_callers_stream_wins(self):
        await Tiny.create_async("m", MESSAGES, "http://127.0.0.1:1", stream=True)
        assert Tiny.calls == [("m", MESSAGES, "http://127.0.0.1:1", {"stream": True})]


class TestCreateCompletion:
    def test_it_yields_the_text_and_closes(self):
        assert list(Tiny.create_completion("m", MESSAGES, proxy="p", temperature=1)) == ["a", "b"]
        assert Tiny.calls == [("m", MESSAGES, "p", {"stream": True, "temperature": 1})]
        assert Tiny.closed == 1

    def test_it_can_yield_all_at_once(self):
        assert list(Tiny.create_completion("m", MESSAGES, False)) == ["ab"]
        assert Tiny.calls == [("m", MESSAGES, None, {"stream": False})]
        assert Tiny.closed == 1

    def test_leaving_early_closes(self):
        for text in Tiny.create_completion("m", MESSAGES):
            assert text == "a"
            break
        assert Tiny.closed == 1

    def test_in_a_thread(self):
        texts = []
        thread = threading.Thread(target=lambda: texts.extend(Tiny.create_completion("m", MESSAGES)))
        thread.start()
        thread.join()
        assert texts == ["a", "b"]

    async def test_in_a_running_loop(self):
        assert list(Tiny.create_completion("m", MESSAGES)) == ["a", "b"]
        assert Tiny.closed == 1

    def test_what_is_wrong_is_said_at_the_call(self):
        with pytest.raises(MessageError):
            Scripted.create_completion("", [])

    def test_a_place_that_does_not_exist_is_refused(self):
        with pytest.raises(RequestError, match="loop=None"):
            list(Tiny.create_completion("", MESSAGES, loop=None))


class TestModels:
    async def test_the_default_one_is_known(self):
        assert await Tiny.get_models() == ["tiny"]

    async def test_without_a_default_there_is_none(self):
        class Nameless(Tiny):
            default_model = ""

        assert await Nameless.get_models() == []


class TestRefused:
    class Choosy(Tiny):
        options = frozenset({"temperature"})

        @classmethod
        def create_async_generator(cls, model, messages, proxy=None, **kwargs):
            cls.report_refused(model, kwargs)
            return super().create_async_generator(model, messages, proxy, **kwargs)

    def test_what_is_not_known_is_passed_on(self):
        assert Tiny.refused("", ["anything"]) == {}

    def test_each_one_gets_a_sentence(self):
        assert self.Choosy.refused("", ["temperature", "stream", "top_k"]) == {
            "top_k": "Choosy cannot honour 'top_k'; the answer was made without it."
        }

    async def test_a_provider_called_by_itself_warns_at_the_callers_line(self):
        with pytest.warns(OptionWarning, match="'top_k'") as caught:
            await self.Choosy.create_async("", MESSAGES, top_k=1)
        (warning,) = caught
        here = inspect.currentframe().f_code
        assert warning.filename == __file__
        assert warning.lineno in {line for _, _, line in here.co_lines()}


class TestKeepingPartial:
    async def events(self, error):
        yield "a"
        yield Reasoning("hm")
        yield "b"
        raise error

    async def run(self, error):
        async with aclosing(keeping_partial(self.events(error))) as events:
            return [event async for event in events]

    async def test_the_error_leaves_with_the_text(self):
        error = ProviderError("no", partial="c")
        with pytest.raises(ProviderError) as caught:
            await self.run(error)
        assert caught.value is error
        assert error.partial == "abc"

    async def test_another_error_is_left_alone(self):
        with pytest.raises(KeyError):
            await self.run(KeyError("x"))

    async def test_leaving_closes_what_is_inside(self):
        async with aclosing(keeping_partial(Tiny.create_async_generator("", MESSAGES))) as events:
            await anext(events)
        assert Tiny.closed == 1
