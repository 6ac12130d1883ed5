"""Names and the classes they stand for, each loaded when it is asked for."""

import sys

import pytest
from scripts import script

from cromicle_magic import providers
from cromicle_magic.errors import UnknownProviderError

CLASSES = {
    "cromicle": "Cromicle",
    "local": "Local",
    "scripted": "Scripted",
}


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Return a function that installs a distribution with entry points, and a module for them."""

    def install(**entries):
        folder = tmp_path / "elsewhere-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: elsewhere\nVersion: 1.0\n")
        lines = [f"{name} = {value}" for name, value in entries.items()]
        (folder / "entry_points.txt").write_text("\n".join([f"[{providers.GROUP}]", *lines]))
        (tmp_path / "elsewhere.py").write_text(
            "class Theirs:\n"
            "    async def create_async_generator(model, messages, proxy=None, **kwargs):\n"
            "        yield 'theirs'\n\n\n"
            "class Room:\n    Inner = Theirs\n\n\n"
            "one = Theirs()\n\n\n"
            "class NotOne:\n    pass\n\n\n"
            "def create_async_generator():\n    pass\n"
        )
        monkeypatch.syspath_prepend(tmp_path)

    yield install
    sys.modules.pop("elsewhere", None)


@pytest.mark.parametrize("name", CLASSES)
def test_a_name_stands_for_its_class(name):
    provider = providers.get(name)
    assert provider.__name__ == CLASSES[name]
    assert provider is getattr(providers, CLASSES[name])
    assert issubclass(provider, providers.AsyncGeneratorProvider)


@pytest.mark.parametrize("name", CLASSES)
def test_the_classes_are_shown(name):
    assert CLASSES[name] in dir(providers)
    assert name in providers.names()


def test_names_are_sorted():
    assert providers.names() == sorted(CLASSES)


def test_a_class_stands_for_itself():
    assert providers.get(providers.Scripted) is providers.Scripted


def test_asking_for_one_does_not_load_the_others():
    output = script("""
        import sys
        from cromicle_magic import providers

        providers.get("scripted")
        ours = [f"cromicle_magic.providers.{name}" for name in ("cromicle", "local")]
        print([name for name in [*ours, "aiohttp", "xllamacpp"] if name in sys.modules])
    """)
    assert output == "[]\n"


@pytest.mark.parametrize(
    ("name", "near"), [("scriptd", "scripted"), ("Cromicle", "cromicle"), ("LOCAL", "local")]
)
def test_an_unknown_name_gets_the_nearest_and_the_known_ones(name, near):
    with pytest.raises(UnknownProviderError, match=f"Did you mean '{near}'") as caught:
        providers.get(name)
    for known in CLASSES:
        assert known in str(caught.value)
    assert "package.module:Class" in str(caught.value)


def test_a_name_like_none_of_them_gets_the_known_ones():
    with pytest.raises(UnknownProviderError, match="There are: cromicle, local, scripted") as caught:
        providers.get("xyzzy")
    assert "Did you mean" not in str(caught.value)


def test_a_class_can_be_named_by_its_module(installed):
    installed()
    assert providers.get("elsewhere:Theirs").__module__ == "elsewhere"
    assert providers.get("elsewhere:Room.Inner") is providers.get("elsewhere:Theirs")


def test_an_installed_package_can_add_one(installed):
    installed(theirs="elsewhere:Theirs")
    assert "elsewhere" not in sys.modules
    assert "theirs" in providers.names()
    assert "elsewhere" not in sys.modules
    assert providers.get("theirs").__module__ == "elsewhere"


def test_an_installed_package_cannot_take_a_name_of_ours(installed):
    installed(scripted="elsewhere:Theirs")
    assert providers.get("scripted") is providers.Scripted
    assert providers.names() == sorted(CLASSES)


@pytest.mark.parametrize(
    "name",
    ["no.such.module:Class", "elsewhere:Missing", "elsewhere:", ":Class", ":", ".elsewhere:Theirs", "broken"],
)
def test_what_cannot_be_loaded_is_one_line(installed, name):
    installed(broken="no.such.module:Class")
    with pytest.raises(UnknownProviderError, match="cannot be loaded"):
        providers.get(name)


@pytest.mark.parametrize(
    "name", ["elsewhere:NotOne", "elsewhere:one", "elsewhere:create_async_generator", "wrong"]
)
def test_what_is_not_a_provider_is_one_line(installed, name):
    installed(wrong="elsewhere:NotOne")
    with pytest.raises(UnknownProviderError, match="is not a provider"):
        providers.get(name)


def test_an_unknown_attribute_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'OpenAI2'"):
        _ = providers.OpenAI2
