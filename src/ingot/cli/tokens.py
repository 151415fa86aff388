"""`ingot data tokens`: what a vocabulary is worth on text it was not learned from, beside others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from ingot.cli.lookup import made_from
from ingot.cli.options import shared
from ingot.cli.show.json_lines import print_json_lines
from ingot.cli.show.tables import print_table
from ingot.core.storage import as_size

Facts = Mapping[str, Any]


@click.command()
@click.argument("name")
@shared
def tokens(name: str, home_path: str, as_json: bool, debug: bool) -> None:
    """Show what the tokenizer NAME, or the one NAME was made with, makes of text kept aside.

    Bytes per token and tokens per word (fertility), by language, parser and kind; what smaller vocabularies would have
    given; and, beside them, the tokenizer it was compared with and what public ones are known to do.
    """
    tokenizer = made_from(name, home_path, "Tokenizer")
    facts = tokenizer.facts
    if as_json:
        print_json_lines([{"tokenizer": tokenizer.reference, "path": str(tokenizer.path), **facts}])
        return
    terms = f", {facts['terms']:,} terms" if facts["terms"] else ""
    click.echo(f"{tokenizer.reference}  {tokenizer.path}")
    click.echo(f"{facts['vocabulary']:,} tokens{terms}, words cut as {facts['splitting']}\n")
    print_table(("on text kept aside", "text", "bytes per token", "tokens per word", "saved"), list(_worth(facts)))
    _print_beside(facts["beside"])
    click.echo()
    print_table(("vocabulary", "bytes per token"), [_size(each) for each in facts["bytes_per_token_by_vocabulary"]])
    _print_published(facts["published"])


def _worth(facts: Facts) -> Iterator[tuple[str, ...]]:
    """Yield a row for all text, and for each language, parser and kind of document."""
    beside = facts["beside"]
    whole = (as_size(facts["measured_bytes"]), f"{facts['bytes_per_token']:.2f}", f"{facts['tokens_per_word']:.2f}")
    yield ("all of it", *whole, _share(beside.get("saved")))
    saved = beside.get("saved_by_language", {})
    for group in ("language", "parser"):
        for name, each in facts[f"by_{group}"].items():
            rates = (as_size(each["bytes"]), f"{each['bytes_per_token']:.2f}", f"{each['tokens_per_word']:.2f}")
            yield (f"{group}: {name}", *rates, _share(saved.get(name)) if group == "language" else "")
    for name, rate in facts["bytes_per_token_by_kind"].items():
        yield (f"kind: {name}", "", f"{rate:.2f}", "", "")


def _print_beside(beside: Facts) -> None:
    if not beside:
        return
    rates = f"{beside['bytes_per_token']:.2f} bytes per token, {beside['tokens_per_word']:.2f} tokens per word"
    click.echo(f"\ncompared on the same text with a tokenizer of {beside['vocabulary']:,} tokens: {rates}")
    click.echo("saved: the share of its tokens that this one does without")


def _print_published(published: Facts) -> None:
    """Print what public tokenizers did on other texts: a rough measure to hold one's own against."""
    rates = published["bytes_per_token"]
    texts = list(dict.fromkeys(text for each in rates.values() for text in each))
    click.echo()
    rows = [(text, *(f"{each[text]:.2f}" if text in each else "" for each in rates.values())) for text in texts]
    print_table(("others, on other texts: bytes per token", *rates), rows)
    click.echo(f"source: {published['source']}")


def _size(each: Facts) -> tuple[str, str]:
    return f"{each['vocabulary']:,}", f"{each['bytes_per_token']:.2f}"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"
