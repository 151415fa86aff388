"""From files to a dataset a model can be trained on: identity kept, nothing thrown away without a reason.

In: a Snapshot of a source. Out: shards of documents.parquet, then of train / held_out / dropped.parquet, then of
tokens. Read: document (the row everything stands on), reading (files -> documents, in the sandbox; parser_choice,
decoding, cutting), pipeline (the story of curation; transforming and edits, annotating and batch, judging with rules,
similarity and split, writing), then tokens for training: selection, shard, shards, order and permutation, mixture,
stream. explore, explain, distribution, trying, report/ and erasure look into a finished dataset; run holds the steps.
Plug-ins: connectors/, parsers/, transforms/, filters/, dedup/.
"""
