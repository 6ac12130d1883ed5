"""The magics ``%%cromicle`` and ``%cromicle``: they parse, and call what does the work."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from IPython.core.magic import no_var_expand

from cromicle_magic.errors import UsageError
from cromicle_magic.jupyter.flags import Parsed, help_text, parse_cell_line, parse_line

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from cromicle_magic.jupyter.outlet import Witness


class CromicleMagics:
    """The magics of one shell."""

    def __init__(self, shell: InteractiveShell, witness: Witness | None) -> None:
        self._shell = shell
        self._witness = witness

    async def run_cell(self, line: str, cell: str) -> None:
        """Run a ``%%cromicle`` cell in the running loop; what the transformed cell awaits."""
        from cromicle_magic.jupyter import run

        await run.awaited(self._shell, _of_cell(line, cell), self._witness)

    @no_var_expand
    def cell(self, line: str, cell: str) -> None:
        from cromicle_magic.jupyter import run

        run.blocking(self._shell, _of_cell(line, cell))

    @no_var_expand
    def line(self, line: str) -> None:
        from cromicle_magic.jupyter import commands, run

        if command := commands.find(line):
            command()
        else:
            run.blocking(self._shell, _with_prompt(parse_line(line), "Write it after the flags."))

    cell.__doc__ = line.__doc__ = help_text()


def _of_cell(line: str, cell: str) -> Parsed:
    parsed = replace(parse_cell_line(line), prompt=cell.strip("\n"))
    return _with_prompt(parsed, "Write it below the line that begins with %%cromicle.")


def _with_prompt(parsed: Parsed, hint: str) -> Parsed:
    if not parsed.prompt.strip():
        raise UsageError("The prompt is empty.", hint)
    return parsed
