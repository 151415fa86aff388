"""The fixed part of every vocabulary: which ids are not text.

Special tokens come first, at ids that never move; where a convention exists (ChatML's turns, Qwen's names for
fill-in-the-middle, tool calls and media) its names are used, because servers look these tokens up by name.
"""

from __future__ import annotations

from typing import Final

BOS: Final = "<|bos|>"  # opens a document, and a conversation
EOS: Final = "<|eos|>"  # closes a document
PAD: Final = "<|pad|>"  # fills a batch; never predicted, never read
TURN_START: Final = "<|im_start|>"
TURN_END: Final = "<|im_end|>"

_NAMED: Final = (
    *(BOS, EOS, PAD, TURN_START, TURN_END),
    *("<think>", "</think>"),
    *("<tools>", "</tools>", "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>"),
    *("<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>"),
    *("<|vision_start|>", "<|vision_end|>", "<|image_pad|>"),
    *("<|audio_start|>", "<|audio_end|>", "<|audio_pad|>"),
)
_SPECIALS = 32

# An embedding table whose rows divide by 64 multiplies fastest on every kind of processor.
ROW_MULTIPLE: Final = 64
BYTES: Final = 256
SMALLEST: Final = 320  # the specials and the 256 bytes, rounded up to ROW_MULTIPLE


def reserved(token_id: int) -> str:
    """Return the name of a row that is kept free: for a later use, or to round the table up."""
    return f"<|reserved_{token_id}|>"


# The position is the id.
SPECIALS: Final = (*_NAMED, *(reserved(token_id) for token_id in range(len(_NAMED), _SPECIALS)))
