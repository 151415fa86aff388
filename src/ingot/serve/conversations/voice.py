"""Answers in a conversation: entries, whole or as they grow."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from ingot.serve.answers.reading import Said
from ingot.serve.answers.voice import Answer
from ingot.serve.conversations.agent import as_time
from ingot.serve.kept import new_id, now
from ingot.serve.refusal import Refusal
from ingot.serve.wire.replies import WireUsage


class ConversationVoice:
    """Tells what is added to one conversation; `entries` are what it told."""

    def __init__(self, conversation_id: str, model_id: str, agent_id: str | None) -> None:
        self._id = conversation_id
        self._origin = {"model": model_id, "agent_id": agent_id}
        self.entries: list[dict[str, Any]] = []
        self._is_over = False

    def opening(self, index: int) -> Iterator[str]:
        """Yield what a stream begins with."""
        yield self._event("conversation.response.started", conversation_id=self._id)

    def part(self, index: int, said: Said) -> Iterator[str]:
        """Yield what is said and called."""
        if said.text:
            if not self.entries or self.entries[-1]["type"] != "message.output":
                self._add("msg_", type="message.output", role="assistant", content="")
            self.entries[-1]["content"] += said.text
            yield self._told("message.output.delta", content=said.text, content_index=0, role="assistant")
        if said.call is not None:
            made = {"tool_call_id": said.call.id, "name": said.call.name, "arguments": said.call.arguments}
            self._add("fc_", type="function.call", **made)
            yield self._told("function.call.delta", **made)
        self._is_over = self._is_over or said.finish is not None

    def closing(self, usage: WireUsage) -> Iterator[str]:
        """Yield what ends a stream."""
        yield self._event("conversation.response.done", usage=usage.model_dump())

    def failed(self, refusal: Refusal) -> Iterator[str]:
        """Yield the error."""
        yield self._event("conversation.response.error", message=refusal.message, code=refusal.status)

    def whole(self, answers: Sequence[Answer], usage: WireUsage) -> str:
        """Return all that was added."""
        self.hear(answers)
        told = {"object": "conversation.response", "conversation_id": self._id, "outputs": self.entries}
        return json.dumps({**told, "usage": usage.model_dump()}, ensure_ascii=False)

    def hear(self, answers: Sequence[Answer]) -> None:
        """Take in answers that were not streamed."""
        if not self._is_over:
            for answer in answers:
                for said in answer.parts:
                    for _ in self.part(answer.index, said):
                        pass

    def _add(self, prefix: str, **fields: Any) -> None:
        at = as_time(now())
        entry = {"id": new_id(prefix), "object": "entry", **fields, **self._origin}
        self.entries.append({**entry, "created_at": at, "completed_at": at})

    def _told(self, kind: str, **fields: Any) -> str:
        place = {"id": self.entries[-1]["id"], "output_index": len(self.entries) - 1}
        return self._event(kind, **place, **fields, **self._origin)

    def _event(self, kind: str, **fields: Any) -> str:
        data = {"type": kind, "created_at": as_time(now()), **fields}
        return f"event: {kind}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"
