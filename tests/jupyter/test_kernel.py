"""The magic in a real kernel, as a front end sees it."""

import pytest
from kernels import kernel
from servers import CHUNKED, PLAIN, STALL, FaultServer, chunk, head, streamed

PROVIDERS = """
from cromicle_magic.providers import Scripted
words = " ".join(map(str, range(40)))
slow = Scripted.playing(words, delay=0.02)
quick = Scripted.playing("a quick answer")
silent = Scripted.playing("never", first_delay=100)
"""

TICKER = """
import asyncio
ticks = 0
async def tick():
    global ticks
    while True:
        await asyncio.sleep(0.01)
        ticks += 1
ticking = asyncio.create_task(tick())
"""

SILENT = [head(CHUNKED, PLAIN), chunk("so far"), STALL]
MUTE = [STALL]


@pytest.fixture(scope="module")
def shell():
    with kernel() as running:
        running.do("%load_ext cromicle_magic")
        running.do(PROVIDERS)
        yield running


@pytest.fixture
def own_shell():
    with kernel() as running:
        running.do("%load_ext cromicle_magic")
        running.do(PROVIDERS)
        yield running


def loop_was_free(shell, cell):
    """Run a slow cell and tell whether the kernel's loop went on meanwhile."""
    before = shell.value("ticks")
    shell.do(cell)
    return shell.value("ticks") - before > 10


class TestAnAnswer:
    def test_reaches_the_output_before_the_cell_is_done(self, shell):
        assert shell.do("%%cromicle -p slow\nCount.").early >= 5

    def test_is_painted_at_most_about_twenty_times_a_second_and_the_last_paint_is_the_whole(self, shell):
        ran = shell.do("%%cromicle -p slow --out reply\nCount.")
        assert len(ran.paints) <= 20 * shell.value("reply.timing.total") + 3
        assert shell.value("words") in ran.paints[-1]["data"]["text/plain"]

    def test_ends_as_one_output_with_three_forms(self, shell):
        (shown,) = shell.do("%%cromicle -p quick\nAnswer.").shown
        assert set(shown) == {"text/html", "text/markdown", "text/plain"}
        assert all("a quick answer" in form for form in shown.values())

    def test_is_shown_as_text_whatever_it_holds(self, shell):
        shell.do(r"""hostile = Scripted.playing("<script>alert(1)</script>\n```\n![x](http://x/)\x1b[31m")""")
        (shown,) = shell.do("%%cromicle -p hostile\nAttack.").shown
        assert "<script" not in shown["text/html"]
        assert not any("\x1b" in form for form in shown.values())

    def test_is_bound_with_its_usage_and_timing(self, shell):
        shell.do("%%cromicle -p quick --out answer\nAnswer.")
        assert shell.value("answer.text, answer.status, answer.usage.completion_tokens") == (
            "a quick answer",
            "complete",
            3,
        )
        assert shell.value("answer.timing.first_token <= answer.timing.total")
        assert shell.value("str(answer), answer.request.messages[-1]['content']") == (
            "a quick answer",
            "Answer.",
        )

    def test_in_text_form_is_printed(self, shell):
        ran = shell.do("%%cromicle -p quick -f text\nAnswer.")
        assert ran.shown == []
        assert ran.printed.startswith("a quick answer\n[script · 3 tokens · ")

    def test_is_one_output_at_last_and_never_more_than_forty_on_the_way(self, shell):
        shell.do(
            "long = Scripted.playing('A paragraph of some length, and more of it.\\n\\n' * 300, delay=0.001)"
        )
        ran = shell.do("%%cromicle -p long\nGo on.")
        (shown,) = ran.shown
        assert shown["text/html"].count("<p") == 300
        assert 3 < sum(not paint["update"] for paint in ran.paints) <= 41

    def test_is_painted_once_where_nobody_watches(self, shell):
        ran = shell.wait(shell.send("%%cromicle -p slow\nCount.", headless=True))
        assert len(ran.paints) == len(ran.shown) == 1

    def test_shows_a_sign_of_life_while_nothing_comes(self, shell):
        shell.do("late = Scripted.playing('at last', first_delay=0.8)")
        ran = shell.do("%%cromicle -p late\nAnswer.")
        assert "waiting…" in ran.paints[0]["data"]["text/plain"]
        assert len(ran.shown) == 1

    def test_ends_with_a_quiet_line_that_can_be_left_out(self, shell):
        told = shell.do("%%cromicle -p quick\nAnswer.").shown[0]["text/plain"]
        assert "[script · 3 tokens · " in told
        assert told.endswith(" · complete]")
        assert shell.do("%%cromicle -p quick -q\nAnswer.").shown[0]["text/plain"] == "a quick answer"


