"""Text to token ids and back.

In: the `text` column of a dataset's training table. Out: `tokenizer.json` and its companions in Hugging Face's layout,
and the `Codec` and chat template that every other room encodes with. Read `train` (learn, extend, write) with
`splitting` (how words are cut), `words` and `merging` (the compiled trainer) and `terms`; `vocabulary` (ids that never
move); `codec` with `pieces` and `bulk` (a lot of text at once); `chat` (template and loss mask); `sample` with
`scripts`; `measure` and `nested` (what a vocabulary is worth, and smaller ones); `transfer` (rows for another); `run`.
"""
