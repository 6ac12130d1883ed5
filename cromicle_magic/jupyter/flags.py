"""The flags of the magics: one table, from which the parser and the help are made."""

from __future__ import annotations

import argparse
import difflib
import io
import keyword
import math
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

from cromicle_magic.errors import UsageError


@dataclass(frozen=True)
class Parsed:
    """What a magic's line says.

    Attributes
    ----------
    prompt : str
        The prompt, where the line holds it.
    provider, model, system, out : str or None
        As the flags of the same names.
    format : str
        ``"markdown"``, ``"text"`` or ``"none"``.
    quiet : bool
        Whether to leave out the line under the answer.
    options : dict
        Options for the provider; ``None`` where not given.
    """

    prompt: str = ""
    provider: str | None = None
    model: str | None = None
    system: str | None = None
    out: str | None = None
    format: str = "markdown"
    quiet: bool = False
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Flag:
    """A row of the table: names, what the value is called, what it does, how a word becomes the value."""

    names: tuple[str, ...]
    metavar: str
    help: str
    convert: Callable[[str], Any] = str
    more: dict[str, Any] = field(default_factory=dict)

    def add_to(self, parser: argparse.ArgumentParser) -> None:
        """Add it to `parser`; one without a metavar takes no value."""
        form = {"metavar": self.metavar, "type": self.convert} if self.metavar else {"action": "store_true"}
        parser.add_argument(*self.names, help=self.help, **form, **self.more)


def _number(at_least: float, at_most: float = math.inf) -> Callable[[str], float]:
    def convert(word: str) -> float:
        try:
            value = float(word)
        except ValueError:
            value = math.nan
        if not (at_least <= value <= at_most and math.isfinite(value)):
            limits = (
                f"from {at_least:g} to {at_most:g}" if math.isfinite(at_most) else f"of at least {at_least:g}"
            )
            raise argparse.ArgumentTypeError(f"{word!r} is not a number {limits}")
        return value

    return convert


def _whole(at_least: int | None = None) -> Callable[[str], int]:
    def convert(word: str) -> int:
        try:
            value = int(word)
        except ValueError:
            value = None
        if value is None or (at_least is not None and value < at_least):
            limit = "" if at_least is None else f" of at least {at_least}"
            raise argparse.ArgumentTypeError(f"{word!r} is not a whole number{limit}")
        return value

    return convert


def _variable(word: str) -> str:
    if not word.isidentifier() or keyword.iskeyword(word):
        raise argparse.ArgumentTypeError(f"{word!r} cannot be a variable's name")
    return word


def _stop(word: str) -> str:
    return word.replace("\\n", "\n").replace("\\t", "\t")


FLAGS = (
    Flag(
        ("-p", "--provider"),
        "NAME",
        "who answers: cromicle, local, scripted, a class in the notebook, or package.module:Class",
    ),
    Flag(("-m", "--model"), "NAME", "the model; for local also the path of a GGUF file"),
    Flag(("-s", "--system"), "TEXT", "a system message before the prompt"),
    Flag(("-t", "--temperature"), "NUMBER", "how much chance; 0 is none", _number(0)),
    Flag(("--max-tokens",), "N", "stop after so many tokens", _whole(1)),
    Flag(("--top-p",), "NUMBER", "sample from this share of the likeliest tokens", _number(0, 1)),
    Flag(("--seed",), "N", "make the sampling repeatable", _whole()),
    Flag(
        ("--stop",), "TEXT", "end the answer before this text; may be repeated", _stop, {"action": "append"}
    ),
    Flag(("--url", "--base-url"), "URL", "address of the service", str, {"dest": "url"}),
    Flag(("--timeout",), "SECONDS", "give up after so long without a byte", _number(0.001)),
    Flag(("--out",), "NAME", "bind the reply to this variable", _variable),
    Flag(
        ("-f", "--format"),
        "FORM",
        "how the answer is shown: markdown, text or none",
        str,
        {"choices": ("markdown", "text", "none"), "default": "markdown"},
    ),
    Flag(("-q", "--quiet"), "", "leave out the line under the answer"),
)

