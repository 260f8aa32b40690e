"""HTTP servers on this machine for tests that fetch: no waiting for packets, and none for the end."""

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Quiet(BaseHTTPRequestHandler):
    """A handler that logs nothing and sends head and body at once."""

    wbufsize = -1

    def log_message(self, *arguments: object) -> None:
        """Nothing."""


@contextlib.contextmanager
def serve(handler: type[Quiet]) -> Iterator[tuple[ThreadingHTTPServer, str]]:
    """A server and its URL, without a slash at the end; it may be shut down before the block ends."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield server, f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
