"""Asking: one function, four doors, and a conversation that grows only by answers that came to an end."""

import asyncio
import threading
from contextlib import aclosing
from warnings import catch_warnings

import pytest
from scripts import script

import cromicle_magic
from cromicle_magic import Chat, aask, ask, runtime, stream
from cromicle_magic.errors import CromicleInterrupted, MessageError, OptionWarning, ProviderError
from cromicle_magic.messages import FinishReason, Message
from cromicle_magic.providers import AsyncGeneratorProvider, Scripted


@pytest.fixture(autouse=True)
def no_helper_left():
    yield
    runtime.shutdown()


class Silent(AsyncGeneratorProvider):
    """Says a word, then nothing; remembers that it was closed."""

    closed = False

    @classmethod
    async def create_async_generator(cls, model, messages, proxy=None, **kwargs):
        try:
            yield "word"
            cls.said()
            await asyncio.sleep(3600)
        finally:
            cls.closed = True

    @staticmethod
    def said():
        """Do what a test wants done when the word has been taken."""


@pytest.fixture(autouse=True)
def reopened():
    Silent.closed = False


async def by_ask(prompt, **options):
    return ask(prompt, **options).text  # inside a running loop


async def by_ask_in_a_thread(prompt, **options):
    return (await asyncio.to_thread(ask, prompt, **options)).text


async def by_chat(prompt, **options):
    return Chat().ask(prompt, **options).text


async def by_aask(prompt, **options):
    return (await aask(prompt, **options)).text


async def by_stream(prompt, **options):
    async with aclosing(stream(prompt, **options)) as texts:
        return "".join([text async for text in texts])


@pytest.fixture(params=[by_ask, by_ask_in_a_thread, by_chat, by_aask, by_stream])
def door(request):
    return request.param


def roles_and_texts(chat):
    return [(message["role"], message["content"]) for message in chat.messages]


class TestEveryDoor:
    async def test_it_answers(self, door):
        assert await door("Hello there, you", provider="scripted") == "Hello there, you"

    async def test_it_takes_messages_and_options(self, door):
        fake = Scripted.playing("one two three")
        messages = [Message(role="user", content="x")]
        assert await door(messages, provider=fake, system="S", max_tokens=2) == "one two "
        assert fake.calls == [("script", [Message(role="system", content="S"), *messages], {"max_tokens": 2})]

    async def test_an_error_arrives_with_what_came(self, door):
        with pytest.raises(ProviderError) as caught:
            await door("one two three", provider=Scripted.playing(fail_at=2))
        assert caught.value.partial == "one two "

    @pytest.mark.parametrize("prompt", ["", [], 5, "\ud800"])
    async def test_a_wrong_prompt_is_refused(self, door, prompt):
        with pytest.raises(MessageError):
            await door(prompt, provider="scripted")


class TestWarnings:
    """A warning points at the line of this file that asked."""

    def by_ask(self):
        ask("x", provider="scripted", top_k=1)

    def by_chat(self):
        Chat("scripted").ask("x", top_k=1)

    def by_chat_options(self):
        Chat("scripted", top_k=1).ask("x")

    def by_completion(self):
        list(Scripted.create_completion("", [{"role": "user", "content": "x"}], top_k=1))

    def by_generator(self):
        Scripted.create_async_generator("", [{"role": "user", "content": "x"}], top_k=1)

    async def by_aask(self):
        await aask("x", provider="scripted", top_k=1)

    async def by_chat_aask(self):
        await Chat("scripted").aask("x", top_k=1)

    async def by_stream(self):
        async for _ in stream("x", provider="scripted", top_k=1):
            pass

    async def by_create_async(self):
        await Scripted.create_async("", [{"role": "user", "content": "x"}], top_k=1)

    @pytest.mark.parametrize(
        "name",
        [
            "by_ask",
            "by_chat",
            "by_chat_options",
            "by_completion",
            "by_generator",
            "by_aask",
            "by_chat_aask",
            "by_stream",
            "by_create_async",
        ],
    )
    async def test_it_points_at_the_caller(self, name):
        method = getattr(self, name)
        with catch_warnings(record=True, action="always", category=OptionWarning) as caught:
            if coroutine := method():
                await coroutine
        (warning,) = caught
        assert "cannot honour 'top_k'" in str(warning.message)
        code = method.__func__.__code__
        lines = {line for _, _, line in code.co_lines()}
        assert (warning.filename, warning.lineno in lines) == (__file__, True)