class TestOutputsOfOthers:
    def test_in_the_same_cell_are_not_cleared(self, own_shell):
        own_shell.do(
            "talk = Scripted.playing('A paragraph of some length, and more of it.\\n\\n' * 80, delay=0.002)"
        )
        own_shell.do(
            "import threading\n"
            "def shout():\n"
            "    import sys\n"
            "    sys.stdout.write('a shout\\n'); sys.stdout.flush()\n"
        )
        own_shell.do(
            "class Loud(talk):\n"
            "    @classmethod\n"
            "    async def create_async_generator(cls, *a, **k):\n"
            "        for n in range(80):\n"
            "            if n == 60: shout()\n"
            "            await asyncio.sleep(0.005)\n"
            "            yield 'A paragraph of some length, and more of it.\\n\\n'\n"
            "import asyncio"
        )
        ran = own_shell.do("%%cromicle -p Loud --out said\nGo on.")
        assert ran.printed == "a shout\n"
        assert "".join(form["text/plain"] for form in ran.shown).count("A paragraph") == 80

    def test_in_a_loop_are_not_cleared(self, shell):
        cell = "for n in range(3):\n    print('round', n)\n    %cromicle -p quick Answer."
        ran = shell.do(cell)
        assert ran.printed == "round 0\nround 1\nround 2\n"
        assert len(ran.shown) == 3

    def test_in_no_form_is_bound_and_not_shown(self, shell):
        ran = shell.do("%%cromicle -p quick -f none --out unseen\nAnswer.")
        assert ran.outputs == []
        assert shell.value("unseen.text") == "a quick answer"


class TestAPrompt:
    @pytest.mark.parametrize(
        "prompt",
        [
            '{"json": 1} {} {name} $HOME !ls',
            "a\\nb \\d {{x}}\n\n  indented\n# not a comment",
            '%time \'x\' """ ?',
        ],
    )
    def test_goes_through_to_the_letter(self, shell, prompt):
        shell.do(f"%%cromicle -p scripted --out echo\n{prompt}")
        assert shell.value("echo.request.messages[0]['content']") == prompt

    def test_of_the_line_magic_may_hold_apostrophes_and_flags(self, shell):
        shell.do("%cromicle -p scripted --out echo What's a --flag in {braces}?")
        assert shell.value("echo.text") == "What's a --flag in {braces}?"

    def test_of_zero_temperature_is_sent_with_it(self, shell):
        shell.do("%%cromicle -p quick -t 0 --stop END --out answer\nAnswer.")
        assert shell.value("answer.request.options") == {"temperature": 0.0, "stop": ["END"]}

    def test_with_an_option_that_cannot_be_honoured_says_so(self, shell):
        with FaultServer(streamed("hello")) as server:
            (shown,) = shell.do(f"%%cromicle -p cromicle --url {server.url} --seed 1\nHello").shown
        assert "Cromicle cannot honour 'seed'" in shown["text/plain"]

    @pytest.mark.parametrize("cell", ["%%cromicle\n  \n", "%%cromicle -p quick\n", "%cromicle -p quick"])
    def test_that_is_empty_is_one_line_and_no_request(self, shell, cell):
        calls = shell.value("len(quick.calls)")
        ran = shell.run(cell)
        assert ran.status == "error"
        assert "empty" in ran.error + ran.printed
        assert shell.value("len(quick.calls)") == calls


