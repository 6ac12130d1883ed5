"""The door on the command line: ``cromicle``, also ``python -m cromicle_magic``.

A command is one row of a table. What it needs is imported when it runs, so that the others are quick.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from cromicle_magic.errors import CromicleError, UsageError

DONE, FAILED, MISUSED, INTERRUPTED = 0, 1, 2, 130
"""Exit statuses; the last one is what a shell gives for Ctrl+C."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit status of the process; an error is one line on standard error."""
    try:
        given = _parser().parse_args(arguments)
        given.run(given)
    except CromicleError as error:
        print(f"cromicle: {error}", file=sys.stderr)
        return MISUSED if isinstance(error, UsageError) else FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    return DONE


@dataclass(frozen=True)
class _Command:
    run: Callable[[argparse.Namespace], None]
    summary: str
    describe: Callable[[argparse.ArgumentParser], None] = lambda parser: None


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        from importlib.metadata import version

        print(version("cromicle_magic"))
        parser.exit()


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message[:1].upper()}{message[1:]}.", f"`{self.prog} --help` shows what there is.")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="cromicle", description="Prompts in notebooks, and what they need.", allow_abbrev=False
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, command in _COMMANDS.items():
        described = commands.add_parser(
            name, help=command.summary, description=command.summary, allow_abbrev=False
        )
        command.describe(described)
        described.set_defaults(run=command.run)
    return parser


def _describe_serve(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--provider", default="local", help="the provider that answers (default: local)")
    parser.add_argument("--model", default="", help="the model that answers (default: the provider's own)")
    parser.add_argument(
        "--port", type=_port, metavar="PORT", default=8000, help="where it listens; 0: any (default: 8000)"
    )


def _port(text: str) -> int:
    if not text.isdecimal() or not int(text) < 2**16:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 65535")
    return int(text)


def _serve(given: argparse.Namespace) -> None:
    import asyncio
    import secrets

    from cromicle_magic import config, gateway, providers

    token = config.current().token or secrets.token_urlsafe(24)
    provider = providers.get(given.provider)

    def ready(url: str) -> None:
        import shlex

        print(f"export CROMICLE_URL={url}\nexport CROMICLE_TOKEN={shlex.quote(token)}", flush=True)
        print(f"Serving {given.provider}; Ctrl+C ends it.", file=sys.stderr)

    asyncio.run(gateway.serve(provider, token, model=given.model, port=given.port, ready=ready))


def _pull(given: argparse.Namespace) -> None:
    from cromicle_magic.providers import weights

    weights.pull_with_bar()


_COMMANDS = {
    "serve": _Command(
        _serve, "speak the Cromicle protocol in front of a provider, on loopback", _describe_serve
    ),
    "pull": _Command(_pull, "fetch the weights of the local model, once (about 100 MB)"),
}
