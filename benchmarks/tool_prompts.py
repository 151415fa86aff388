"""Requests that one of a few offered tools answers, in many wordings, with values that were made up for each.

A tool has a schema as BFCL writes them, and wordings in which somebody asks for it; `{city}` in one of them stands for
a value. Requests to measure on have nothing of the training's: their wordings were set apart (`UNSEEN` of each tool),
and so were the values, by their hash. Which parts of a request are arguments is what a model has to find out; that it
writes a name it has never seen shows that it copies and does not remember.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from ingot.tokenizer.chat import Message

UNSEEN = 2  # wordings of every tool that are only measured on
_APART = 8  # one value of so many is only measured on
_OPENINGS = ("", "", "", "Please ", "Could you ", "Can you ", "I need you to ", "Would you ", "Hi! Please ", "Now ")
_ENDINGS = ("", "", ".", ".", " please.", ", thanks.", " today.", ", and be quick.")
_SYLLABLES = (
    *("ba", "be", "bor", "da", "del", "do", "fa", "fen", "ga", "gor", "ha", "hel", "ja", "jo", "ka", "kel", "kir"),
    *("la", "len", "lo", "ma", "mel", "mor", "na", "nel", "no", "pa", "per", "ra", "ren", "ro", "sa", "sel", "so"),
    *("ta", "tel", "tor", "va", "vel", "vi", "wa", "wen", "ya", "za", "zel"),
)
_WORDS = (
    *("the", "boat", "meeting", "is", "late", "early", "we", "move", "to", "room", "bring", "your", "keys", "lunch"),
    *("at", "noon", "never", "mind", "call", "me", "back", "paper", "has", "arrived", "train", "was", "slow", "new"),
    *("plan", "for", "garden", "door", "stays", "open", "closed", "team", "wins", "again", "rain", "comes", "soon"),
)

Lot = random.Random
Draw = Callable[[Lot], Any]


@dataclass(frozen=True)
class Tool:
    """A tool: its schema for the conversation, how each argument is drawn, and the wordings, unseen ones last."""

    name: str
    description: str
    arguments: Mapping[str, tuple[Mapping[str, Any], Draw]]
    wordings: Sequence[str]

    @property
    def schema(self) -> dict[str, Any]:
        """Return the tool as it is offered; what not every wording names may be left out of a call."""
        named = {name: spec for name, (spec, _) in self.arguments.items()}
        required = [name for name in named if all(f"{{{name}}}" in wording for wording in self.wordings)]
        parameters = {"type": "object", "properties": named, "required": required}
        return {"name": self.name, "description": self.description, "parameters": parameters}


@dataclass(frozen=True)
class Request:
    """What somebody says, and the call that answers it."""

    text: str
    name: str
    arguments: Mapping[str, Any]


def requests(tools: Sequence[Tool], is_unseen: bool, lot: Lot) -> Iterator[Request]:
    """Yield requests without end: of the training's wordings and values, or of the others alone."""
    while True:
        tool = lot.choice(tools)
        wording = lot.choice(tool.wordings[-UNSEEN:] if is_unseen else tool.wordings[:-UNSEEN])
        named = [name for name in tool.arguments if f"{{{name}}}" in wording]
        values = {name: _drawn(tool.arguments[name], is_unseen, lot) for name in named}
        said = lot.choice(_OPENINGS) + wording.format(**values) + lot.choice(_ENDINGS)
        yield Request(said[0].upper() + said[1:], tool.name, values)


def offered(tools: Sequence[Tool], needed: str, lot: Lot) -> list[dict[str, Any]]:
    """Return the needed tool among one or two others, in any order."""
    others = [tool for tool in tools if tool.name != needed]
    chosen = [*lot.sample(others, lot.randint(1, 2)), *(tool for tool in tools if tool.name == needed)]
    lot.shuffle(chosen)
    return [tool.schema for tool in chosen]


