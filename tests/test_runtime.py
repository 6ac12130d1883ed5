"""A synchronous caller in every place: in a script, in a thread, in a running loop, nested, after a fork."""

import asyncio
import threading
from contextlib import suppress

import pytest
from scripts import script

from cromicle_magic import runtime
from cromicle_magic.errors import RequestError


@pytest.fixture(autouse=True)
def no_helper_left():
    yield
    runtime.shutdown()
    assert helpers() == []


def helpers():
    return [thread for thread in threading.enumerate() if thread.name == "cromicle-helper"]


class Source:
    """Numbers, then silence or an end; remembers where it ran and that it was closed."""

    def __init__(self, count=3, silent=False, error=None):
        self.count, self.silent, self.error = count, silent, error
        self.closed = threading.Event()
        self.thread = None

    async def __call__(self):
        self.thread = threading.current_thread()
        try:
            for number in range(self.count):
                yield number
            if self.silent:
                await asyncio.sleep(3600)
            if self.error:
                raise self.error
        finally:
            await asyncio.sleep(0)  # a clean-up that awaits, as closing a connection does
            self.closed.set()


def in_a_script(call):
    return call()


def in_a_thread(call):
    results = []
    thread = threading.Thread(target=lambda: results.append(call()))
    thread.start()
    thread.join()
    return results[0]


def in_a_running_loop(call):
    async def cell():
        return call()

    return asyncio.run(cell())


@pytest.fixture(params=[in_a_script, in_a_thread, in_a_running_loop])
def everywhere(request):
    return request.param