_NAMES = tuple(name for flag in FLAGS for name in flag.names)
_WITH_VALUE = frozenset(name for flag in FLAGS if flag.metavar for name in flag.names)

# A prompt may well begin with a dash: "- milk", "-5 degrees".
_FLAG_BEGINS = re.compile(r"--?[a-z]|--(\s|$)", re.IGNORECASE)

_EPILOG = """
examples:
  %%cromicle -t 0 --out answer       the prompt is the rest of the cell
  %cromicle What is a prompt?        the prompt is the rest of the line
  %cromicle help | config | pull
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message.removeprefix('argument ')}.", "%%cromicle? shows the flags.")


def _parser() -> _Parser:
    parser = _Parser(
        prog="%%cromicle",
        description="Send the cell as a prompt; the answer streams into its output.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
        allow_abbrev=False,
    )
    parser.add_argument("positional", metavar="MODEL", nargs="?", help="the same as -m")
    for flag in FLAGS:
        flag.add_to(parser)
    return parser


def help_text() -> str:
    """Return the help, as ``%%cromicle?`` shows it."""
    return _parser().format_help()


def parse_cell_line(line: str) -> Parsed:
    """Parse the first line of a ``%%cromicle`` cell, without ``%%cromicle``.

    Raises
    ------
    UsageError
        An unknown flag, with the nearest real one; a value that is missing or none.
    """
    return _parse(_words(line))


def parse_line(line: str) -> Parsed:
    """Parse the line of ``%cromicle``: flags, then the prompt, which is taken to the letter.

    Raises
    ------
    UsageError
        As `parse_cell_line`.
    """
    words, prompt = _split_prompt(line)
    return _parse(words, prompt)


def _parse(words: list[str], prompt: str = "") -> Parsed:
    space, extra = _parser().parse_known_args(words)
    if extra:
        raise _unknown(extra[0])
    values = vars(space)
    positional = values.pop("positional")
    if positional and values["model"]:
        raise UsageError(f"The model is named twice: {positional} and {values['model']}.", "Leave one out.")
    values["model"] = values["model"] or positional
    own = {key: values.pop(key) for key in ("provider", "model", "system", "out", "format", "quiet")}
    return Parsed(prompt=prompt, options=values, **own)


def _unknown(word: str) -> UsageError:
    name = word.partition("=")[0]
    if not name.startswith("-"):
        return UsageError(f"{word!r} is one word too many.", "The prompt goes into the lines below.")
    long = [known for known in _NAMES if known.startswith("--")]
    near = [known for known in long if known.startswith(name)] or difflib.get_close_matches(name, long, 1)
    hint = f"Did you mean {near[0]}?" if near else "%%cromicle? shows the flags."
    return UsageError(f"There is no flag {name}.", hint)


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        raise UsageError(
            "A quote is open in the first line.", 'Write text with spaces or quotes as "…".'
        ) from None


def _split_prompt(line: str) -> tuple[list[str], str]:
    """Take flags and their values off the front; what follows is the prompt, quotes and all."""
    words: list[str] = []
    rest = line.strip()
    while _FLAG_BEGINS.match(rest):
        word, rest = _take_word(rest)
        if word == "--":
            break
        words.append(word)
        if word in _WITH_VALUE and rest:
            value, rest = _take_word(rest)
            words.append(value)
    return words, _unquoted(rest)


def _take_word(text: str) -> tuple[str, str]:
    source = io.StringIO(text)
    lexer = shlex.shlex(source, posix=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    try:
        word = lexer.get_token()
    except ValueError:
        raise UsageError(
            "A quote is open in a flag's value.", 'Write text with spaces or quotes as "…".'
        ) from None
    return word or "", source.read().strip()


def _unquoted(prompt: str) -> str:
    if prompt[:1] not in ("'", '"') or prompt[-1:] != prompt[:1] or len(prompt) < 2:
        return prompt
    inner = prompt[1:-1]
    return prompt if prompt[0] in inner else inner
