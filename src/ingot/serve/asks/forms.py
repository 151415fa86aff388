"""The form an answer is held to: some JSON, JSON that follows a schema, or a call of one of the tools.

Schemas come from callers. Each is read against what can be enforced before any work starts, and what was generated is
checked against it before it is answered; nothing is ignored silently.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ingot.core.errors import InputError
from ingot.infer.grammars.drafts import draft_of
from ingot.infer.schema_reader import SchemaReader
from ingot.serve.asks.asked import Calling
from ingot.serve.refusal import Refusal, in_a_sentence
from ingot.serve.wire.chat import ResponseFormat, Tool, ToolNamed

SCHEMAS = SchemaReader()
ANY_OBJECT: Mapping[str, Any] = {"type": "object"}


def schema_of(form: ResponseFormat | None) -> Mapping[str, Any] | None:
    """Return the schema of the answer, or None for free text. Raises Refusal for one that cannot be followed."""
    if form is None or form.type == "text":
        return None
    if form.type == "json_object":
        return ANY_OBJECT
    if form.json_schema is None:
        message = "response_format.json_schema is missing: add it"
        raise Refusal(400, message, param="response_format.json_schema", code="missing_required_parameter")
    return checked(form.json_schema.schema_, "response_format.json_schema.schema")


def checked(schema: Mapping[str, Any], param: str) -> Mapping[str, Any]:
    """Return a schema every part of which can be enforced. Raises Refusal naming the first that cannot."""
    try:
        SCHEMAS.check(schema)
    except InputError as error:
        message = in_a_sentence(error)
        raise Refusal(400, message, param=f"{param}{error.where}", code="invalid_schema") from None
    return schema


def calling_of(
    tools: Sequence[Tool], choice: str | ToolNamed | None, is_parallel: bool
) -> tuple[Calling | None, list[Tool]]:
    """Return which tools may be called and how, and those the model is told of. Raises Refusal for a wrong choice."""
    names = [tool.function.name for tool in tools]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise Refusal(400, f"two tools are called {min(twice)!r}: rename one", param="tools", code="invalid_value")
    if isinstance(choice, ToolNamed) and choice.function.name not in names:
        message = f"tool_choice names {choice.function.name!r}, but the tools are: {', '.join(names) or 'none'}"
        raise Refusal(400, message, param="tool_choice", code="invalid_value")
    if not tools:
        if choice not in (None, "none", "auto"):
            raise Refusal(400, "tool_choice needs tools", param="tool_choice", code="invalid_value")
        return None, []
    if choice == "none":
        return None, list(tools)
    parameters = {
        tool.function.name: checked(tool.function.parameters or ANY_OBJECT, f"tools[{place}].function.parameters")
        for place, tool in enumerate(tools)
    }
    if choice in (None, "auto"):
        return Calling("open", parameters, is_parallel), list(tools)
    if isinstance(choice, ToolNamed):
        parameters = {choice.function.name: parameters[choice.function.name]}
    return Calling("forced", parameters, is_parallel), list(tools)


def call_schema(calling: Calling) -> Mapping[str, Any]:
    """Return the schema of one call of any of the tools: its name with its own arguments."""
    definitions: dict[str, Any] = {}
    calls = [
        {
            "type": "object",
            "properties": {"name": {"const": name}, "arguments": _placed(parameters, str(number), definitions)},
            "required": ["name", "arguments"],
            "additionalProperties": False,
        }
        for number, (name, parameters) in enumerate(calling.parameters.items())
    ]
    whole: dict[str, Any] = calls[0] if len(calls) == 1 else {"anyOf": calls}
    return {"$schema": _DRAFTS[_LATEST], **whole, "$defs": definitions} if definitions else whole


def _placed(parameters: Mapping[str, Any], name: str, definitions: dict[str, Any]) -> Mapping[str, Any]:
    """Return the schema of arguments; one that refers to parts of itself, or names its draft, moves to `definitions`.

    There it is a document of its own, in which its references mean what they did.
    """
    draft = draft_of(parameters)
    if draft == _LATEST and not _WORDS_OF_DOCUMENTS & set(_words(parameters)):
        return parameters
    named = {"$schema": _DRAFTS[draft], **parameters}
    own = "id" if draft == 4 else "$id"
    definitions[name] = {**named, own: f"http://tool-{name}.invalid/"}
    return {"$ref": f"#/$defs/{name}"}


_LATEST = 2020
_WORDS_OF_DOCUMENTS = {"$ref", "$schema", "$id", "id"}
_DRAFTS = {
    4: "http://json-schema.org/draft-04/schema#",
    6: "http://json-schema.org/draft-06/schema#",
    7: "http://json-schema.org/draft-07/schema#",
    2019: "https://json-schema.org/draft/2019-09/schema",
    2020: "https://json-schema.org/draft/2020-12/schema",
}


def _words(schema: Any) -> Iterator[str]:
    inside = schema.values() if isinstance(schema, Mapping) else schema if isinstance(schema, list) else ()
    yield from schema if isinstance(schema, Mapping) else ()
    for one in inside:
        yield from _words(one)