class TestAMistake:
    @pytest.mark.parametrize(
        ("cell", "line"),
        [
            ("%%cromicle --temprature 1\nx", "There is no flag --temprature. Did you mean --temperature?"),
            ("%%cromicle -t hot\nx", "-t/--temperature: 'hot' is not a number of at least 0."),
            ("%%cromicle -s\nx", "-s/--system: expected one argument."),
            ("%%cromicle -p locla\nx", "There is no provider 'locla'. Did you mean 'local'?"),
            (
                "%%cromicle -p cromicle\nx",
                "The public Cromicle service is gone. Start one with `cromicle serve`",
            ),
            ('%%cromicle -s "open\nx', "A quote is open in the first line."),
            ("%cromicle --seed x Hello", "--seed: 'x' is not a whole number."),
        ],
    )
    def test_is_one_line_without_a_traceback(self, shell, cell, line):
        ran = shell.run(cell)
        assert ran.status == "error"
        assert line in ran.error
        assert "\n" not in ran.error

    def test_of_the_provider_is_one_line_and_what_came_stays(self, shell):
        shell.do("broken = Scripted.playing('one two three', fail_at=2)")
        ran = shell.run("%%cromicle -p broken --out kept\nAnswer.")
        assert ran.error == "ProviderError: The script fails here."
        assert "one two" in ran.shown[0]["text/plain"]
        assert shell.value("kept.text, kept.status") == ("one two ", "failed")


class TestTheLoop:
    def test_stays_free_while_a_cell_is_awaited(self, own_shell):
        own_shell.do(TICKER)
        assert loop_was_free(own_shell, "%%cromicle -p slow\nCount.")

    @pytest.mark.parametrize(
        "cell",
        [
            "%%time\n%%cromicle -p slow --out timed\nCount.",
            "%%capture captured\n%%cromicle -p slow --out timed\nCount.",
            "ran = get_ipython().run_cell('%%cromicle -p slow --out timed\\nCount.')",
            "def f():\n    get_ipython().run_cell_magic('cromicle', '-p slow --out timed', 'x')\nf()",
            "for _ in range(2):\n    %cromicle -p quick --out timed Count.",
        ],
    )
    def test_is_not_needed_where_nothing_can_be_awaited(self, own_shell, cell):
        own_shell.do(cell)
        assert own_shell.value("timed.status") == "complete"

    def test_is_not_needed_with_autoawait_off_and_is_used_again_with_it_on(self, own_shell):
        own_shell.do(TICKER)
        own_shell.do("%autoawait off")
        assert not loop_was_free(own_shell, "%%cromicle -p slow\nCount.")
        own_shell.do("%autoawait on")
        assert loop_was_free(own_shell, "%%cromicle -p slow\nCount.")

    def test_is_used_again_after_cells_that_ended_in_odd_ways(self, own_shell):
        own_shell.do(TICKER)
        for odd in (
            "1/0",
            "",
            "(",
            "%%time\n%%cromicle -p quick\nx",
            "%%cromicle --nonsense\nx",
            "%nonsense",
        ):
            own_shell.run(odd)
        assert loop_was_free(own_shell, "%%cromicle -p slow\nCount.")

    def test_is_used_when_the_kernel_loads_the_extension_itself(self):
        with kernel("--InteractiveShellApp.extensions=cromicle_magic") as running:
            running.do(PROVIDERS + TICKER)
            assert loop_was_free(running, "%%cromicle -p slow\nCount.")

    def test_serves_synchronous_and_asynchronous_functions(self, shell):
        shell.do("from cromicle_magic import aask, ask, stream")
        assert shell.value("ask('one two', provider='scripted').text") == "one two"
        shell.do("reply = await aask('one two', provider='scripted')")
        shell.do("texts = [text async for text in stream('one two', provider='scripted')]")
        assert shell.value("reply.text, texts") == ("one two", ["one ", "two"])

    def test_is_not_patched(self, shell):
        shell.do("%time %cromicle -p quick Answer.")
        assert shell.value("asyncio.Task.__module__ if 'asyncio' in globals() else '_asyncio'") == "_asyncio"
        assert shell.value("'nest_asyncio2' in __import__('sys').modules") is False


