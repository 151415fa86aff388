"""Run Presidio's recognisers over texts: used by `data_personal` in an environment of its own.

    python presidio_child.py < {"speed": [...], "quality": [...], "rounds": 5}
                             > {"cpu_seconds": ..., "findings": [[...], ...]}

The recognisers are those Presidio enables for English, without its language model: what it does for a person's name
needs one, what it does for numbers and addresses does not. Nothing is fetched: the public suffix list is the one that
comes with tldextract.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import warnings
from typing import Any

logging.disable(logging.CRITICAL)
warnings.filterwarnings("ignore")

import tldextract  # type: ignore[import-not-found]  # noqa: E402  # only in the environment this child runs in
from presidio_analyzer import RecognizerRegistry  # type: ignore[import-not-found]  # noqa: E402

MODELS = ("SpacyRecognizer", "StanzaRecognizer", "TransformersRecognizer")


def recognisers() -> list[Any]:
    """Return the enabled recognisers that need no model."""
    offline = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    tldextract.extract = tldextract.tldextract.TLD_EXTRACTOR = offline
    registry = RecognizerRegistry(supported_languages=["en"])
    registry.load_predefined_recognizers(languages=["en"])
    return [each for each in registry.recognizers if type(each).__name__ not in MODELS]


def findings(text: str, chosen: list[Any]) -> list[list[Any]]:
    """Return start, end, type and score of everything found in a text."""
    results = (found for each in chosen for found in each.analyze(text, each.supported_entities, None) or [])
    return [[found.start, found.end, found.entity_type, found.score] for found in results]


def seconds(texts: list[str], chosen: list[Any]) -> float:
    """Return the CPU-seconds of one round over texts."""
    began = time.process_time()
    for text in texts:
        findings(text, chosen)
    return time.process_time() - began


def main() -> None:
    """Answer the texts on standard input."""
    texts = json.load(sys.stdin)
    chosen = recognisers()
    findings(texts["quality"][0] if texts["quality"] else "", chosen)
    spent = min(seconds(texts["speed"], chosen) for _ in range(texts["rounds"]))
    found = [findings(text, chosen) for text in texts["quality"]]
    names = sorted(type(each).__name__ for each in chosen)
    print(json.dumps({"cpu_seconds": spent, "findings": found, "recognisers": names}))


if __name__ == "__main__":
    main()
