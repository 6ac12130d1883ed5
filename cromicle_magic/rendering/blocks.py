"""Source cut into blocks that are finished: each is read once, in steps whose time is bounded."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from markdown_it.token import Token

from cromicle_magic.rendering import parser
from cromicle_magic.rendering.cuts import cut
from cromicle_magic.rendering.resume import Resume, resumed


@dataclass(frozen=True)
class Piece:
    """Blocks that are finished, or a finished part of a block.

    Attributes
    ----------
    tokens : list of Token
        The blocks; their text is not read yet.
    size : int
        Characters of source.
    goes_on : str or None
        What of a block that was cut before goes on here, as in `Resume.kind`; ``None`` if none does.
    whole : bool
        Whether no block is cut at the beginning or the end.
    """

    tokens: list[Token]
    size: int
    goes_on: str | None
    whole: bool


@dataclass
class Reader:
    """Reads what is open, step by step.

    Parameters
    ----------
    window
        Characters that are read in one step; it bounds its time.
    longest
        Characters from which on a block that is not finished is cut; without it, as late as can be.
    references
        Link definitions, by label.
    """

    window: int
    longest: int | None = None
    references: dict[str, object] = field(default_factory=dict)
    resume: Resume = field(default_factory=Resume)

    def step(self, source: str, *, ended: bool = False) -> Piece | None:
        """Return what is finished at the beginning of `source`, or nothing if more must come first.

        Parameters
        ----------
        source
            All that is open.
        ended
            Whether nothing will come after it.
        """
        if ended and len(source) <= self.window:
            return self._rest(source) if source else None
        lines = source[: self.window].split("\n")
        full = len(source) >= self.window
        return self._complete(lines[:-1], full=full) or self._torn(lines, full=full)

    def tail(self, source: str, env: parser.Env) -> list[Token]:
        """Return the blocks of `source` as they would be if it ended here."""
        tokens = parser.blocks(self.resume.source + source, {**env, "references": self._scratch()})
        return resumed(tokens, self.resume)

    def _scratch(self) -> ChainMap[str, object]:
        return ChainMap({}, self.references)

    def _rest(self, source: str) -> Piece:
        tokens, found = self._parsed(source)
        self._commit(found, None)
        return self._piece(tokens, len(source))

    def _parsed(self, source: str, *, open_end: bool = False) -> tuple[list[Token], ChainMap[str, object]]:
        found = self._scratch()
        env = {"references": found, "open": open_end}
        return parser.blocks(self.resume.source + source, env), found

    def _complete(self, lines: Sequence[str], *, full: bool) -> Piece | None:
        """All blocks of complete lines but the last, which can go on; or a part of that if it is long."""
        if not any(lines):
            return None
        tokens, found = self._parsed(_source(lines), open_end=True)
        border = self._border(tokens, found)
        if border <= 0:
            return self._part(lines, tokens, full=full)
        self._commit(found, border)
        made_up = len(self.resume.lines)
        after = (index for index, token in enumerate(tokens) if _from(token, border + made_up))
        return self._piece(tokens[: next(after, None)], len(_source(lines[:border])))

    def _border(self, tokens: Sequence[Token], found: ChainMap[str, object]) -> int:
        """Return the line where the last block begins; a definition is a block that has no token."""
        # A formula without its end may yet turn out to be lines of the block before it.
        spans = [
            token.map for token in tokens if token.level == 0 and token.map and token.type != "math_open"
        ]
        covered = {line for first, end in spans for line in range(first, end)}
        starts = [first for first, _ in spans]
        starts += [line for line, _ in map(_lines, found.maps[0].values()) if line not in covered]
        return max(starts) - len(self.resume.lines) if len(starts) > 1 else 0

    @property
    def going_on(self) -> bool:
        """Whether a block was cut and its rest is to come."""
        return self.resume != Resume()

    def _piece(self, tokens: list[Token], size: int, rest: Resume | None = None) -> Piece:
        goes_on = self.resume.kind if self.going_on else None
        piece = Piece(resumed(tokens, self.resume), size, goes_on, goes_on is None and rest is None)
        self.resume = rest or Resume()
        return piece

    def _commit(self, found: ChainMap[str, object], border: int | None) -> None:
        for label, entry in found.maps[0].items():
            if border is None or _lines(entry)[1] <= border + len(self.resume.lines):
                self.references.setdefault(label, entry)

    def _part(self, lines: Sequence[str], tokens: Sequence[Token], *, full: bool) -> Piece | None:
        """A part of the one block that there is, if it is long enough."""
        size = len(_source(lines))
        if size * 2 < self.window if full else self.longest is None or size < self.longest:
            return None
        found = cut(tokens, lines, self.resume)
        if found:
            return self._cut(lines[: found.line], found.resume)
        # What cannot be cut so that it goes on is cut anyway: its rest is read as if it began there.
        return self._cut(lines, Resume()) if full else None

    def _torn(self, lines: Sequence[str], *, full: bool) -> Piece | None:
        """A line that goes on and on, cut at a blank, or anywhere."""
        last = lines[-1]
        if not full and (self.longest is None or len(last) < 2 * self.longest):
            return None
        blank = last.rfind(" ", len(last) // 2) + 1
        kept = [*lines[:-1], last[: blank or len(last)]]
        tokens, _ = self._parsed("\n".join(kept), open_end=True)
        found = cut(tokens, kept, self.resume, torn=True)
        rest = found.resume if found else Resume(("x",), "paragraph")
        if rest.kind == "paragraph" and not blank:
            rest = replace(rest, kind="word")
        return self._piece(tokens, len("\n".join(kept)), rest)

    def _cut(self, lines: Sequence[str], rest: Resume) -> Piece:
        tokens, _ = self._parsed(_source(lines), open_end=True)
        return self._piece(tokens, len(_source(lines)), rest)


def _source(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _lines(entry: object) -> tuple[int, int]:
    first, end = entry["map"]  # type: ignore[index]
    return first, end


def _from(token: Token, line: int) -> bool:
    return token.level == 0 and token.nesting >= 0 and token.map is not None and token.map[0] >= line