class TestRunAll:
    def test_runs_seven_mixed_cells_in_order_and_loses_none(self, own_shell):
        cells = [
            "order = ['start']",
            "%%cromicle -p slow --out a\nCount.",
            "order.append(a.status)",
            "import asyncio\nawait asyncio.sleep(0.05)\norder.append('awaited')",
            "%%time\n%%cromicle -p slow --out b\nCount.",
            "%%cromicle -p quick --out c\nCount.",
            "order += [b.status, c.text]; print(order)",
        ]
        sent = [own_shell.send(cell) for cell in cells]
        assert [own_shell.wait(message).status for message in sent] == ["ok"] * 7
        assert own_shell.value("order") == ["start", "complete", "awaited", "complete", "a quick answer"]


class TestStop:
    """Without the heartbeat these would last as long as the server is silent: a minute."""

    @pytest.mark.parametrize("how", ["%%cromicle", "%%time\n%%cromicle"])
    @pytest.mark.parametrize(("script", "text"), [(SILENT, "so far"), (MUTE, "")])
    def test_reaches_a_silent_server_keeps_what_came_and_the_kernel_lives(self, own_shell, how, script, text):
        with FaultServer(script) as server:
            message = own_shell.send(f"{how} -p cromicle --url {server.url} --out kept\nHello")
            visit = server.visit()
            if text:
                own_shell.until(lambda: own_shell.so_far(message).paints)
            own_shell.manager.interrupt_kernel()
            ran = own_shell.wait(message, seconds=10)
            assert visit.gone.wait(10)
        assert ran.status == "error"
        assert ran.error == f"CromicleInterrupted: stopped after {len(text)} characters; the text is kept."
        assert own_shell.value("kept.text, kept.status") == (text, "stopped")
        assert "stopped" in ran.shown[0]["text/plain"]
        assert own_shell.do("%%cromicle -p quick\nGo on.").shown

    def test_keeps_queued_cells_from_running(self, own_shell):
        running = own_shell.send("%%cromicle -p silent\nWait.")
        queued = own_shell.send("ran_on = True")
        own_shell.until(lambda: own_shell.begun(running))
        own_shell.manager.interrupt_kernel()
        assert own_shell.wait(running, seconds=10).status == "error"
        assert own_shell.wait(queued, seconds=10).status == "aborted"
        assert own_shell.value("'ran_on' in globals()") is False

    def test_ends_a_synchronous_ask_and_its_reply_is_in_the_exception(self, own_shell):
        with FaultServer(SILENT) as server:
            own_shell.do("from cromicle_magic import CromicleError, ask")
            message = own_shell.send(
                "try:\n"
                f"    ask('Hello', provider='cromicle', url={server.url!r})\n"
                "except KeyboardInterrupt as stop:\n"
                "    stopped = stop\n"
            )
            server.visit()
            own_shell.manager.interrupt_kernel()
            assert own_shell.wait(message, seconds=10).status == "ok"
            assert server.visit().gone.wait(10)
        assert own_shell.value("isinstance(stopped, CromicleError), stopped.reply.status") == (
            False,
            "stopped",
        )

    def test_ends_an_awaited_ask_while_the_server_is_silent(self, own_shell):
        with FaultServer(MUTE) as server:
            own_shell.do("from cromicle_magic import aask")
            message = own_shell.send(f"await aask('Hello', provider='cromicle', url={server.url!r})")
            server.visit()
            own_shell.manager.interrupt_kernel()
            assert own_shell.wait(message, seconds=10).status == "error"
            assert server.visit().gone.wait(10)


