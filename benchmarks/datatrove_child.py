"""datatrove's side of data_curation, in its own environment's interpreter: a batch of texts a line, an answer a line.

A request is {"texts": [...], "is_chain": bool}. The answer holds the reason each filter refuses each text for (null: it
passes) and the CPU-seconds that all filters and the MinHash signatures took. In a chain a text goes no further than the
first filter that refuses it.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from typing import Any

# The library is only in the environment that this child runs in.
from datatrove.data import Document  # type: ignore[import-not-found]
from datatrove.pipeline.dedup.minhash import (  # type: ignore[import-not-found]
    MinhashConfig,
    MinhashDedupSignature,
)
from datatrove.pipeline.filters import (  # type: ignore[import-not-found]
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)

FILTERS: dict[str, Any] = {
    "gopher_quality": GopherQualityFilter(),
    "gopher_repetition": GopherRepetitionFilter(),
    "c4": C4QualityFilter(),
    "fineweb": FineWebQualityFilter(),
}


def reason(name: str, text: str) -> str | None:
    """Return why a filter refuses a text; a division by zero counts as a refusal."""
    try:
        verdict = FILTERS[name].filter(Document(text=text, id="0"))
    except ZeroDivisionError:
        return "division by zero"
    return None if verdict is True else str(verdict[1])


def main() -> None:
    """Answer until there are no more requests."""
    signer = MinhashDedupSignature(tempfile.mkdtemp(), MinhashConfig())
    for line in sys.stdin:
        request = json.loads(line)
        reasons: dict[str, list[str | None]] = {name: [] for name in FILTERS}
        seconds = {"filters": 0.0, "signatures": 0.0}
        for text in request["texts"]:
            start = time.process_time()
            is_refused = False
            for name, found in reasons.items():
                if is_refused and request["is_chain"]:
                    break
                found.append(reason(name, text))
                is_refused = is_refused or found[-1] is not None
            seconds["filters"] += time.process_time() - start
            if is_refused and request["is_chain"]:
                continue
            start = time.process_time()
            shingles = signer.get_shingles(text)
            if shingles.size:
                signer.get_signature(shingles)
            seconds["signatures"] += time.process_time() - start
        print(json.dumps({"reasons": reasons, "seconds": seconds}), flush=True)


if __name__ == "__main__":
    main()
