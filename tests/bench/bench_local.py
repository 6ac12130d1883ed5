"""How fast the local model answers beside the engine driven raw: `python tests/bench/bench_local.py`.

Three ways to the same answer take turns: xllamacpp called directly, `Local.create_async_generator`,
and `cromicle_magic.ask`. Each request has a system message of its own, so none finds its prompt in
the engine's cache. Speed is counted from the first token on. Run it on a quiet machine.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from contextlib import aclosing
from statistics import median

import cromicle_magic
from cromicle_magic.messages import Message, Messages, Usage
from cromicle_magic.providers import engine, weights
from cromicle_magic.providers.local import Local

ROUNDS = 15
OPTIONS = {"temperature": 0, "max_tokens": 64}

Figures = tuple[float, float, float]
"""Seconds to the first token, seconds in all, tokens."""

_numbers = itertools.count(100)


def asked() -> Messages:
    return [
        Message(role="system", content=f"{next(_numbers)} is your number. You are a helpful assistant."),
        Message(role="user", content="Tell me a long story about a fox who lives in a city."),
    ]


def raw(server) -> Figures:
    times, usages = [], []

    def take(chunk) -> bool:
        if any(choice["delta"].get("content") for choice in chunk["choices"]):
            times.append(time.perf_counter())
        usages.append(chunk.get("usage"))
        return False

    request = {"messages": asked(), "stream": True, "stream_options": {"include_usage": True}, **OPTIONS}
    started = time.perf_counter()
    server.handle_chat_completions(request, take)
    return times[0] - started, time.perf_counter() - started, usages[-1]["completion_tokens"]


async def through_local() -> Figures:
    first = tokens = 0.0
    started = time.perf_counter()
    async with aclosing(Local.create_async_generator("", asked(), **OPTIONS)) as events:
        async for event in events:
            if isinstance(event, str):
                first = first or time.perf_counter() - started
            elif isinstance(event, Usage):
                tokens = event.completion_tokens
    return first, time.perf_counter() - started, tokens


def through_ask() -> Figures:
    started = time.perf_counter()
    reply = cromicle_magic.ask(asked(), provider="local", **OPTIONS)
    return reply.timing.first_token, time.perf_counter() - started, reply.usage.completion_tokens


def measure() -> dict[str, list[Figures]]:
    file = weights.pull()
    started = time.perf_counter()
    import xllamacpp  # noqa: F401

    imported = time.perf_counter()
    server = engine._load(file)
    loaded = time.perf_counter()
    print(f"import of the engine {imported - started:.2f} s, load of the weights {loaded - imported:.2f} s")
    ways = {
        "raw": lambda: raw(server),
        "Local": lambda: asyncio.run(through_local()),
        "ask": through_ask,
    }
    figures: dict[str, list[Figures]] = {name: [] for name in ways}
    for turn in range(ROUNDS + 1):
        for name in [*ways][turn % 3 :] + [*ways][: turn % 3]:
            figure = ways[name]()
            if turn:  # the first turn loads and warms up
                figures[name].append(figure)
    return figures


def main() -> None:
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.2f}, {ROUNDS} rounds, {OPTIONS}")
    figures = measure()
    print("way     first token ms (min to max)   ratio     tokens/s (min to max)   ratio")
    base: tuple[float, float] | None = None
    for name, runs in figures.items():
        firsts = [first * 1000 for first, _, _ in runs]
        rates = [(tokens - 1) / (total - first) for first, total, tokens in runs]
        base = base or (median(firsts), median(rates))
        print(
            f"{name:6} {median(firsts):10.0f} ({min(firsts):4.0f} to {max(firsts):4.0f})"
            f"{median(firsts) / base[0]:13.2f} {median(rates):11.1f} ({min(rates):5.1f} to {max(rates):5.1f})"
            f"{median(rates) / base[1]:8.2f}"
        )


if __name__ == "__main__":
    main()