class TestLoad:
    HEAVY = ("aiohttp", "anywidget", "ipywidgets", "xllamacpp", "nest_asyncio2", "markdown_it", "nh3")

    def test_is_light_and_touches_neither_network_nor_files(self):
        with kernel() as running:
            running.do(
                "import sys\n"
                "events = []\n"
                "def hear(name, arguments):\n"
                "    if name == 'socket.connect' or name == 'open' and set(str(arguments[1])) & set('wax'):\n"
                "        events.append((name, str(arguments)))\n"
                "sys.addaudithook(hear)\n"
                "from IPython.core.extensions import ExtensionManager"
            )
            running.do("events.clear()\n%load_ext cromicle_magic\nheard = list(events)")
            assert running.value("[event for event in heard if '__pycache__' not in event[1]]") == []
            assert running.value(f"[name for name in {self.HEAVY} if name in sys.modules]") == []


class TestUnload:
    def test_leaves_nothing_behind(self, own_shell):
        own_shell.do("import asyncio, threading")
        own_shell.do("%unload_ext cromicle_magic")
        state = (
            "(len(ip.input_transformers_cleanup), len(ip.events.callbacks['pre_execute']), dir(ip), "
            "sorted(ip.magics_manager.magics['cell']), sorted(ip.magics_manager.magics['line']), "
            "sorted(t.name.split('-')[0] for t in threading.enumerate() if 'cromicle' in t.name), "
            "sorted(str(t.get_coro()) for t in asyncio.all_tasks() if 'cromicle' in str(t.get_coro())))"
        )
        own_shell.do("ip = get_ipython()")
        before = own_shell.value(state)
        with FaultServer(streamed("hello")) as server:
            own_shell.do("%load_ext cromicle_magic")
            own_shell.do(f"%%cromicle -p cromicle --url {server.url}\nHello")
            own_shell.do(f"%time %cromicle -p cromicle --url {server.url} Hello")
            assert own_shell.value(state) != before
            own_shell.do("%unload_ext cromicle_magic")
            assert own_shell.value(state) == before
            assert all(visit.gone.wait(5) for visit in server.visits)
        assert "not found" in own_shell.run("%%cromicle\nx").printed

    def test_gives_back_a_magic_that_had_the_name_before(self):
        with kernel() as running:
            running.do("get_ipython().register_magic_function(lambda line: 'older', 'line', 'cromicle')")
            running.do("%load_ext cromicle_magic\n%unload_ext cromicle_magic")
            running.do("found = get_ipython().run_line_magic('cromicle', '')")
            assert running.value("found") == "older"

    def test_and_load_again_works_and_doubles_nothing(self, own_shell):
        own_shell.do("%reload_ext cromicle_magic")
        own_shell.do("%reload_ext cromicle_magic")
        assert len(own_shell.do("%%cromicle -p quick\nx").shown) == 1
        assert (
            own_shell.value(
                "sum('cromicle' in t.__module__ for t in get_ipython().input_transformers_cleanup "
                "if hasattr(t, '__module__'))"
            )
            == 1
        )


class TestHelp:
    def test_of_the_cell_magic_shows_every_flag(self, own_shell):
        reply = own_shell.client.inspect("%%cromicle", 2, reply=True, timeout=10)
        text = reply["content"]["data"]["text/plain"]
        for flag in (
            "--provider",
            "--model",
            "--system",
            "--temperature",
            "--max-tokens",
            "--top-p",
            "--seed",
            "--stop",
            "--url",
            "--base-url",
            "--out",
            "--format",
            "--timeout",
        ):
            assert flag in text

    def test_command_prints_flags_and_subcommands(self, shell):
        printed = shell.do("%cromicle help").printed
        assert "--temperature" in printed
        assert "%cromicle pull" in printed

    def test_a_word_that_is_a_command_begins_a_prompt_when_more_follows(self, shell):
        shell.do("%cromicle config provider scripted")
        shell.do("%cromicle pull yourself together and say so")
        assert shell.value("scripted_calls := Scripted.calls[-1][1][-1]['content']") == (
            "pull yourself together and say so"
        )
        shell.do("%cromicle config provider default")

    def test_config_shows_where_a_setting_came_from(self, shell):
        shell.do("%cromicle config model tiny")
        printed = shell.do("%cromicle config").printed
        assert ["model", "tiny", "session"] in [line.split() for line in printed.splitlines()]
        assert "Did you mean 'model'" in shell.run("%cromicle config modle").error
        shell.do("%cromicle config model default")
