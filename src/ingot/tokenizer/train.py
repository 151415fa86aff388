"""Learn a byte-level BPE vocabulary from an organisation's own text, and write it so that every reader agrees on it.

Text is split into words by a fixed regex, each word is taken as its UTF-8 bytes, and the most frequent neighbouring
pair becomes one token, again and again, until the vocabulary is full (Sennrich et al. 2016, "Neural machine
translation of rare words with subword units"; over bytes as in Radford et al. 2019, GPT-2). Bytes mean that nothing
is ever unknown and that decoding gives back exactly what was encoded. The same text gives the same file, byte for
byte.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer

from ingot.core.storage import write_atomically
from ingot.tokenizer.chat import TEMPLATE
from ingot.tokenizer.vocabulary import BOS, EOS, PAD, ROW_MULTIPLE, SPECIALS, SPLIT_REGEX, reserved

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja")

# While learning, a longer word (a line of base64, a megabyte without a blank) is cut here: the time a merge takes grows
# with the length of the words it occurs in. Encoding never cuts.
_LONGEST_WORD = 128
_LEAST_OCCURRENCES = 2


def learn(texts: Iterable[str], vocabulary: int) -> Tokenizer:
    """Learn merges until there are `vocabulary` tokens, or until no pair occurs twice.

    Rows are rounded up to a multiple of 64 with reserved tokens, so the size of the result is the number of rows of the
    model's embedding, and of an exported one. Deterministic, whatever the order of the texts.
    """
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = _words(pre_tokenizers.FixedLength(length=_LONGEST_WORD))
    tokenizer.decoder = decoders.ByteLevel()
    trainer = BpeTrainer(
        vocab_size=vocabulary,
        min_frequency=_LEAST_OCCURRENCES,
        special_tokens=list(SPECIALS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.pre_tokenizer = _words()
    learned = tokenizer.get_vocab_size()
    rows = -(-learned // ROW_MULTIPLE) * ROW_MULTIPLE
    tokenizer.add_special_tokens([reserved(token_id) for token_id in range(learned, rows)])
    return tokenizer


def _words(*between: pre_tokenizers.PreTokenizer) -> pre_tokenizers.PreTokenizer:
    split = pre_tokenizers.Split(Regex(SPLIT_REGEX), behavior="isolated")
    as_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return pre_tokenizers.Sequence([split, *between, as_bytes])


def write(tokenizer: Tokenizer, folder: Path) -> None:
    """Write the tokenizer as Hugging Face's `AutoTokenizer` loads it, with the chat template beside it."""
    named = {"bos_token": BOS, "eos_token": EOS, "pad_token": PAD}
    config = {
        **named,
        "tokenizer_class": "PreTrainedTokenizerFast",
        # The chat template and the framing of documents write these; a reader that added them again would double them.
        "add_bos_token": False,
        "add_eos_token": False,
        # Decoding must give back the text, not a tidied one.
        "clean_up_tokenization_spaces": False,
    }
    contents = (tokenizer.to_str(pretty=True), _as_json(config), _as_json(named), TEMPLATE)
    for name, content in zip(TOKENIZER_FILES, contents, strict=True):
        write_atomically(folder / name, content)


def _as_json(content: dict[str, object] | dict[str, str]) -> str:
    return json.dumps(content, indent=2, sort_keys=True) + "\n"
