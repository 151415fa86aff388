"""Numbers as people read them: three significant digits, units always."""

from __future__ import annotations


def as_duration(seconds: float) -> str:
    """Return a duration for people.

    >>> as_duration(4), as_duration(200), as_duration(7260), as_duration(1_000_000)
    ('4 s', '3 min 20 s', '2 h 1 min', '11 days 13 h')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 2 * 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86_400} days {whole % 86_400 // 3600} h"


def as_number(value: float) -> str:
    """Return a count for people.

    >>> as_number(950), as_number(12_345), as_number(3_300_000)
    ('950', '12.3 k', '3.3 M')
    """
    for limit, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            scaled = value / (1e3 if unit == "k" else limit)
            return f"{scaled:.3g} {unit}"
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 100 else f"{value:.3g}"


def as_energy(joules: float | None, method: str) -> str:
    """Return energy with the word that says how it was found.

    >>> as_energy(7200, "estimated"), as_energy(None, "not measured")
    ('2 Wh (estimated)', 'energy not measured')
    """
    if joules is None:
        return "energy not measured"
    hours = joules / 3600
    amount = f"{hours:.3g} Wh" if hours < 1000 else f"{hours / 1000:,.3g} kWh"
    return f"{amount} ({method or 'estimated'})"
