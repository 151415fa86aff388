"""zstd -19 with the training text as its dictionary: how much of a held-out document is found, word for word, in the
text.

A compressor is a model too: the bits it writes are the bits it needs to predict the document. zstd (RFC 8878) knows
only repeats, but it may look through the whole training text for them, which no context window can. A corpus full of
boilerplate makes it hard to beat; text it has never met in any form makes it helpless.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import zstandard
from numpy.typing import NDArray

LEVEL = 19
_WINDOW_LOG_LIMITS = (20, 30)


def bits(training_text: bytes, documents: Sequence[bytes]) -> NDArray[np.float64]:
    """Return the bits zstd writes for each document, each compressed on its own with the training text as dictionary.

    Frames carry no magic number, size, checksum or dictionary name: only what a decoder cannot guess is counted.
    """
    parameters = zstandard.ZstdCompressionParameters.from_level(
        LEVEL,
        source_size=len(training_text),
        dict_size=len(training_text),
        window_log=_window_log(len(training_text) + max(map(len, documents), default=0)),
        enable_ldm=True,
        write_content_size=False,
        write_checksum=False,
        write_dict_id=False,
        format=zstandard.FORMAT_ZSTD1_MAGICLESS,
    )
    # zstd takes no dictionary of fewer than eight bytes.
    dictionary = zstandard.ZstdCompressionDict(training_text.ljust(8, b"\0"), dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    # Indexing the dictionary takes most of the time and is the same for every document.
    dictionary.precompute_compress(compression_params=parameters)
    compressor = zstandard.ZstdCompressor(dict_data=dictionary, compression_params=parameters)
    return np.array([8.0 * len(compressor.compress(text)) for text in documents], dtype=np.float64)


def _window_log(reach_bytes: int) -> int:
    smallest, largest = _WINDOW_LOG_LIMITS
    return min(max(reach_bytes.bit_length(), smallest), largest)
