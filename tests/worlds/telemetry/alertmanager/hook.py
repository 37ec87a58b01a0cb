"""A webhook receiver on loopback that keeps what it was sent, and can be told to refuse."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Hook:
    """What arrived, and how to answer next."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.statuses: list[int] = []
        self.arrived = threading.Condition()
        self.url = ""

    def wait_for(self, count: int, *, seconds: float) -> list[dict[str, Any]]:
        """Wait until so many bodies arrived. Raises TimeoutError."""
        with self.arrived:
            if not self.arrived.wait_for(lambda: len(self.bodies) >= count, timeout=seconds):
                raise TimeoutError(f"{len(self.bodies)} of {count} notifications after {seconds} s")
            return list(self.bodies)


@contextmanager
def listening() -> Iterator[Hook]:
    """Listen on a free port until the block ends."""
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with hook.arrived:
                status = hook.statuses.pop(0) if hook.statuses else 200
                hook.headers.append(dict(self.headers))
                if status == 200:
                    hook.bodies.append(body)
                hook.arrived.notify_all()
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hook.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield hook
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
