"""Speech to text. No model here hears yet, and the answer says so, in the words of the API that was spoken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException

from ingot.serve.doors import AUDIO
from ingot.serve.refusal import Refusal
from ingot.serve.routes.given import FILE, Caller, ServerHere, takes_form

_SOURCES = ("file", "file_id", "file_url")
_MOST_FIELDS = 40
_FORM: Mapping[str, Any] = {"model": {"type": "string", "minLength": 1}, "file": FILE}
_MORE: Mapping[str, Any] = {"language": {"type": "string"}, "response_format": {"type": "string"}}

router = APIRouter()


@router.post(AUDIO, openapi_extra=takes_form(_FORM, **_MORE))
async def transcribe(request: Request, server: ServerHere, caller: Caller) -> None:
    """Refuse: the form is read, so that what is wrong with it is said first."""
    try:
        async with request.form(max_files=1, max_fields=_MOST_FIELDS) as form:
            model, sources = form.get("model"), [form.get(name) for name in _SOURCES]
    except MultiPartException as error:
        raise Refusal(400, f"the form cannot be read: {error.message}") from None
    if not isinstance(model, str) or not model:
        message = "model is missing: send a form (multipart/form-data) with the name of a model in it"
        raise Refusal(400, message, param="model", code="missing_required_parameter")
    if not any(isinstance(one, str | UploadFile) for one in sources):
        raise Refusal(400, "file is missing: send the recording", param="file", code="missing_required_parameter")
    names = ", ".join(card.id for card in server.cards(caller))
    message = f"there is no audio model {model[:100]!r} here: no audio model is registered (served, for text: {names})"
    raise Refusal(404, message, param="model", code="model_not_found")
