"""What `%load_ext` adds to a shell, and what `%unload_ext` takes back: all of it."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from cromicle_magic.jupyter.magic import CromicleMagics
from cromicle_magic.jupyter.outlet import Witness
from cromicle_magic.jupyter.transform import RUNNER, rewrite

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_NAME = "cromicle"
_loaded: dict[int, ExitStack] = {}


def load(shell: InteractiveShell) -> None:
    """Register magics and transformer with `shell`; a second load replaces the first."""
    unload(shell)
    with ExitStack() as undo:
        magics = CromicleMagics(shell, _witness(shell, undo))
        for kind, function in (("cell", magics.cell), ("line", magics.line)):
            _register_magic(shell, kind, function, undo)
        if hasattr(shell, "kernel"):
            _register_transformer(shell, magics, undo)
        _loaded[id(shell)] = undo.pop_all()


def unload(shell: InteractiveShell) -> None:
    """Take back what `load` added, and end what runs: helper thread, client sessions, session's settings."""
    if undo := _loaded.pop(id(shell), None):
        from cromicle_magic import config, runtime

        undo.close()
        config.forget_session()
        runtime.shutdown()


def _witness(shell: Any, undo: ExitStack) -> Witness | None:
    if not hasattr(shell, "kernel"):
        return None
    witness = Witness(shell.kernel.session)
    undo.callback(witness.remove)
    return witness


def _register_magic(shell: InteractiveShell, kind: str, function: Any, undo: ExitStack) -> None:
    magics: dict[str, Any] = shell.magics_manager.magics[kind]
    if _NAME in magics:
        undo.callback(magics.__setitem__, _NAME, magics[_NAME])
    else:
        undo.callback(magics.pop, _NAME, None)
    shell.register_magic_function(function, kind, _NAME)


def _register_transformer(shell: InteractiveShell, magics: CromicleMagics, undo: ExitStack) -> None:
    nesting = _Nesting(shell)
    shell.events.register("pre_execute", nesting.enter)
    undo.callback(shell.events.unregister, "pre_execute", nesting.enter)

    def transform(lines: list[str]) -> list[str]:
        return rewrite(lines) if _can_await(shell) and not nesting.inside_a_cell() else lines

    setattr(shell, RUNNER, magics.run_cell)
    undo.callback(delattr, shell, RUNNER)
    shell.input_transformers_cleanup.append(transform)
    undo.callback(shell.input_transformers_cleanup.remove, transform)


def _can_await(shell: InteractiveShell) -> bool:
    """Whether a top-level await of the user's own would run in the kernel's asyncio loop."""
    from IPython.core.async_helpers import _asyncio_runner

    return bool(shell.autoawait) and shell.loop_runner is _asyncio_runner


class _Nesting:
    """Tells a cell from code run by a cell: inside ``%%time`` and ``run_cell`` nothing can be awaited.

    A kernel transforms a cell before ``pre_execute``, and what the cell runs after it, with the same
    message as parent. The cell that loads the extension has begun already.
    """

    def __init__(self, kernel_shell: Any) -> None:
        self._shell = kernel_shell
        self._begun = self._message()

    def enter(self) -> None:
        self._begun = self._message()

    def inside_a_cell(self) -> bool:
        return self._begun is not None and self._begun == self._message()

    def _message(self) -> str | None:
        header = (self._shell.get_parent() or {}).get("header", {})  # a kernel that has just begun has none
        message: str | None = header.get("msg_id")
        return message
