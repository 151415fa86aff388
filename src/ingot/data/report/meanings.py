"""Which column of a dataset each flag is about, and on which side of its threshold the flagged documents lie.

The facts of a dataset name flags and thresholds. What they are about only the filters of its recipe know: they are
asked, with a text of one word.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ingot.core.errors import IngotError
from ingot.data.annotations import Annotation, annotate, filters
from ingot.data.batch import of_texts


def flagged_columns(config: Mapping[str, Any]) -> dict[str, Annotation]:
    """Return by column what is flagged in it, for a config of `curate`; without filters that cannot be asked.

    Those are filters that need an input of the recipe, or that are not installed here.
    """
    found: dict[str, Annotation] = {}
    for choice in config.get("filters", ()):
        try:
            annotations = annotate(of_texts(["word"]), filters([choice]))
        except IngotError:
            continue
        found |= {annotation.column: annotation for annotation in annotations if annotation.flag}
    return found
