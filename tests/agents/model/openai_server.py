"""A scripted chat model behind the OpenAI wire format on loopback, so that the real provider client talks to it."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Body = dict[str, Any]


@dataclass
class Reply:
    """One answer of the script: an assistant message, or a failure of the provider."""

    message: Body = field(default_factory=dict)
    status: int = 200
    delay: float = 0.0
    tokens: tuple[int, int] = (1000, 100)


def says(text: str) -> Reply:
    """Plain text."""
    return Reply({"role": "assistant", "content": text})


def calls(name: str, arguments: Body | str, *, number: int = 1, **more: Any) -> Reply:
    """A call of a tool; `arguments` as text is sent as it is, JSON or not."""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    call = {"id": f"call_{number}", "type": "function", "function": {"name": name, "arguments": text}}
    return Reply({"role": "assistant", "content": None, "tool_calls": [call]}, **more)


def answers(**answer: Any) -> Reply:
    """The final answer in the form that is asked for."""
    return calls("Answer", answer)


@dataclass
class Script:
    """Replies in order (the last one again and again), and the requests that came."""

    replies: Sequence[Reply | Callable[[Body], Reply]]
    requests: list[Body] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def next(self, request: Body) -> Reply:
        reply = self.replies[min(len(self.requests), len(self.replies) - 1)]
        self.requests.append(request)
        return reply(request) if callable(reply) else reply

    @property
    def prompt(self) -> str:
        """Everything that the first request said."""
        return "\n".join(str(message["content"]) for message in self.requests[0]["messages"])


@contextmanager
def served(script: Script) -> Iterator[str]:
    """Serve it on a free port of loopback; yields the base URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["content-length"])))
            script.headers.append({name.lower(): value for name, value in self.headers.items()})
            reply = script.next(request)
            time.sleep(reply.delay)
            body = _completion(request, reply) if reply.status == 200 else {"error": {"message": "no", "type": "x"}}
            data = json.dumps(body).encode()
            try:
                self.send_response(reply.status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.send_header("retry-after-ms", "1")
                self.end_headers()
                self.wfile.write(data)
            except (BrokenPipeError, ConnectionResetError):
                return  # the client gave up waiting: that is what some tests are about

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def _completion(request: Body, reply: Reply) -> Body:
    given, taken = reply.tokens
    reason = "tool_calls" if reply.message.get("tool_calls") else "stop"
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": request["model"],
        "choices": [{"index": 0, "message": reply.message, "finish_reason": reason}],
        "usage": {"prompt_tokens": given, "completion_tokens": taken, "total_tokens": given + taken},
    }