class TestConversation:
    def test_it_grows_by_question_and_answer(self):
        chat = Chat(Scripted.playing("A.", "B."), system="S")
        assert str(chat.ask("a")) == "A."
        assert str(chat.ask("b")) == "B."
        assert roles_and_texts(chat) == [
            ("user", "a"),
            ("assistant", "A."),
            ("user", "b"),
            ("assistant", "B."),
        ]

    def test_all_of_it_is_sent_each_time(self):
        fake = Scripted.playing("A.", "B.")
        chat = Chat(fake, system="S")
        chat.ask("a")
        assert chat.ask("b").request.messages == fake.calls[1][1]
        assert [message["content"] for message in fake.calls[1][1]] == ["S", "a", "A.", "b"]

    def test_it_can_begin_with_what_was_said_before(self):
        before = ask("a", provider=Scripted.playing("A.")).messages
        chat = Chat("scripted", messages=before)
        chat.ask("b")
        assert roles_and_texts(chat)[:2] == [("user", "a"), ("assistant", "A.")]
        assert len(before) == 2

    @pytest.mark.parametrize("reason", ["stop", "length", "unknown"])
    async def test_an_answer_that_came_to_an_end_joins(self, reason):
        chat = Chat(Scripted.playing(["A.", FinishReason(reason)]))
        chat.ask("a")
        await chat.aask("b")
        async for _ in chat.stream("c"):
            pass
        assert [text for _, text in roles_and_texts(chat)] == ["a", "A.", "b", "A.", "c", "A."]

    async def test_a_failed_one_does_not(self):
        chat = Chat(Scripted.playing("one two", fail_at=1))
        with pytest.raises(ProviderError):
            chat.ask("a")
        with pytest.raises(ProviderError):
            await chat.aask("a")
        async with aclosing(chat.stream("a")) as texts:
            with pytest.raises(ProviderError):
                [text async for text in texts]
        assert chat.messages == []

    async def test_a_stopped_one_does_not(self):
        chat = Chat(Silent)
        async with aclosing(chat.stream("a")) as texts:
            assert await anext(texts) == "word"
        assert (chat.messages, Silent.closed) == ([], True)

    def test_options_of_the_call_win_over_those_of_the_chat(self):
        fake = Scripted.playing("A.")
        chat = Chat(fake, temperature=0.5, seed=1)
        chat.ask("a", temperature=0)
        chat.ask("a")
        assert [options for _, _, options in fake.calls] == [
            {"temperature": 0, "seed": 1},
            {"temperature": 0.5, "seed": 1},
        ]

    def test_two_chats_share_nothing(self):
        one, other = Chat("scripted"), Chat("scripted")
        one.ask("a")
        assert other.messages == []

    def test_messages_that_were_spoilt_are_refused(self):
        chat = Chat("scripted")
        chat.messages.append("not a message")
        with pytest.raises(MessageError):
            chat.ask("a")


class TestStop:
    async def test_leaving_a_stream_closes_its_provider(self):
        async with aclosing(stream("x", provider=Silent)) as texts:
            async for text in texts:
                assert text == "word"
                break
        assert Silent.closed

    async def test_a_cancelled_task_closes_its_provider(self):
        task = asyncio.create_task(aask("x", provider=Silent))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert Silent.closed

    def test_a_shutdown_stops_a_waiting_caller_with_what_came(self):
        class Ending(Silent):
            @staticmethod
            def said():
                threading.Thread(target=runtime.shutdown).start()

        with pytest.raises(CromicleInterrupted) as caught:
            ask("x", provider=Ending)
        assert (caught.value.reply.text, caught.value.reply.status) == ("word", "stopped")
        assert Ending.closed

    @pytest.mark.parametrize(("first_delay", "came"), [(0, "one "), (3600, "")])
    def test_an_interrupt_keeps_what_came(self, first_delay, came):
        output = script(f"""
            import signal
            from cromicle_magic import Chat
            from cromicle_magic.providers import Scripted

            chat = Chat(Scripted.playing("one two", first_delay={first_delay}, delay=3600))

            signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
            signal.setitimer(signal.ITIMER_REAL, 1)
            try:
                chat.ask("x")
            except KeyboardInterrupt as stopped:
                print(type(stopped).__name__, stopped.reply.status, [stopped.reply.text], chat.messages)
                print(*stopped._render_traceback_())
        """)
        assert output == (
            f"CromicleInterrupted stopped [{came!r}] []\n"
            f"CromicleInterrupted: stopped after {len(came)} characters; the text is kept.\n"
        )


def test_an_interrupt_before_the_beginning_is_a_stop_too():
    output = script("""
        import signal, threading
        from cromicle_magic import ask, runtime
        from cromicle_magic.errors import CromicleInterrupted

        busy, go = threading.Event(), threading.Event()

        async def blocking():
            busy.set()
            go.wait()
            yield

        def press(*_):
            go.set()
            raise KeyboardInterrupt

        threading.Thread(target=lambda: list(runtime.iterate(blocking))).start()
        busy.wait()
        signal.signal(signal.SIGALRM, press)
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        try:
            ask("x", provider="scripted")
        except CromicleInterrupted as stopped:
            print(stopped.reply.status, [stopped.reply.text])
    """)
    assert output == "stopped ['']\n"


def test_nested_is_answered_on_the_loop_that_is_running():
    output = script("""
        import asyncio
        from cromicle_magic import ask
        from cromicle_magic.providers import AsyncGeneratorProvider

        class Here(AsyncGeneratorProvider):
            @classmethod
            async def create_async_generator(cls, model, messages, proxy=None, **kwargs):
                yield str(asyncio.get_running_loop() is loop)

        async def cell():
            global loop
            loop = asyncio.get_running_loop()
            print(ask("x", provider=Here), ask("x", provider=Here, loop="nested"))

        asyncio.run(cell())
    """)
    assert output == "False True\n"


def test_the_doors_are_the_public_ones():
    assert (cromicle_magic.ask, cromicle_magic.aask, cromicle_magic.stream) == (ask, aask, stream)
