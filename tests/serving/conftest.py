"""A gateway on a free port of loopback, over an engine that says what it is told."""

import contextlib
import threading
import time

import httpx2
import pytest

from yunque.inference.scripted_engine import ScriptedEngine
from yunque.serving.serve import Address, ServerSettings, make_server
from yunque.serving.tokens import Tokens

ANSWERS = {"def add(a, b):\n    return": " a + b\n\n\nprint(add(1, 2))", "long": "x" * 500}


@contextlib.contextmanager
def served(engine, tokens, **settings):
    """A running server; its URL."""
    address = Address(port=0)
    with address.listen() as listening:
        server = make_server(engine, tokens, address, ServerSettings(**settings))
        thread = threading.Thread(target=lambda: server.run(sockets=[listening]))
        thread.start()
        try:
            while not server.started:
                time.sleep(0.005)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def serving():
    """``with serving(engine, tokens, slots=…) as url``: a server that runs as long as the context."""
    return served


@pytest.fixture
def gateway(tmp_path):
    """``gateway(engine, slots=…)``: a client of a server that runs until the test ends."""
    with contextlib.ExitStack() as stack:

        def start(engine=None, *, tokens=None, **settings):
            engine = engine or ScriptedEngine(ANSWERS)
            url = stack.enter_context(
                served(engine, Tokens(tmp_path / "none.json") if tokens is None else tokens, **settings)
            )
            return stack.enter_context(httpx2.Client(base_url=url, timeout=20))

        yield start
