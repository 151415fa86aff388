"""Guardrails as Mistral's API sends them with a conversation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ingot.serve.wire.fields import Asked

MOST_GUARDRAILS, _MOST_CATEGORIES = 8, 64
Threshold = Annotated[float, Field(ge=0, le=1)]


class Moderating(Asked):
    """Which policy looks, from which confidence on, and what happens then; without an action it is noted."""

    model_name: str | None = None
    custom_category_thresholds: Annotated[dict[str, Threshold | None], Field(max_length=_MOST_CATEGORIES)] | None = None
    ignore_other_categories: bool | None = None
    action: Literal["none", "block"] | None = None


class Guardrail(Asked):
    """One guardrail; both moderation models are policies here. With `block_on_error` a failed look is a 403."""

    block_on_error: bool | None = None
    moderation_llm_v1: Moderating | None = None
    moderation_llm_v2: Moderating | None = None


Guardrails = Annotated[list[Guardrail], Field(max_length=MOST_GUARDRAILS)]
