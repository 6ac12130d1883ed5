"""Settings, and where each came from.

A setting is looked for in this order, and the first place that has it wins:

1. a flag of the cell or a keyword argument of the call,
2. ``%cromicle config KEY VALUE``, for this session,
3. the environment: ``CROMICLE_PROVIDER``, ``CROMICLE_MODEL``, ``CROMICLE_URL``, ``CROMICLE_TOKEN``,
4. the file ``config.toml`` in the user's configuration directory, with the same names in lower case,
5. the defaults.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType

from cromicle_magic.errors import ConfigurationError


@dataclass(frozen=True)
class Settings:
    """One reading of all settings.

    Attributes
    ----------
    provider : str or None
        Name of the provider; without one, ``"cromicle"`` where a `url` is set, else ``"local"``.
    model : str or None
        Name of the model; without one, the provider's own default.
    url : str or None
        Address of a Cromicle service, as ``cromicle serve`` prints it.
    token : str or None
        The token that service wants. Never part of a repr.
    sources : Mapping[str, str]
        For each setting that is set, the place it came from.
    """

    provider: str | None = None
    model: str | None = None
    url: str | None = None
    token: str | None = field(default=None, repr=False)
    sources: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def default_provider(self) -> str:
        """The name of the provider that answers when none is named."""
        return self.provider or ("cromicle" if self.url else "local")

    def rows(self) -> list[tuple[str, str, str]]:
        """Return (key, value, source) for each setting, the token masked."""
        rows = []
        for key in KEYS:
            value = getattr(self, key)
            shown = "" if value is None else "•••" if key in SECRETS else value
            rows.append((key, shown, self.sources.get(key, "default")))
        return rows


KEYS = tuple(setting.name for setting in fields(Settings) if setting.name != "sources")
SECRETS = frozenset({"token"})

_session: dict[str, str] = {}


def current() -> Settings:
    """Read the settings as they are now.

    Raises
    ------
    ConfigurationError
        The settings file cannot be read, has an unknown key, or a value that is not a string.
    """
    file = path()
    places = {"session": _session, "environment": _environment(), str(file): _file(file)}
    found: dict[str, tuple[str, str]] = {}
    for place, values in places.items():
        for key, value in values.items():
            found.setdefault(key, (value, place))
    sources = MappingProxyType({key: place for key, (_, place) in found.items()})
    return Settings(**{key: value for key, (value, _) in found.items()}, sources=sources)


def set_option(key: str, value: str | None) -> None:
    """Set a setting for this session; ``None`` takes it back.

    Raises
    ------
    ConfigurationError
        There is no setting of that name.
    """
    check_key(key)
    if value is None:
        _session.pop(key, None)
    else:
        _session[key] = value


def forget_session() -> None:
    """Take back all that `set_option` set."""
    _session.clear()


def path() -> Path:
    """Return where the settings file is looked for; it need not exist."""
    from platformdirs import user_config_path

    return user_config_path("cromicle_magic") / "config.toml"


def check_key(key: str, where: str = "") -> None:
    """Raise `ConfigurationError`, naming the nearest setting and `where` it stands, unless `key` is one."""
    if key not in KEYS:
        near = get_close_matches(key, KEYS, 1)
        hint = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(KEYS)}."
        raise ConfigurationError(f"There is no setting {key!r}{where}.", hint)


def _environment() -> dict[str, str]:
    names = {key: f"CROMICLE_{key.upper()}" for key in KEYS}
    return {key: os.environ[name] for key, name in names.items() if os.environ.get(name)}


def _file(file: Path) -> dict[str, str]:
    try:
        values = tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(
            f"The settings file {file} cannot be read: {error}.", "Mend or remove it."
        ) from None
    for key, value in values.items():
        check_key(key, f" (in {file})")
        if not isinstance(value, str):
            raise ConfigurationError(f"In {file}, {key} is not a string.", f'Write {key} = "…".')
    return values