def conversations(tools: Sequence[Tool], lot: Lot) -> Iterator[dict[str, Any]]:
    """Yield conversations to learn from, as a file of them holds: request, call, result, words; up to six times."""
    asked = requests(tools, False, lot)
    while True:
        first = next(asked)
        schemas = offered(tools, first.name, lot)
        names = {schema["name"] for schema in schemas}
        some = [tool for tool in tools if tool.name in names]
        rest = requests(some, False, lot)
        turns: list[Message] = []
        for request in (first, *(next(rest) for _ in range(lot.randrange(6)))):
            call = {"function": {"name": request.name, "arguments": dict(request.arguments)}}
            turns += [
                {"role": "user", "content": request.text},
                {"role": "assistant", "content": "", "tool_calls": [call]},
                {"role": "tool", "content": '{"ok": true}'},
                {"role": "assistant", "content": "Done."},
            ]
        yield {"messages": turns, "tools": schemas}


def is_apart(value: Any) -> bool:
    """Say whether a value is only measured on."""
    return blake2b(repr(value).encode(), digest_size=2).digest()[0] % _APART == 0


def _drawn(argument: tuple[Mapping[str, Any], Draw], is_unseen: bool, lot: Lot) -> Any:
    spec, draw = argument
    while True:
        value = draw(lot)
        # The few words of an enumeration are the same for all.
        if "enum" in spec or is_apart(value) == is_unseen:
            return value


def _name(lot: Lot) -> str:
    return "".join(lot.choice(_SYLLABLES) for _ in range(lot.randint(2, 3))).capitalize()


def _date(lot: Lot) -> str:
    return f"20{lot.randrange(24, 40)}-{lot.randrange(1, 13):02}-{lot.randrange(1, 29):02}"


def _sentence(lot: Lot) -> str:
    return " ".join(lot.choice(_WORDS) for _ in range(lot.randint(2, 6)))


def _text(draw: Draw) -> tuple[Mapping[str, Any], Draw]:
    return {"type": "string"}, draw


def _whole(least: int, most: int) -> tuple[Mapping[str, Any], Draw]:
    return {"type": "integer"}, lambda lot: lot.randint(least, most)


def _one_of(*words: str) -> tuple[Mapping[str, Any], Draw]:
    return {"type": "string", "enum": list(words)}, lambda lot: lot.choice(words)


