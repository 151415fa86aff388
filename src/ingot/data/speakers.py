"""Are user and assistant swapped? Of one conversation nobody can tell; of a whole set its shape often can.

Two columns of a table that were taken for one another leave two traces: nearly every conversation begins with the
assistant and ends with the user, or nearly every answer is a question to which the user gave a statement. Both happen
in single honest conversations (a greeting first, a thank-you last, a question back), so only a set is judged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_FEWEST = 10  # conversations, below which nothing is said
_NEARLY_ALL, _MANY, _NEARLY_NONE = 0.9, 0.6, 0.05
_QUESTION_MARKS = ("?", "？", "؟")  # of the scripts that have their own
_NAMED = 3


@dataclass
class Speakers:
    """Counts who begins, who ends and who asks; `verdict` says what is wrong with the set, if anything is."""

    conversations: int = 0
    reversed_order: int = 0
    user_asks: int = 0
    assistant_asks: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, where: str, messages: Sequence[Mapping[str, Any]]) -> None:
        """Count one conversation."""
        spoken = [each for each in messages if each["role"] in ("user", "assistant")]
        first: dict[str, Any] = {}
        for each in spoken:
            first.setdefault(each["role"], each.get("content") or "")
        is_reversed = spoken[0]["role"] == "assistant" and spoken[-1]["role"] == "user"
        has_asked = {role: text.rstrip().endswith(_QUESTION_MARKS) for role, text in first.items()}
        self.conversations += 1
        self.reversed_order += is_reversed
        self.user_asks += has_asked.get("user", False)
        self.assistant_asks += has_asked.get("assistant", False)
        is_odd = is_reversed or (has_asked.get("assistant", False) and not has_asked.get("user", False))
        if is_odd and len(self.examples) < _NAMED:
            self.examples.append(where)

    @property
    def verdict(self) -> str:
        """Return in a sentence why user and assistant seem to be swapped, with the first rows; empty if they do not."""
        if self.conversations < _FEWEST:
            return ""
        rows = f" (first of them: {', '.join(self.examples)})"
        if self.reversed_order >= _NEARLY_ALL * self.conversations:
            told = f"the assistant begins and the user ends {self.reversed_order:,} of {self.conversations:,}"
            return f"user and assistant seem to be swapped: {told} conversations{rows}"
        asks = self.assistant_asks >= _MANY * self.conversations
        if asks and self.user_asks <= _NEARLY_NONE * self.conversations:
            told = f"the assistant's first words are a question in {self.assistant_asks:,} of {self.conversations:,}"
            return f"user and assistant seem to be swapped: {told}, the user's in {self.user_asks:,}{rows}"
        return ""
