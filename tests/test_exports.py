"""The public face: the promised names, each where it is said to be, and an import that is light."""

import pytest
from scripts import script

import cromicle_magic

PROMISED = {
    "ask",
    "aask",
    "stream",
    "Chat",
    "Reply",
    "Message",
    "Messages",
    "providers",
    "errors",
    "CromicleError",
    "load_ipython_extension",
    "unload_ipython_extension",
}

GUARD = """
    import sys

    seen = []

    def hook(event, arguments):
        if event.startswith("socket.") or event in ("os.mkdir", "os.rename", "os.remove", "subprocess.Popen"):
            seen.append(event)
        if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
            seen.append((event, arguments[0]))

    sys.dont_write_bytecode = True
    sys.addaudithook(hook)
"""
HEAVY = """
    heavy = ["aiohttp", "ipywidgets", "anywidget", "xllamacpp", "nest_asyncio", "nest_asyncio2"]
    print(seen, [name for name in heavy if name in sys.modules])
"""


def test_all_is_what_is_promised():
    assert set(cromicle_magic.__all__) == PROMISED
    assert len(cromicle_magic.__all__) == len(PROMISED)


@pytest.mark.parametrize("name", sorted(PROMISED))
def test_each_name_resolves_and_is_shown(name):
    assert getattr(cromicle_magic, name) is not None
    assert name in dir(cromicle_magic)


def test_a_star_import_brings_them_all():
    namespace = {}
    exec("from cromicle_magic import *", namespace)
    assert set(namespace) >= PROMISED


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'asks'"):
        _ = cromicle_magic.asks


def test_the_version_is_that_of_the_installed_package():
    from importlib.metadata import version

    assert cromicle_magic.__version__ == version("cromicle_magic")


@pytest.mark.parametrize(
    "code",
    [
        "import cromicle_magic",
        "from cromicle_magic import ask, Chat, Reply, CromicleError, errors",
        "from cromicle_magic import providers; providers.names(); dir(providers)",
        "from cromicle_magic.providers import AsyncGeneratorProvider, Scripted",
    ],
)
def test_an_import_loads_nothing_heavy_opens_no_socket_and_writes_no_file(code):
    assert script(f"{GUARD}\n    {code}\n{HEAVY}") == "[] []\n"


def test_the_bare_import_loads_none_of_its_own_rooms():
    output = script("""
        import sys
        import cromicle_magic
        print(sorted(name for name in sys.modules if name.startswith("cromicle_magic")))
    """)
    assert output == "['cromicle_magic']\n"


def test_the_guard_sees_a_socket_and_a_file(tmp_path):
    act = f"import socket; socket.socket().close(); open({str(tmp_path / 'a')!r}, 'w').close()"
    output = script(f"{GUARD}\n    {act}\n{HEAVY}")
    assert "socket.__new__" in output
    assert "'open'" in output