class TestIterate:
    def test_all_items_come_in_order(self, everywhere):
        source = Source(100)
        assert everywhere(lambda: list(runtime.iterate(source))) == list(range(100))
        assert source.closed.is_set()

    def test_it_runs_on_the_helper_thread_which_stays(self, everywhere):
        first, second = Source(), Source()
        everywhere(lambda: [*runtime.iterate(first), *runtime.iterate(second)])
        assert first.thread is second.thread is helpers()[0]
        assert first.thread.daemon

    def test_leaving_early_closes_the_generator_before_the_caller_goes_on(self, everywhere):
        source = Source(silent=True)

        def call():
            items = runtime.iterate(source)
            first = next(items)
            items.close()
            return first, source.closed.is_set()

        assert everywhere(call) == (0, True)

    @pytest.mark.parametrize("error", [KeyError("x"), TimeoutError("y"), SystemExit(3), RequestError("z")])
    def test_an_error_arrives_after_the_items_as_it_was_raised(self, error):
        source = Source(error=error)
        items = runtime.iterate(source)
        assert [next(items), next(items), next(items)] == [0, 1, 2]
        with pytest.raises(type(error)) as caught:
            next(items)
        assert caught.value is error
        assert source.closed.is_set()

    def test_an_error_at_the_call_arrives(self):
        with pytest.raises(ZeroDivisionError):
            list(runtime.iterate(lambda: 1 / 0))

    def test_an_error_during_the_close_does_not_hang_the_caller(self):
        async def stubborn():
            try:
                yield 1
                await asyncio.sleep(3600)
            finally:
                raise KeyError("in the clean-up")

        items = runtime.iterate(stubborn)
        next(items)
        items.close()
        assert list(runtime.iterate(Source())) == [0, 1, 2]

    def test_nothing_starts_before_the_first_item_is_asked_for(self):
        source = Source()
        runtime.iterate(source).close()
        assert (source.thread, helpers()) == (None, [])

    def test_many_threads_share_one_helper(self):
        sources, results = [Source(50) for _ in range(20)], []
        threads = [
            threading.Thread(target=lambda source=source: results.append(list(runtime.iterate(source))))
            for source in sources
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert results == [list(range(50))] * 20
        assert len({source.thread for source in sources}) == len(helpers()) == 1

    def test_a_call_inside_the_helper_loop_is_refused(self):
        async def confused():
            for item in runtime.iterate(Source()):
                yield item

        with pytest.raises(RequestError, match="Await the asynchronous one"):
            list(runtime.iterate(confused))

    def test_a_place_that_does_not_exist_is_refused(self):
        with pytest.raises(RequestError, match="loop='nestd'"):
            list(runtime.iterate(Source(), loop="nestd"))

    def test_nested_without_a_running_loop_is_the_helper(self):
        source = Source()
        assert list(runtime.iterate(source, loop="nested")) == [0, 1, 2]
        assert source.thread is helpers()[0]

    def test_the_caller_can_paint_while_nothing_comes(self):
        source = Source(2, silent=True)
        items = runtime.iterate_ticking(source)
        seen = [next(items) for _ in range(4)]
        items.close()
        assert seen == [0, 1, runtime.TICK, runtime.TICK]
        assert source.closed.is_set()


class TestCancelledEarly:
    def test_closing_before_the_start_does_not_wait(self, monkeypatch):
        monkeypatch.setattr(runtime, "_CLOSING_SECONDS", 3600)
        source, busy, go = Source(silent=True), threading.Event(), threading.Event()

        async def blocking():
            busy.set()
            go.wait()
            yield 1

        other = threading.Thread(target=lambda: list(runtime.iterate(blocking)))
        other.start()
        busy.wait()
        items = runtime.iterate_ticking(source)
        assert next(items) is runtime.TICK  # the helper loop is held up
        threading.Timer(0.1, go.set).start()
        items.close()
        other.join()
        assert source.thread is None


class TestShutdown:
    def test_a_later_call_starts_another_helper(self):
        first, second = Source(), Source()
        list(runtime.iterate(first))
        runtime.shutdown()
        runtime.shutdown()
        assert list(runtime.iterate(second)) == [0, 1, 2]
        assert not first.thread.is_alive()
        assert first.thread is not second.thread

    def test_work_in_flight_is_cancelled_and_closed_and_its_caller_told(self):
        source = Source(1, silent=True)
        items = runtime.iterate(source)
        next(items)
        runtime.shutdown()
        assert source.closed.is_set()
        with pytest.raises(asyncio.CancelledError):
            next(items)

    def test_a_caller_whose_work_came_too_late_is_told(self):
        """The loop takes no more work, but its thread has not yet ended when the call arrives."""
        helper = runtime._the_helper()
        pump = iter(runtime._Pump(helper, Source(0)))
        pump._items.get()  # as if its end had been lost with the loop
        runtime.shutdown()
        with pytest.raises(asyncio.CancelledError, match="shut down"):
            next(pump)
        pump.close()

    def test_a_helper_that_cannot_start_is_an_error_and_not_a_wait(self, monkeypatch):
        def none_left():
            raise OSError(24, "Too many open files")

        monkeypatch.setattr(asyncio.events, "new_event_loop", none_left)
        with pytest.raises(OSError, match="Too many open files"):
            list(runtime.iterate(Source()))

    def test_each_shutdown_calls_all_who_asked_after_the_loop_has_ended(self, monkeypatch):
        monkeypatch.setattr(runtime, "_closers", [])
        called = []

        @runtime.at_shutdown
        def first():
            called.append(("first", helpers()))

        @runtime.at_shutdown
        def broken():
            raise KeyError("in a closer")

        @runtime.at_shutdown
        def last():
            called.append(("last", helpers()))

        list(runtime.iterate(Source()))
        with pytest.raises(KeyError):
            runtime.shutdown()
        assert sorted(called) == [("first", []), ("last", [])]
        runtime._closers.clear()  # the list of this test, before the clean-up shuts down again

    def test_the_interpreter_ends_while_work_is_in_flight(self):
        output = script("""
            import asyncio
            from cromicle_magic import runtime

            async def silent():
                try:
                    yield 1
                    await asyncio.sleep(3600)
                finally:
                    print("closed", flush=True)

            items = runtime.iterate(silent)
            print(next(items), flush=True)
        """)
        assert output == "1\nclosed\n"


class TestInterrupt:
    @pytest.mark.parametrize("press", ["signal.raise_signal(signal.SIGINT)", "_thread.interrupt_main()"])
    def test_stop_closes_the_generator_and_reaches_the_caller(self, press):
        output = script(f"""
            import _thread, asyncio, signal, threading
            from cromicle_magic import runtime

            async def silent():
                try:
                    yield 1
                    await asyncio.sleep(3600)
                finally:
                    print("closed")

            def press():
                {press}

            try:
                for item in runtime.iterate(silent):
                    print(item)
                    threading.Timer(0.1, press).start()
            except KeyboardInterrupt:
                print("interrupted")
        """)
        assert output == "1\nclosed\ninterrupted\n"

    def test_stop_at_any_moment_leaves_nothing_running(self):
        output = script("""
            import asyncio, itertools, random, signal
            from cromicle_magic import runtime

            open_now = 0

            async def endless():
                global open_now
                open_now += 1
                try:
                    for number in itertools.count():
                        yield number
                        await asyncio.sleep(0.0005)
                finally:
                    open_now -= 1

            def press(*_):
                raise KeyboardInterrupt

            signal.signal(signal.SIGALRM, press)
            for _ in range(60):
                try:
                    signal.setitimer(signal.ITIMER_REAL, random.uniform(0.005, 0.02))
                    sum(runtime.iterate(endless))
                except KeyboardInterrupt:
                    assert open_now == 0, open_now
        """)
        assert output == ""


NESTED = """
    import asyncio, contextlib, signal, threading
    from cromicle_magic import runtime

    async def silent():
        try:
            yield 1
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0)
            print("closed")
"""


class TestNested:
    def test_work_that_lives_on_the_running_loop_is_reached(self):
        output = script(
            NESTED
            + """
    async def main():
        queue = asyncio.Queue()

        async def feed():
            for number in range(3):
                await asyncio.sleep(0)
                await queue.put(number)
            await queue.put(None)

        async def events():
            while (item := await queue.get()) is not None:
                yield item, asyncio.get_running_loop() is loop

        loop = asyncio.get_running_loop()
        feeder = asyncio.create_task(feed())
        print(list(runtime.iterate(events, loop="nested")))
        await feeder
        print(await asyncio.sleep(0, "the loop goes on"))

    asyncio.run(main())
    """
        )
        assert output == "[(0, True), (1, True), (2, True)]\nthe loop goes on\n"

    def test_leaving_early_and_errors_close_the_generator(self):
        output = script(
            NESTED
            + """
    async def broken():
        yield 1
        raise KeyError("x")

    async def main():
        with contextlib.closing(runtime.iterate(silent, loop="nested")) as items:
            print(next(items))
        try:
            list(runtime.iterate(broken, loop="nested"))
        except KeyError as error:
            print(repr(error))

    asyncio.run(main())
    """
        )
        assert output == "1\nclosed\nKeyError('x')\n"

    def test_stop_closes_a_silent_generator(self):
        output = script(
            NESTED
            + """
    async def main():
        signal.signal(signal.SIGINT, signal.default_int_handler)  # as in a kernel
        try:
            for item in runtime.iterate(silent, loop="nested"):
                print(item)
                signal.setitimer(signal.ITIMER_REAL, 0.1)
        except KeyboardInterrupt:
            print("interrupted")
        print(await asyncio.sleep(0, "the loop goes on"))

    signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    asyncio.run(main())
    """
        )
        assert output == "1\nclosed\ninterrupted\nthe loop goes on\n"

    def test_the_helper_works_and_ends_where_asyncio_is_patched_already(self):
        output = script(
            NESTED
            + """
    import nest_asyncio2

    with contextlib.closing(asyncio.new_event_loop()) as loop:
        nest_asyncio2.apply(loop)
    items = runtime.iterate(silent)
    print(next(items))
    runtime.shutdown()
    print([thread.name for thread in threading.enumerate()])
    """
        )
        assert output == "1\nclosed\n['MainThread']\n"

    def test_a_loop_that_cannot_be_nested_is_one_line(self):
        output = script(
            NESTED
            + """
    from cromicle_magic.errors import RequestError

    class Foreign(asyncio.AbstractEventLoop):
        pass

    asyncio._set_running_loop(Foreign())
    try:
        next(runtime.iterate(silent, loop="nested"))
    except RequestError as error:
        print(error)
    asyncio._set_running_loop(None)
    """
        )
        assert output == 'The running loop, a Foreign, cannot be nested. Leave loop="nested" out.\n'


def test_neither_the_import_nor_the_helper_patches_asyncio():
    output = script("""
        import asyncio, sys

        def state():
            loop = asyncio.SelectorEventLoop
            return [asyncio.run, asyncio.Task, asyncio.Future, asyncio.get_event_loop, loop.run_forever,
                    loop.run_until_complete, loop._run_once, hasattr(asyncio, "_nest_patched")]

        before = state()
        import cromicle_magic
        from cromicle_magic import Chat, ask

        ask("one", provider="scripted")

        async def cell():
            ask("two", provider="scripted")
            list(cromicle_magic.providers.Scripted.create_completion("", [{"role": "user", "content": "x"}]))

        asyncio.run(cell())
        print(state() == before, [name for name in sys.modules if name.startswith("nest_asyncio")])
    """)
    assert output == "True []\n"


def test_a_forked_child_has_a_helper_of_its_own():
    output = script("""
        import os, sys, warnings
        from contextlib import suppress
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of a fork beside threads
        from cromicle_magic import ask, runtime
        from cromicle_magic.providers import Scripted

        runtime._CLOSING_SECONDS = 3600
        slow = Scripted.playing("one two three", delay=0.2)
        words = slow.create_completion("", [{"role": "user", "content": "x"}])
        print(next(words), flush=True)
        runtime._making.acquire()  # as if another thread held it in that moment
        child = os.fork()
        if child:
            runtime._making.release()
        else:
            print(ask("from the child", provider="scripted"), flush=True)
            words.close()  # the parent's: it cannot be closed here, and must not be waited for
            sys.exit()
        print(os.waitpid(child, 0)[1], list(words), ask("from the parent", provider="scripted"))
    """)
    assert output == "one \nfrom the child\n0 ['two ', 'three'] from the parent\n"


class TestHeartbeat:
    def timers(self):
        scheduled = asyncio.get_running_loop()._scheduled
        return [timer for timer in scheduled if not timer.cancelled() and "_Beat" in repr(timer)]

    async def test_it_wakes_the_loop_while_it_is_open_and_not_after(self):
        assert self.timers() == []
        with runtime.heartbeat():
            (first,) = self.timers()
            await asyncio.sleep(runtime.HEARTBEAT * 2)
            (second,) = self.timers()
            assert first is not second
        assert self.timers() == []
        assert runtime._beats == {}

    async def test_it_is_never_slower_than_it_says(self):
        with runtime.heartbeat():
            (timer,) = self.timers()
            assert timer.when() - asyncio.get_running_loop().time() <= runtime.HEARTBEAT

    async def test_all_who_wait_share_one_chain(self):
        with runtime.heartbeat():
            with runtime.heartbeat(), runtime.heartbeat():
                assert len(self.timers()) == 1
            assert len(self.timers()) == 1
        assert self.timers() == []

    async def test_it_ends_with_an_error_and_can_begin_again(self):
        for _ in range(2):
            with suppress(KeyError), runtime.heartbeat():
                assert len(self.timers()) == 1
                raise KeyError
            assert self.timers() == []

    def test_each_loop_has_its_own(self):
        async def beating():
            with runtime.heartbeat():
                await asyncio.sleep(0)
                return len(self.timers()), list(runtime._beats)

        (one, first), (two, second) = asyncio.run(beating()), asyncio.run(beating())
        assert (one, two, len(first), len(second)) == (1, 1, 1, 1)
        assert first != second
