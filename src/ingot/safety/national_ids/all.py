"""All kinds of national numbers that are known."""

from __future__ import annotations

from ingot.safety.national_ids import americas, asia_africa_oceania, eastern_europe, northern_europe, western_europe

RULES = (
    *americas.RULES,
    *asia_africa_oceania.RULES,
    *eastern_europe.RULES,
    *northern_europe.RULES,
    *western_europe.RULES,
)
