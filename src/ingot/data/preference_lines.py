"""A line of a file of preferences: which of two answers to the same conversation is the better one.

Published sets write that in a few ways, and all of them are read:

    {"prompt": "...", "chosen": "...", "rejected": "..."}                  texts
    {"prompt": [messages], "chosen": [messages], "rejected": [messages]}   messages; `messages` is read as `prompt`
    {"chosen": [messages], "rejected": [messages]}                         both whole, the prompt in each
    {"input": {"messages": [...]}, "preferred_output": [...], "non_preferred_output": [...]}   as OpenAI has it
    {"chosen": "\\n\\nHuman: ...\\n\\nAssistant: ...", "rejected": "..."}     transcripts, as HH-RLHF has them

Where `score_chosen` and `score_rejected` stand beside them, they must say the same as the columns do: the chosen answer
has the higher one. By how much may count (train/objectives/preference, option `offset`).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingot.core.errors import InputError

CHOSEN, REJECTED = "chosen", "rejected"

_SPEAKERS = {"Human": "user", "Assistant": "assistant"}
_SPEAKER = re.compile(r"(?:\A|\n\n)(Human|Assistant): ?")
Messages = list[Mapping[str, Any]]


@dataclass(frozen=True)
class Preference:
    """Two whole conversations, of which the first ends better, and the tools that both could call.

    `difference` is that of their scores, where the file has some.
    """

    chosen: Messages
    rejected: Messages
    tools: Sequence[Mapping[str, Any]] = ()
    difference: float | None = None


def read_preference(line: bytes) -> Preference:
    """Return what a line prefers. Raises InputError or ValueError with the reason when it prefers nothing."""
    record = json.loads(line)
    if not isinstance(record, dict):
        raise InputError("the line is not a JSON object")
    record = _as_columns(record)
    difference = _difference(record)
    prompt = messages_of(record.get("prompt", record.get("messages")), "user", "prompt")
    if prompt and prompt[-1].get("role") == "assistant":
        raise InputError("the prompt ends with the assistant's turn: are the columns swapped?")
    answers = [_answer(prompt, record, name) for name in (CHOSEN, REJECTED)]
    if answers[0] == answers[1]:
        raise InputError("both answers are the same")
    if answers[0][:1] != answers[1][:1]:
        raise InputError("the two conversations begin differently, so there is nothing both answer to")
    return Preference(answers[0], answers[1], record.get("tools") or (), difference)


def _as_columns(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the record with the names that everybody else uses, where it has those of OpenAI's format."""
    given = record.get("input")
    if not isinstance(given, dict) or "preferred_output" not in record:
        return record
    names = {CHOSEN: "preferred_output", REJECTED: "non_preferred_output"}
    answers = {name: record.get(theirs) for name, theirs in names.items()}
    return {"prompt": given.get("messages"), "tools": given.get("tools"), **answers}


def _answer(prompt: Messages, record: Mapping[str, Any], name: str) -> Messages:
    """Return the conversation that ends with the answer of this name."""
    answer = messages_of(record.get(name), "assistant", name)
    if not answer:
        raise InputError(f"there is no answer in {name!r}")
    last = answer[-1]
    if last.get("role") != "assistant":
        raise InputError(
            f"{name!r} ends with a turn of {last.get('role')!r}, not of the assistant: are columns swapped?"
        )
    content = last.get("content")
    if not last.get("tool_calls") and not (isinstance(content, str) and content.strip()):
        raise InputError(f"the assistant says nothing in {name!r}")
    # Some sets repeat the prompt in both answers.
    if answer[0].get("role") in ("system", "user"):
        if prompt and not _begins_with(answer, prompt):
            raise InputError(f"the conversation in {name!r} does not begin with the prompt")
        return answer
    if not prompt:
        raise InputError("there is no prompt, and the answers do not hold it")
    return prompt + answer


def _begins_with(answer: Messages, prompt: Messages) -> bool:
    """Say whether the prompt stands in an answer; it may have had a system turn put before it."""
    asked = [message for message in prompt if message.get("role") != "system"]
    return [message for message in answer if message.get("role") != "system"][: len(asked)] == asked


def messages_of(given: Any, role: str, name: str) -> Messages:
    """Return messages; a text is one message of the role."""
    if isinstance(given, str):
        given.encode()  # JSON can write half a character, which is no text
        if spoken := _transcript(given):
            return spoken
        return [{"role": role, "content": given}] if given.strip() else []
    if given is None:
        return []
    if not isinstance(given, list) or not all(isinstance(message, dict) for message in given):
        raise InputError(f"{name!r} is neither a text nor a list of messages")
    return given


def _transcript(text: str) -> Messages:
    """Return the turns of a transcript that marks who speaks (Bai et al. 2022); none where a text is no transcript."""
    pieces = _SPEAKER.split(text)
    # A text that only mentions such a mark begins with something else.
    if pieces[0].strip() or len(pieces) < 3:
        return []
    speakers, said = pieces[1::2], pieces[2::2]
    return [{"role": _SPEAKERS[name], "content": each.strip()} for name, each in zip(speakers, said, strict=True)]


def _difference(record: Mapping[str, Any]) -> float | None:
    """Return by how much the chosen answer's score is higher; None where there are no scores."""
    scores = [record.get(f"score_{name}") for name in (CHOSEN, REJECTED)]
    if scores == [None, None]:
        return None
    for name, score in zip((CHOSEN, REJECTED), scores, strict=True):
        if isinstance(score, bool) or not isinstance(score, int | float) or not math.isfinite(score):
            raise InputError(f"'score_{name}' is {score!r}, which is no number")
    better, worse = (float(score) for score in scores if score is not None)
    if better < worse:
        raise InputError(f"the chosen answer has the lower score ({better:g} and {worse:g}): are columns swapped?")
    if better == worse:
        raise InputError(f"both answers have the score {better:g}, so neither is the better one")
    return better - worse
