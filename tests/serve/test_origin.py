from __future__ import annotations

from typing import Any

from ingot.serve.openai_api import ChatRequest, CompletionRequest, EmbeddingRequest
from ingot.serve.origin import origin_of
from ingot.serve.ports import Principal

ADA = Principal("ada")


def chat(*said: tuple[str, str], **fields: Any) -> ChatRequest:
    messages = [{"role": role, "content": content} for role, content in said]
    return ChatRequest.model_validate({"model": "acme", "messages": messages, **fields})


def test_a_conversation_is_known_by_what_a_person_said_first() -> None:
    first = origin_of(ADA, chat(("system", "It is 12:01."), ("user", "Hello")))
    later = origin_of(ADA, chat(("system", "It is 12:02."), ("user", "Hello"), ("assistant", "Hi"), ("user", "Bye")))
    other = origin_of(ADA, chat(("user", "Good day")))
    assert first.conversation() == later.conversation() != other.conversation()


def test_nothing_ties_together_what_has_no_person() -> None:
    assert origin_of(ADA, chat(("system", "Say something"))).conversation() == ""
    assert origin_of(ADA, CompletionRequest(model="acme", prompt="x")).conversation() == ""
    # An empty message is one, too.
    assert origin_of(ADA, chat(("user", ""))).conversation() != ""


def test_a_caller_is_the_key_and_the_person_behind_it() -> None:
    bodies = [
        chat(("user", "x")),
        chat(("user", "x"), user="eve"),
        EmbeddingRequest(model="acme", input="x", user="eve"),
    ]
    alone, eve, same = (origin_of(ADA, body).caller for body in bodies)
    assert alone != eve == same
    assert origin_of(Principal("bob"), bodies[1]).caller != eve
