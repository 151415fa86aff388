"""Learn a byte-level BPE vocabulary from an organisation's own text, and write it so that every reader agrees on it.

Text is split into words by a fixed rule, each word is taken as its UTF-8 bytes, and the most frequent neighbouring
pair becomes one token, again and again, until the vocabulary is full (Sennrich et al. 2016, "Neural machine
translation of rare words with subword units"; over bytes as in Radford et al. 2019, GPT-2). Bytes mean that nothing
is ever unknown and that decoding gives back exactly what was encoded. The same text gives the same file, byte for
byte.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import AddedToken, Regex, Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer

from ingot.core.errors import InputError
from ingot.core.storage import write_atomically
from ingot.tokenizer.alphabet import BYTE_OF, as_text
from ingot.tokenizer.chat import TEMPLATE
from ingot.tokenizer.merging import Learned, Merger, learn_merges
from ingot.tokenizer.splitting import DEFAULT, Splitting, named, recognise, recognise_published
from ingot.tokenizer.terms import between, check_terms
from ingot.tokenizer.vocabulary import BOS, EOS, PAD, ROW_MULTIPLE, SPECIALS, reserved
from ingot.tokenizer.words import WordCounter, count_words_of

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja")

# While learning, a longer word (a line of base64, a megabyte without a blank) is cut here: the time a merge takes grows
# with the length of the words it occurs in. Encoding never cuts.
_LONGEST_WORD = 128
_LEAST_OCCURRENCES = 2
# The compiled trainer is five to nine times as fast and gives the same merges, but getting it ready takes a second, and
# the first time on a machine ten. Below this much text the reference trainer is done earlier.
_LEAST_COMPILED_CHARACTERS = 8_000_000
_MOST_TERMS_SHARE = 4  # a quarter of the vocabulary


def learn(
    texts: Iterable[str], vocabulary: int, splitting: str = DEFAULT, terms: Sequence[str] = (), indentation: int = 0
) -> Tokenizer:
    """Learn merges until there are `vocabulary` tokens, or until no pair occurs twice.

    `terms` are never split (`terms`); runs of up to `indentation` blanks are tokens whatever the text holds. Rows are
    rounded up to a multiple of 64 with reserved tokens, so the size of the result is the number of rows of the model's
    embedding, and of an exported one. Deterministic, whatever the order of the texts.
    """
    rule = named(splitting)
    check_terms(terms, vocabulary // _MOST_TERMS_SHARE)
    start = _with_indentation(_beginning(), indentation)
    learned = _learned(start, between(texts, terms), rule, vocabulary - len(terms))
    return _assembled(learned, rule, terms)


def extend(base: Tokenizer, texts: Iterable[str], vocabulary: int, terms: Sequence[str] = ()) -> Tokenizer:
    """Go on learning where another tokenizer stopped, until there are `vocabulary` tokens; its ids stay what they are.

    Special tokens that it lacks, and the new terms, are added, also when there is no room for merges. Text it knows
    well is encoded as before, up to the new merges; `transfer` gives the rows of the new tokens. Raises InputError when
    its splitting rule is not known.
    """
    content = json.loads(base.to_str())
    rule = recognise(content) or recognise_published(content)
    if rule is None:
        raise _not_extended("it cuts text into words by a rule that readers of an exported model do not know")
    if sorted(base.get_vocab().values()) != list(range(base.get_vocab_size())):
        raise _not_extended("its ids have gaps, so new tokens have no place behind them")
    old_terms = [token["content"] for token in content["added_tokens"] if not token["special"]]
    new_terms = [term for term in terms if term not in old_terms]
    vocabulary = max(vocabulary, base.get_vocab_size() + len(new_terms))
    check_terms([*old_terms, *new_terms], vocabulary // _MOST_TERMS_SHARE)
    tokens = [token for token, _ in sorted(base.get_vocab().items(), key=lambda item: item[1])]
    ids = {token: token_id for token_id, token in enumerate(tokens)}
    merges = tuple((ids[left], ids[right]) for left, right in map(_pair, content["model"]["merges"]))
    start = Learned(merges, (*tokens, *(name for name in SPECIALS if name not in ids)))
    learned = _learned(start, between(texts, [*old_terms, *new_terms]), rule, vocabulary - len(new_terms))
    special = [token["content"] for token in content["added_tokens"] if token["special"]]
    return _assembled(learned, rule, [*old_terms, *new_terms], special)


def _not_extended(why: str) -> InputError:
    return InputError(
        "this tokenizer cannot be extended",
        where="tokenizer, input base",
        why=why,
        fix="learn a new one without the input base, and move the model to it (ingot.train.vocabulary:move)",
    )


def shrink(tokenizer: Tokenizer, vocabulary: int) -> Tokenizer:
    """Return the tokenizer that the same text would have given for a smaller vocabulary: its first merges."""
    content = json.loads(tokenizer.to_str())
    rule = recognise(content)
    assert rule is not None, "made by this module"
    terms = [token["content"] for token in content["added_tokens"] if not token["special"]]
    kept = {token: number for token, number in content["model"]["vocab"].items() if number < vocabulary - len(terms)}
    merges = (pair for pair in map(_pair, content["model"]["merges"]) if "".join(pair) in kept)
    pairs = tuple((kept[left], kept[right]) for left, right in merges)
    return _assembled(Learned(pairs, tuple(sorted(kept, key=kept.__getitem__))), rule, terms)


def _pair(merge: str | list[str]) -> tuple[str, str]:
    left, right = merge.split(" ") if isinstance(merge, str) else merge
    return left, right


def _beginning() -> Learned:
    return Learned((), (*SPECIALS, *sorted(BYTE_OF)))


def _with_indentation(start: Learned, indentation: int) -> Learned:
    """Add runs of blanks: first those of a power of two, then the others, made of the largest power and the rest."""
    character = as_text(b" ")
    tokens, merges = list(start.tokens), list(start.merges)
    id_of = {1: tokens.index(character)}
    powers = [1 << bit for bit in range(1, indentation.bit_length()) if 1 << bit <= indentation]
    for size in (*powers, *(size for size in range(3, indentation + 1) if size not in powers)):
        half = size // 2 if size in powers else max(power for power in powers if power < size)
        merges.append((id_of[half], id_of[size - half]))
        id_of[size] = len(tokens)
        tokens.append(character * size)
    return Learned(tuple(merges), tuple(tokens))


def _learned(start: Learned, texts: Iterable[str], rule: Splitting, vocabulary: int) -> Learned:
    texts = iter(texts)
    opening = list(_first(texts, _LEAST_COMPILED_CHARACTERS))
    if not start.merges and sum(map(len, opening)) < _LEAST_COMPILED_CHARACTERS:
        return _learned_by_reference(start, opening, rule, vocabulary)
    counter = count_words_of(chain(opening, texts), rule, _LONGEST_WORD)
    learned = learn_merges(_merger(counter, start, rule), start.tokens, vocabulary, _LEAST_OCCURRENCES)
    return Learned((*start.merges, *learned.merges), learned.tokens)


def _first(texts: Iterator[str], characters: int) -> Iterator[str]:
    for text in texts:
        yield text
        characters -= len(text)
        if characters <= 0:
            return


def _learned_by_reference(start: Learned, texts: Iterable[str], rule: Splitting, vocabulary: int) -> Learned:
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = _words(rule, pre_tokenizers.FixedLength(length=_LONGEST_WORD))
    trainer = BpeTrainer(
        vocab_size=vocabulary,
        min_frequency=_LEAST_OCCURRENCES,
        special_tokens=list(SPECIALS),
        initial_alphabet=sorted(BYTE_OF),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    tokens = tuple(sorted(model["vocab"], key=model["vocab"].__getitem__))
    assert tokens[: len(start.tokens)] == start.tokens, "special tokens and bytes come first"
    ids: dict[str, int] = model["vocab"]
    return Learned(tuple((ids[left], ids[right]) for left, right in map(_pair, model["merges"])), tokens)


def _merger(counter: WordCounter, start: Learned, rule: Splitting) -> Merger:
    data, starts, counts = counter.words()
    if not start.merges:
        id_of = np.zeros(256, dtype=np.int32)
        for token_id, token in enumerate(start.tokens):
            if token in BYTE_OF:
                id_of[BYTE_OF[token]] = token_id
        return Merger(id_of[data], starts, counts)
    tokenizer = Tokenizer(_model(start, rule))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    text = data.tobytes()
    words = [text[one:other].decode("utf-8") for one, other in pairwise(starts.tolist())]
    ids = [encoding.ids for encoding in tokenizer.encode_batch_fast(words, add_special_tokens=False)]
    new_starts = np.zeros(len(ids) + 1, dtype=np.int64)
    np.cumsum([len(some) for some in ids], out=new_starts[1:])
    return Merger(np.fromiter(chain.from_iterable(ids), np.int32, int(new_starts[-1])), new_starts, counts)


def _model(learned: Learned, rule: Splitting) -> BPE:
    vocabulary = {token: token_id for token_id, token in enumerate(learned.tokens)}
    merges = [(learned.tokens[left], learned.tokens[right]) for left, right in learned.merges]
    return BPE(vocab=vocabulary, merges=merges, ignore_merges=rule.ignores_merges)


def _assembled(learned: Learned, rule: Splitting, terms: Sequence[str], special: Sequence[str] = ()) -> Tokenizer:
    tokenizer = Tokenizer(_model(learned, rule))
    tokenizer.pre_tokenizer = _words(rule)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([*SPECIALS, *(name for name in special if name not in SPECIALS)])
    # Taken out of a text wherever their letters stand: what an exported file can say is no more.
    tokenizer.add_tokens([AddedToken(term, normalized=False, special=False) for term in terms])
    used = tokenizer.get_vocab_size()
    rows = -(-used // ROW_MULTIPLE) * ROW_MULTIPLE
    tokenizer.add_special_tokens([reserved(token_id) for token_id in range(used, rows)])
    return tokenizer


def _words(rule: Splitting, *between: pre_tokenizers.PreTokenizer) -> pre_tokenizers.PreTokenizer:
    split = pre_tokenizers.Split(Regex(rule.regex), behavior="isolated")
    as_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return pre_tokenizers.Sequence([split, *between, as_bytes])


def write(tokenizer: Tokenizer, folder: Path) -> None:
    """Write the tokenizer as Hugging Face's `AutoTokenizer` loads it, with the chat template beside it."""
    named_tokens = {"bos_token": BOS, "eos_token": EOS, "pad_token": PAD}
    config = {
        **named_tokens,
        "tokenizer_class": "PreTrainedTokenizerFast",
        # The chat template and the framing of documents write these; a reader that added them again would double them.
        "add_bos_token": False,
        "add_eos_token": False,
        # Decoding must give back the text, not a tidied one.
        "clean_up_tokenization_spaces": False,
    }
    contents = (tokenizer.to_str(pretty=True), _as_json(config), _as_json(named_tokens), TEMPLATE)
    for name, content in zip(TOKENIZER_FILES, contents, strict=True):
        write_atomically(folder / name, content)


def _as_json(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2, sort_keys=True) + "\n"
