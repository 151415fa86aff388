"""Text to token ids and back.

In: the `text` column of a dataset's `train.parquet`. Out: `tokenizer.json` and its companions in Hugging Face's layout,
and the `Codec` and chat template that every other room encodes with. Read `train` (learn the merges), then `vocabulary`
(split regex and special tokens, fixed for ever), `codec` (encode, decode, decode a stream) with `pieces` (where a long
text may be cut), `chat` (template and loss mask), `sample` (what a large corpus is learned from), `measure`, `run`.
"""
