"""The subcommands of ``%cromicle``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

from cromicle_magic import config
from cromicle_magic.jupyter.flags import help_text


@dataclass(frozen=True)
class Command:
    """A subcommand.

    Attributes
    ----------
    run : callable
        Takes the words after the name.
    most : int
        How many words it takes at most; a line with more of them is a prompt.
    help : str
        What it does, in one line.
    """

    run: Callable[..., None]
    most: int
    help: str


def find(line: str) -> Callable[[], None] | None:
    """Return the subcommand that `line` calls, ready to run, or ``None`` if the line is a prompt.

    ``explain`` alone may be a command and ``explain recursion in one line`` a prompt: the number of
    words decides, and a line in quotes is always a prompt.
    """
    name, *words = line.split() or ["help"]
    command = COMMANDS.get(name)
    if command is None or len(words) > command.most:
        return None
    return lambda: command.run(*words)


def _help() -> None:
    print(help_text())  # noqa: T201  the text the user asked for
    for name, command in COMMANDS.items():
        print(f"%cromicle {name:<8}{command.help}")  # noqa: T201


def _config(key: str | None = None, value: str | None = None) -> None:
    if key is not None:
        config.check_key(key)
    if value is not None and key is not None:
        config.set_option(key, None if value == "default" else value)
    for name, shown, source in config.current().rows():
        if key in (None, name):
            print(f"{name:<10}{shown or '—':<40}{source}")  # noqa: T201


def _pull() -> None:
    from cromicle_magic.providers import weights

    weights.pull_with_bar(sys.stdout, live=True)


COMMANDS = {
    "help": Command(_help, 0, "this text"),
    "config": Command(
        _config, 2, "[KEY [VALUE]] show the settings and where each came from; set one, or `default`"
    ),
    "pull": Command(_pull, 0, "fetch the weights of the local model, once (about 100 MB)"),
}
