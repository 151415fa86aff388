"""Answers of `/v1/responses`: items, each with events for its beginning, its growth and its end."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator, Sequence
from typing import Any

from ingot.serve.answers.reading import Call, Said
from ingot.serve.answers.voice import Answer
from ingot.serve.dialect import Finish
from ingot.serve.openai_api import error
from ingot.serve.refusal import Refusal
from ingot.serve.responses.request import ResponseRequest
from ingot.serve.wire.replies import WireUsage

_STATUS: dict[Finish, str] = {"stop": "completed", "tool_calls": "completed"}


class ResponseVoice:
    """Tells one response; what it told becomes its record."""

    def __init__(self, request: ResponseRequest, model_id: str) -> None:
        self._request, self._model = request, model_id
        self.id = f"resp_{secrets.token_hex(16)}"
        self.created = int(time.time())
        self.items: list[dict[str, Any]] = []
        self._finish: Finish | None = None
        self._number = 0

    def opening(self, index: int) -> Iterator[str]:
        """Yield what a stream begins with."""
        for kind in ("response.created", "response.in_progress"):
            yield self._event(kind, response=self.body("in_progress"))

    def part(self, index: int, said: Said) -> Iterator[str]:
        """Yield the events of what is said, called, and ended."""
        if said.text:
            yield from self._words(said.text)
        if said.call is not None:
            yield from self._end_message("completed")
            yield from self._call(said.call)
        if said.finish is not None:
            self._finish = said.finish
            if not self.items:
                yield from self._begin_message()
            yield from self._end_message(_STATUS.get(said.finish, "incomplete"))

    def closing(self, usage: WireUsage) -> Iterator[str]:
        """Yield the whole response as the last event."""
        status = self._status()
        yield self._event(f"response.{status}", response=self.body(status, usage))

    def failed(self, refusal: Refusal) -> Iterator[str]:
        """Yield the error, and the response that failed."""
        told = error(refusal)["error"]
        yield self._event("error", code=told["code"], message=told["message"], param=told["param"])
        failure = {"code": "server_error", "message": told["message"]}
        yield self._event("response.failed", response={**self.body("failed"), "error": failure})

    def whole(self, answers: Sequence[Answer], usage: WireUsage) -> str:
        """Return the whole response."""
        self.hear(answers)
        return json.dumps(self.body(self._status(), usage), ensure_ascii=False)

    def hear(self, answers: Sequence[Answer]) -> None:
        """Take in answers that were not streamed."""
        if self._finish is None:
            for answer in answers:
                for said in answer.parts:
                    for _ in self.part(answer.index, said):
                        pass

    def told(self, usage: WireUsage) -> dict[str, Any]:
        """Return the whole response."""
        return self.body(self._status(), usage)

    def body(self, status: str, usage: WireUsage | None = None) -> dict[str, Any]:
        """Return the response as it stands."""
        asked = self._request.model_dump(mode="json", by_alias=True)
        settings = {name: asked[name] for name in ("instructions", "max_output_tokens", "previous_response_id", "user")}
        is_cut = status == "incomplete"
        return {
            "id": self.id,
            "object": "response",
            "created_at": self.created,
            "status": status,
            "error": None,
            "incomplete_details": {"reason": "max_output_tokens"} if is_cut else None,
            **settings,
            "model": self._model,
            "output": self.items,
            "parallel_tool_calls": self._request.parallel_tool_calls is not False,
            "reasoning": {"effort": None, "summary": None},
            "store": self._request.store is not False,
            "temperature": 1.0 if self._request.temperature is None else self._request.temperature,
            "text": {"format": (asked["text"] or {}).get("format") or {"type": "text"}},
            "tool_choice": asked["tool_choice"] or "auto",
            "tools": asked["tools"] or [],
            "top_p": 1.0 if self._request.top_p is None else self._request.top_p,
            "truncation": "disabled",
            "usage": None if usage is None else _usage(usage),
            "metadata": self._request.metadata or {},
        }

    def _status(self) -> str:
        assert self._finish is not None, "a response is told once its answer is whole"
        return _STATUS.get(self._finish, "incomplete")

    def _words(self, text: str) -> Iterator[str]:
        if not self._is_speaking():
            yield from self._begin_message()
        content = self.items[-1]["content"][0]
        content["text"] += text
        yield self._event("response.output_text.delta", **self._place(), content_index=0, delta=text, logprobs=[])

    def _begin_message(self) -> Iterator[str]:
        item = {"id": f"msg_{secrets.token_hex(16)}", "type": "message", "status": "in_progress", "role": "assistant"}
        yield self._event("response.output_item.added", output_index=len(self.items), item={**item, "content": []})
        self.items.append({**item, "content": [{"type": "output_text", "text": "", "annotations": [], "logprobs": []}]})
        part = dict(self.items[-1]["content"][0])
        yield self._event("response.content_part.added", **self._place(), content_index=0, part=part)

    def _end_message(self, status: str) -> Iterator[str]:
        if not self._is_speaking():
            return
        item = self.items[-1]
        part, place = item["content"][0], self._place()
        yield self._event("response.output_text.done", **place, content_index=0, text=part["text"], logprobs=[])
        yield self._event("response.content_part.done", **place, content_index=0, part=part)
        item["status"] = status
        yield self._event("response.output_item.done", output_index=place["output_index"], item=item)

    def _call(self, call: Call) -> Iterator[str]:
        item = {"id": f"fc_{secrets.token_hex(16)}", "type": "function_call", "status": "in_progress"}
        item |= {"call_id": call.id, "name": call.name, "arguments": ""}
        yield self._event("response.output_item.added", output_index=len(self.items), item=item)
        self.items.append({**item, "status": "completed", "arguments": call.arguments})
        place = self._place()
        yield self._event("response.function_call_arguments.delta", **place, delta=call.arguments)
        yield self._event("response.function_call_arguments.done", **place, name=call.name, arguments=call.arguments)
        yield self._event("response.output_item.done", output_index=place["output_index"], item=self.items[-1])

    def _is_speaking(self) -> bool:
        return bool(self.items) and self.items[-1]["type"] == "message" and self.items[-1]["status"] == "in_progress"

    def _place(self) -> dict[str, Any]:
        return {"item_id": self.items[-1]["id"], "output_index": len(self.items) - 1}

    def _event(self, kind: str, **fields: Any) -> str:
        data = {"type": kind, "sequence_number": self._number, **fields}
        self._number += 1
        return f"event: {kind}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


def _usage(usage: WireUsage) -> dict[str, Any]:
    told = usage.model_dump()
    cached = told.get("prompt_tokens_details", {}).get("cached_tokens", 0)
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": 0},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.total_tokens,
        **{name: told[name] for name in ("energy", "cost") if name in told},
    }
