"""What moderation can be about: eleven categories, and which of them another API's names mean.

The eleven are those that the Mistral API answers for; the OpenAI API has finer ones, each of which is told by one of
these or by none.
Sources: Mistral API reference, moderations; OpenAI API reference, moderations.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

Category = Literal[
    "sexual",
    "hate_and_discrimination",
    "violence_and_threats",
    "dangerous",
    "criminal",
    "selfharm",
    "health",
    "financial",
    "law",
    "pii",
    "jailbreaking",
]

CATEGORIES: tuple[Category, ...] = get_args(Category)

# The name in the OpenAI API -> the category that tells it. A threatening form of hate is told by its hate, so that
# it is never missed; whether it threatens, too, is in the category of threats.
OPENAI_CATEGORIES: Mapping[str, Category | None] = {
    "harassment": "hate_and_discrimination",
    "harassment/threatening": "violence_and_threats",
    "hate": "hate_and_discrimination",
    "hate/threatening": "hate_and_discrimination",
    "illicit": "criminal",
    "illicit/violent": "dangerous",
    "self-harm": "selfharm",
    "self-harm/instructions": "selfharm",
    "self-harm/intent": "selfharm",
    "sexual": "sexual",
    "sexual/minors": None,
    "violence": "violence_and_threats",
    "violence/graphic": "violence_and_threats",
}
