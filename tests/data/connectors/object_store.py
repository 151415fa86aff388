"""A server that speaks the S3 protocol (moto's) on loopback, and what it was asked."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

REGION = "eu-central-1"
# moto reads who it is and does not check the signature.
_AS_MAKER = f"AWS4-HMAC-SHA256 Credential=maker/20260101/{REGION}/s3/aws4_request, SignedHeaders=host, Signature=0"


class _Silent(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        """Say nothing: pytest shows what matters."""


class ObjectServer:
    """An S3 server with a bucket `docs`; `asked` lists (method, path, headers) of every request but those of `put`."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.fails: Callable[[str, str], bool] = lambda method, path: False
        self._is_recording = False
        self._application = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=_Silent)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def _answer(self, environment: dict[str, Any], start: Any) -> Iterable[bytes]:
        method, path = environment["REQUEST_METHOD"], environment["PATH_INFO"]
        if self._is_recording:
            headers = {name[5:].lower(): str(value) for name, value in environment.items() if name.startswith("HTTP_")}
            self.asked.append((method, path, headers))
            if self.fails(method, path):
                start("403 Forbidden", [("Content-Length", "0")])
                return [b""]
        answer: Iterable[bytes] = self._application(environment, start)
        return answer

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.port}"

    def fetched(self) -> list[str]:
        """Return the names of the objects that were asked for, sorted, and forget what was asked."""
        names = sorted(path.removeprefix("/docs/") for method, path, _ in self.asked if path != "/docs")
        self.asked.clear()
        return names

    def put(self, **objects: str) -> None:
        for name, text in objects.items():
            self.put_bytes(name.replace("__", "/") + ".txt", text.encode())

    def put_bytes(self, name: str, content: bytes, media_type: str = "binary/octet-stream") -> None:
        self._quietly("PUT", f"/docs/{name}", content, {"Content-Type": media_type})

    def remove(self, name: str) -> None:
        self._quietly("DELETE", f"/docs/{name}")

    def _quietly(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self._is_recording = False
        connection = http.client.HTTPConnection("127.0.0.1", self._server.port)
        connection.request(method, path, body, {"Authorization": _AS_MAKER, **(headers or {})})
        assert connection.getresponse().status < 300
        connection.close()
        self._is_recording = True

    def __enter__(self) -> ObjectServer:
        self._thread.start()
        self._quietly("POST", "/moto-api/reset")  # its buckets lie in this process, where the next server finds them
        place = (
            f"<CreateBucketConfiguration><LocationConstraint>{REGION}</LocationConstraint></CreateBucketConfiguration>"
        )
        self._quietly("PUT", "/docs", place.encode())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
