"""From files to a dataset a model can be trained on: identity kept, nothing thrown away without a reason.

In: a Snapshot of a source. Out: documents.parquet, then train / held_out / dropped.parquet, then token shards. Read:
document (the row everything stands on), reading (files -> documents, in the sandbox; parser_choice, decoding,
cutting), pipeline (the story of curation; annotations, similarity, split), shards and stream (tokens for training),
run (the steps). Plug-ins: connectors/, parsers/, filters/, dedup/.
"""
