"""A clean environment for every test."""

import signal
import socket

import hypothesis
import pytest

from cromicle_magic import config

# A busy machine is no fault of the code's.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")

# A job that a shell runs in the background inherits an ignored Ctrl+C, and so would what the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

REAL_CONNECT = socket.socket.connect


@pytest.fixture(autouse=True)
def clean_settings(monkeypatch, tmp_path):
    """No setting of the machine's owner reaches a test."""
    for key in config.KEYS:
        monkeypatch.delenv(f"CROMICLE_{key.upper()}", raising=False)
    monkeypatch.setattr(config, "path", lambda: tmp_path / "config.toml")
    yield
    config.forget_session()


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch):
    """A connection to anywhere but this machine fails the test."""

    def connect(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1"):
            raise AssertionError(f"a test connected to {address}")
        return REAL_CONNECT(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)
