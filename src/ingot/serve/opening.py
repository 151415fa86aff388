"""Waiting for a model that is being opened, without holding up anybody else."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future

from ingot.core.errors import BusyError, IngotError
from ingot.serve.refusal import Refusal

_RETRY_AFTER_SECONDS = 5


async def opened(opening: Future[None], seconds: float) -> None:
    """Wait until a model is open. Raises Refusal 503: it cannot be, there is no room now, or it takes too long."""
    try:
        async with asyncio.timeout(seconds):
            # Others wait for the same one: whoever gives up must not take it from them.
            await asyncio.shield(asyncio.wrap_future(opening))
    except TimeoutError:
        message = f"the model was not open within {seconds:g} seconds: try again later"
        raise Refusal(503, message, code="deadline_exceeded", retry_after=_RETRY_AFTER_SECONDS) from None
    except BusyError as error:
        message = f"{error.what}: ask again in a moment"
        raise Refusal(503, message, code="model_not_open", retry_after=_RETRY_AFTER_SECONDS) from None
    except IngotError as error:
        raise Refusal(503, f"the model cannot be opened: {error.what}", code="model_not_open") from None
