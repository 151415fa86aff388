"""Why a request gets no answer, in no dialect: each API has its own way of saying it."""

from __future__ import annotations

from collections.abc import Sequence

from ingot.core.errors import IngotError


class Refusal(Exception):
    """A refusal with its HTTP status.

    `param` is the place in the body as a path (`messages[0].role`), and `place` the same in its parts; a refusal of a
    body that could not be read has `kind`, the validator's word for what is wrong with it.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after: int = 0,
        place: Sequence[str | int] = (),
        kind: str = "",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.param = param
        self.code = code
        self.place = tuple(place)
        self.kind = kind
        self.headers = {"Retry-After": str(retry_after)} if retry_after else {}
        if status == 401:
            self.headers["WWW-Authenticate"] = "Bearer"


def in_a_sentence(error: IngotError) -> str:
    """Return what is wrong, why and what to do as one text, as the APIs have room for one: `what: why; do this`."""
    return "; ".join(filter(None, (": ".join(filter(None, (error.what, error.why))), error.fix)))
