"""The line under an answer."""

from __future__ import annotations

from cromicle_magic.exchange import Reply

_ENDINGS = {
    "complete": "complete",
    "stopped": "stopped",
    "truncated": "truncated",
    "failed": "failed",
    "unknown": "the end cannot be told from a break",
}


def footer(reply: Reply) -> str:
    """Return model, tokens, seconds, how it ended, and notes.

    It is empty where a failure brought no text: the error's own line says all.
    """
    if reply.status == "failed" and not reply.text:
        return ""
    who = reply.request.model or reply.request.provider.__name__
    ending = _ENDINGS[reply.status] if reply.text or reply.status != "complete" else "an empty answer"
    return " · ".join(filter(None, [who, _tokens(reply), _seconds(reply), ending, *reply.notes]))


def _tokens(reply: Reply) -> str:
    return f"{reply.usage.completion_tokens} tokens" if reply.usage else ""


def _seconds(reply: Reply) -> str:
    first, total = reply.timing.first_token, reply.timing.total
    if total is None:
        return ""
    return f"{total:.1f} s" if first is None else f"{total:.1f} s, the first after {first:.2f} s"
