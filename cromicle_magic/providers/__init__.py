"""Where answers come from: a table of names to classes, each loaded when it is asked for.

A name is one of the table, ``package.module:Class``, or a name that an installed package registers
in the entry-point group ``cromicle_magic.providers``.
"""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import entry_points
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from cromicle_magic.errors import UnknownProviderError

if TYPE_CHECKING:
    from cromicle_magic.providers.base import AsyncGeneratorProvider as AsyncGeneratorProvider
    from cromicle_magic.providers.cromicle import Cromicle as Cromicle
    from cromicle_magic.providers.local import Local as Local
    from cromicle_magic.providers.scripted import Scripted as Scripted

    Provider = type[AsyncGeneratorProvider]

GROUP = "cromicle_magic.providers"

_TABLE = {
    "cromicle": "cromicle_magic.providers.cromicle:Cromicle",
    "local": "cromicle_magic.providers.local:Local",
    "scripted": "cromicle_magic.providers.scripted:Scripted",
}
_CLASSES = {
    "AsyncGeneratorProvider": "cromicle_magic.providers.base:AsyncGeneratorProvider",
    **{path.partition(":")[2]: path for path in _TABLE.values()},
}


def names() -> list[str]:
    """Return the names of the known providers, sorted."""
    return sorted({*_TABLE, *(entry.name for entry in entry_points(group=GROUP))})


def get(name: str | Provider) -> Provider:
    """Return the provider of that name; a class is returned as it is.

    Raises
    ------
    UnknownProviderError
        There is none, its module cannot be imported, or it is not a provider.
    """
    if not isinstance(name, str):
        return _checked(name, repr(name))
    if path := _TABLE.get(name):
        return _load(path)
    if entries := entry_points(group=GROUP, name=name):
        return _load(next(iter(entries)).value)
    if ":" in name:
        return _load(name)
    near = get_close_matches(name.lower(), names(), 1)
    raise UnknownProviderError(
        f"There is no provider {name!r}.",
        (f"Did you mean {near[0]!r}? " if near else "")
        + f"There are: {', '.join(names())}; your own is package.module:Class.",
    )


def _load(path: str) -> Provider:
    module, _, attribute = path.partition(":")
    try:
        provider = attrgetter(attribute)(import_module(module))
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise UnknownProviderError(
            f"The provider {path} cannot be loaded: {error}.", "Check its name."
        ) from error
    return _checked(provider, path)


def _checked(provider: Any, path: str) -> Provider:
    if not isinstance(provider, type) or not hasattr(provider, "create_async_generator"):
        raise UnknownProviderError(
            f"{path} is not a provider.", "A provider is a class with create_async_generator."
        )
    return provider


def __getattr__(name: str) -> Any:
    if path := _CLASSES.get(name):
        return _load(path)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*_CLASSES, "get", "names"]
