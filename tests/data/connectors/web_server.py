"""A web server on loopback that answers from a table and remembers what it was asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType


@dataclass(frozen=True)
class Asked:
    """A request that arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """What to say. `headers` may set a Content-Length of their own to lie about it."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


Answering = Callable[[Asked], Reply]


class WebServer:
    """Serves `answering` on 127.0.0.1 until the block ends; `asked` lists every request, `sent_bytes` counts bodies."""

    def __init__(self, answering: Answering) -> None:
        self.asked: list[Asked] = []
        self.sent_bytes = 0
        self.answering = answering
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = Asked(self.command, self.path, headers, body)
                outer.asked.append(asked)
                reply = outer.answering(asked)
                self.send_response(reply.status)
                for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                outer.sent_bytes += len(reply.body)
                self.wfile.write(reply.body if self.command != "HEAD" else b"")

            do_GET = do_HEAD = do_POST = do_PROPFIND = _answer

            def log_message(self, *_: object) -> None:
                """Say nothing: pytest shows what matters."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client may hang up
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def asked_for(self, path: str) -> list[Asked]:
        """Return the requests for a path, whatever their query."""
        return [asked for asked in self.asked if asked.path.partition("?")[0] == path]

    def __enter__(self) -> WebServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def from_table(pages: Mapping[str, Reply]) -> Answering:
    """Answer with the reply of a path, and 404 for every other."""
    return lambda asked: pages.get(asked.path, Reply(404, b"not here"))
