"""Text to token ids and back.

In: the `text` column of a dataset's `train.parquet`. Out: `tokenizer.json` and its companions in the layout of Hugging
Face, and the `Codec` and the chat template that every other room encodes with. Read in this order:

    vocabulary  the fixed part of every vocabulary: split regex, special tokens     train    learn the merges, write the files
    pieces      where a long text may be cut without changing its ids               codec    encode, decode, decode a stream
    sample      which part of a large corpus the merges are learned from            chat     the chat template and its loss mask
    measure     what the result is worth: bytes per token                           run      the step
"""