TOOLS = (
    Tool(
        "get_weather",
        "The weather in a city.",
        {"city": _text(_name), "unit": _one_of("celsius", "fahrenheit"), "day": _text(_date)},
        (
            "tell me the weather in {city}",
            "what is the weather in {city} on {day}",
            "give me the weather for {city} in {unit}",
            "look up the weather of {city} for {day} in {unit}",
            "show the weather in {city} in {unit}",
            "on {day}, how is the weather in {city}",
            "check how warm the weather of {city} is, in {unit}",
            "say in {unit} what weather {city} has",
            "in {unit}, tell me what the weather in {city} is on {day}",
            "find the weather for {city}",
        ),
    ),
    Tool(
        "send_message",
        "Send a message to a person.",
        {"person": _text(_name), "text": _text(_sentence)},
        (
            'send {person} the message "{text}"',
            'send a message to {person}: "{text}"',
            'tell {person} "{text}" in a message',
            'write "{text}" to {person}',
            'let {person} have this message: "{text}"',
            'message {person} with "{text}"',
            'send "{text}" to {person}',
            'write a message to {person} that says "{text}"',
            'message "{text}" to {person}',
            'write {person} this: "{text}"',
        ),
    ),
    Tool(
        "book_table",
        "Book a table in a restaurant.",
        {"restaurant": _text(_name), "people": _whole(1, 24), "day": _text(_date)},
        (
            "book a table for {people} at {restaurant} on {day}",
            "reserve a table at {restaurant} for {people} people on {day}",
            "on {day}, book {restaurant} for {people} people",
            "get us a table at {restaurant}, {people} people, {day}",
            "a table for {people} people on {day} at {restaurant}",
            "at {restaurant}, reserve for {people} on {day}",
            "we are {people} people and want to eat at {restaurant} on {day}",
            "reserve {restaurant} on {day} for {people}",
            "on {day}, reserve a table for {people} people at {restaurant}",
            "book {restaurant} on {day}, {people} people",
        ),
    ),
    Tool(
        "transfer_money",
        "Transfer money to an account.",
        {"account": _text(_name), "amount": _whole(10, 9999), "currency": _one_of("euros", "dollars", "pounds")},
        (
            "transfer {amount} {currency} to {account}",
            "pay {account} {amount} {currency}",
            "send {amount} {currency} to the account {account}",
            "move {amount} {currency} over to {account}",
            "give {account} {amount} {currency} from my account",
            "I owe {account} {amount} {currency}, transfer it",
            "make a transfer of {amount} {currency} to {account}",
            "to {account}, transfer {amount} {currency}",
            "pay {amount} {currency} to the account {account}",
            "transfer to {account} {amount} {currency}",
        ),
    ),
    Tool(
        "set_timer",
        "Set a timer.",
        {"minutes": _whole(1, 240), "label": _text(_name)},
        (
            "set a timer for {minutes} minutes",
            "start a timer of {minutes} minutes called {label}",
            "wake me in {minutes} minutes",
            "set the timer {label} to {minutes} minutes",
            "begin a {minutes} minute timer named {label}",
            "a timer of {minutes} minutes",
            "time {minutes} minutes for me under the name {label}",
            "start a timer that ends in {minutes} minutes",
            "set a timer named {label} for {minutes} minutes",
            "start a {minutes} minute timer",
        ),
    ),
    Tool(
        "find_flight",
        "Find flights between two cities.",
        {
            "origin": _text(_name),
            "destination": _text(_name),
            "day": _text(_date),
            "cabin": _one_of("economy", "first"),
        },
        (
            "find a flight from {origin} to {destination} on {day}",
            "I want to fly from {origin} to {destination} on {day} in {cabin} class",
            "search flights to {destination} from {origin} for {day}",
            "on {day}, find a {cabin} class flight from {origin} to {destination}",
            "look for a flight that leaves {origin} for {destination} on {day}",
            "fly me to {destination} on {day}; I start in {origin}",
            "show {cabin} class flights from {origin} to {destination} on {day}",
            "which flights go from {origin} to {destination} on {day}",
            "on {day}, search a flight from {origin} to {destination}",
            "find {cabin} class flights to {destination} from {origin} on {day}",
        ),
    ),
    Tool(
        "create_ticket",
        "Open a support ticket.",
        {"title": _text(_sentence), "priority": _one_of("low", "normal", "high"), "owner": _text(_name)},
        (
            'open a ticket "{title}" with {priority} priority',
            'create a {priority} priority ticket called "{title}" for {owner}',
            'file "{title}" as a {priority} priority ticket',
            'make a ticket for {owner}: "{title}", {priority} priority',
            'there is a problem, "{title}": open a {priority} priority ticket',
            'the ticket "{title}" goes to {owner} with {priority} priority',
            'open a {priority} priority ticket for {owner} named "{title}"',
            'add a ticket of {priority} priority: "{title}"',
            'create a ticket "{title}" for {owner} with {priority} priority',
            'open a {priority} priority ticket: "{title}"',
        ),
    ),
    Tool(
        "play_song",
        "Play a song of an artist.",
        {"song": _text(_sentence), "artist": _text(_name), "volume": _whole(1, 100)},
        (
            'play "{song}" by {artist}',
            'put on "{song}" of {artist} at volume {volume}',
            'I want to hear {artist} with "{song}"',
            'play the song "{song}" by {artist} at volume {volume}',
            'start "{song}" from {artist}',
            'let me hear "{song}" by {artist}, volume {volume}',
            'at volume {volume}, play "{song}" of {artist}',
            'put {artist} on, the song is "{song}"',
            'play {artist} with the song "{song}"',
            'at volume {volume}, put on "{song}" by {artist}',
        ),
    ),
)
