"""Prototype prompts in a notebook.

``%load_ext cromicle_magic``, and a cell that begins with ``%%cromicle`` is a prompt; its answer
streams into the cell's output. `ask`, `aask` and `stream` do the same from Python.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from cromicle_magic import providers as providers
    from cromicle_magic.chat import Chat as Chat
    from cromicle_magic.chat import aask as aask
    from cromicle_magic.chat import ask as ask
    from cromicle_magic.chat import stream as stream
    from cromicle_magic.errors import CromicleError as CromicleError
    from cromicle_magic.exchange import Reply as Reply
    from cromicle_magic.messages import Message as Message
    from cromicle_magic.messages import Messages as Messages

__version__ = "0.1.0"

# Loaded when first asked for, so that the import stays light.
_HOMES = {
    "Chat": "chat",
    "CromicleError": "errors",
    "Message": "messages",
    "Messages": "messages",
    "Reply": "exchange",
    "aask": "chat",
    "ask": "chat",
    "stream": "chat",
}
_ROOMS = frozenset({"errors", "providers"})

__all__ = [  # noqa: RUF022  by meaning
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
]


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register the magics: ``%load_ext cromicle_magic``."""
    from cromicle_magic.jupyter import extension

    extension.load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Take everything back: ``%unload_ext cromicle_magic``."""
    from cromicle_magic.jupyter import extension

    extension.unload(shell)


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"cromicle_magic.{name}")
    if name in _HOMES:
        return getattr(import_module(f"cromicle_magic.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
