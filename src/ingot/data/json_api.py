"""Questions to a service that answers in JSON, through core/fetch: for connectors to wikis and libraries."""

from __future__ import annotations

import contextlib
import json
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import ingot
from ingot.core.addresses import Target, read_url
from ingot.core.errors import InputError
from ingot.core.fetch import Answer, Fetcher, Network, Request

_JSON_BYTES = 64 << 20
_REASONS = {
    401: ("the credential is not accepted", "check the credential and that it has not expired"),
    403: ("the credential may not see this", "give its account the right to read"),
    404: ("it is not there, or the credential may not know of it", "check the names in the options"),
    410: ("it is gone", "run the same command again"),
    429: ("the service asks for more patience", "run the same command later: it goes on where it stopped"),
}


class StatusError(InputError):
    """The service answered, but not with what was asked for."""

    def __init__(self, target: Target, status: int) -> None:
        why, fix = _REASONS.get(status, (f"it answers {status}", "run the same command later: it goes on"))
        super().__init__("the service did not answer as it was asked to", where=target.shown, why=why, fix=fix)
        self.status = status


@contextlib.contextmanager
def as_described(where: str) -> Iterator[None]:
    """Turn an answer that lacks what its description promises into an error for people."""
    try:
        yield
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        raise InputError(
            "the service answers otherwise than its description says",
            where=where,
            why=f"{type(error).__name__}: {error}"[:200],
            fix="report it, with the version of the service",
        ) from error


class JsonApi:
    """Asks one service. `authorization` is the header's value; it is sent to `url` and to no other origin."""

    def __init__(
        self,
        url: str,
        network: Network,
        *,
        hosts: Iterable[str] = (),
        authorization: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        home = read_url(url)
        allowed = (*network.hosts, home.authority, *hosts)
        self.url = home.url.rstrip("/")
        self.authorization = authorization
        self._origin = home.origin
        self._headers = {"Accept": "application/json", **(headers or {})}
        bounded = Network(**{**vars(network), "hosts": allowed})
        self.fetcher = Fetcher(bounded, agent=f"ingot/{ingot.__version__}")

    def get(
        self, place: str, parameters: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Return what a GET answers. `place` is a path below the service's address, or a whole address of it."""
        query = urllib.parse.urlencode(parameters or {})
        url = self._absolute(place)
        return self._json(
            Request(url + (f"{'&' if '?' in url else '?'}{query}" if query else ""), headers=headers or {})
        )

    def post(self, place: str, content: Any) -> dict[str, Any]:
        """Return what a POST of JSON answers."""
        headers = {"Content-Type": "application/json"}
        return self._json(Request(self._absolute(place), "POST", headers, json.dumps(content).encode()))

    def post_form(self, place: str, fields: Mapping[str, str]) -> dict[str, Any]:
        """Return what a POST of a form answers."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._json(Request(self._absolute(place), "POST", headers, urllib.parse.urlencode(fields).encode()))

    @contextlib.contextmanager
    def bytes(self, place: str) -> Iterator[Answer]:
        """Give the answer to a GET of bytes, which may come from another allowed host by a redirect."""
        with self._asked(Request(self._absolute(place))) as answer:
            yield answer

    def _absolute(self, place: str) -> str:
        """Return a whole address. Raises InputError for one of another origin: an answer may name any."""
        url = place if "://" in place else self.url + place
        target = read_url(url)
        if target.origin != self._origin:
            raise InputError("the service names an address that is not its own", where=target.shown)
        return target.url

    def _json(self, request: Request) -> dict[str, Any]:
        with self._asked(replace(request, most_bytes=_JSON_BYTES)) as answer:
            content = answer.read()
            try:
                found = json.loads(content)
            except (ValueError, RecursionError) as error:
                where = answer.target.shown
                raise InputError("the service does not answer in JSON", where=where, why=str(error)[:200]) from None
        if not isinstance(found, dict):
            raise InputError("the service answers with something else", where=answer.target.shown)
        return found

    @contextlib.contextmanager
    def _asked(self, request: Request) -> Iterator[Answer]:
        headers = {**self._headers, **request.headers}
        with self.fetcher.open(replace(request, headers=headers, authorization=self.authorization)) as answer:
            if not answer.is_there:
                raise StatusError(answer.target, answer.status)
            yield answer
