"""Settings: who wins, what is refused, and that the token stays hidden."""

import pytest
from scripts import script

from cromicle_magic import config
from cromicle_magic.errors import ConfigurationError, CromicleError


@pytest.fixture
def file(tmp_path):
    """Return a function that writes the settings file."""
    return (tmp_path / "config.toml").write_text


def places(monkeypatch, file, key):
    """Return, from the strongest place to the weakest, how to set `key` there."""
    return {
        "session": lambda value: config.set_option(key, value),
        "environment": lambda value: monkeypatch.setenv(f"CROMICLE_{key.upper()}", value),
        str(config.path()): lambda value: file(f'{key} = "{value}"'),
    }


def test_without_a_word_nothing_is_set():
    assert config.current() == config.Settings()
    assert dict(config.current().sources) == {}


@pytest.mark.parametrize("key", config.KEYS)
def test_the_stronger_place_wins_and_is_named(monkeypatch, file, key):
    for place, put in reversed(places(monkeypatch, file, key).items()):
        put(f"from {place}")
        settings = config.current()
        assert getattr(settings, key) == f"from {place}"
        assert settings.sources == {key: place}


def test_what_the_session_set_can_be_taken_back(monkeypatch):
    monkeypatch.setenv("CROMICLE_MODEL", "theirs")
    config.set_option("model", "mine")
    config.set_option("model", None)
    config.set_option("model", None)
    assert config.current().model == "theirs"


def test_the_session_can_be_forgotten():
    config.set_option("model", "mine")
    config.forget_session()
    assert config.current().model is None


def test_an_empty_variable_sets_nothing(monkeypatch, file):
    monkeypatch.setenv("CROMICLE_MODEL", "")
    file('model = "from the file"')
    assert config.current().model == "from the file"


def test_places_are_read_anew_each_time(monkeypatch):
    before = config.current()
    monkeypatch.setenv("CROMICLE_URL", "http://127.0.0.1:8000")
    assert (before.url, config.current().url) == (None, "http://127.0.0.1:8000")


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({}, "local"),
        ({"url": "http://127.0.0.1:8000"}, "cromicle"),
        ({"provider": "scripted"}, "scripted"),
        ({"provider": "scripted", "url": "http://127.0.0.1:8000"}, "scripted"),
    ],
)
def test_the_default_provider(given, name):
    assert config.Settings(**given).default_provider == name


class TestToken:
    SECRET = "s3cr3t-t0k3n"

    @pytest.mark.parametrize("place", [0, 1, 2])
    def test_it_is_read_and_never_shown(self, monkeypatch, file, place):
        list(places(monkeypatch, file, "token").values())[place](self.SECRET)
        settings = config.current()
        assert settings.token == self.SECRET
        for shown in (repr(settings), str(settings), repr(settings.rows()), f"{settings}"):
            assert self.SECRET not in shown

    def test_a_row_says_that_it_is_set(self):
        config.set_option("token", self.SECRET)
        assert ("token", "•••", "session") in config.current().rows()
        config.forget_session()
        assert ("token", "", "default") in config.current().rows()

    def test_a_broken_file_does_not_show_it(self, file):
        file(f'token = "{self.SECRET}\nmodel = 5')
        with pytest.raises(ConfigurationError) as caught:
            config.current()
        assert self.SECRET not in str(caught.value)


def test_rows_show_every_setting_with_its_source(monkeypatch):
    monkeypatch.setenv("CROMICLE_MODEL", "m")
    assert config.current().rows() == [
        ("provider", "", "default"),
        ("model", "m", "environment"),
        ("url", "", "default"),
        ("token", "", "default"),
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("model = ", "cannot be read"),
        ('modle = "x"', "Did you mean 'model'"),
        ('colour = "red"', "There are: provider, model, url, token"),
        ("model = 5", "model is not a string"),
        ('[model]\nname = "x"', "model is not a string"),
    ],
)
def test_a_wrong_file_is_named_in_one_line(file, tmp_path, text, complaint):
    file(text)
    with pytest.raises(ConfigurationError, match=complaint) as caught:
        config.current()
    assert str(tmp_path / "config.toml") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_utf_8_or_no_file_is_one_line(tmp_path):
    (tmp_path / "config.toml").write_bytes(b'model = "\xff"')
    with pytest.raises(ConfigurationError, match="cannot be read"):
        config.current()
    (tmp_path / "config.toml").unlink()
    (tmp_path / "config.toml").mkdir()
    with pytest.raises(ConfigurationError, match="cannot be read"):
        config.current()


def test_an_unknown_setting_names_the_nearest():
    with pytest.raises(CromicleError, match="Did you mean 'token'"):
        config.set_option("tokens", "x")


def test_the_settings_cannot_be_changed_in_place():
    settings = config.current()
    with pytest.raises(AttributeError):
        settings.model = "x"
    with pytest.raises(TypeError):
        settings.sources["model"] = "session"


def test_every_setting_is_documented():
    for key in config.KEYS:
        assert f"CROMICLE_{key.upper()}" in config.__doc__
        assert f"{key} : str or None" in config.Settings.__doc__


def test_the_real_file_lies_in_the_users_configuration_directory():
    output = script("""
        import platformdirs
        from cromicle_magic import config

        print(config.path() == platformdirs.user_config_path("cromicle_magic") / "config.toml")
    """)
    assert output == "True\n"
