"""Find the passages of documents that answer a question, with the document and the bytes they stand at.

In: a dataset, and, where there is one, a model that turns texts into vectors. Out: an artifact of kind Index, and from
it, for a question, the passages that fit best. A question is asked of every ranker there is: words (BM25), and vectors
where a model was given; their orders are fused, and the first passages can be put in order again by a language model.

Read in this order: run (the step), passages (how documents are cut), terms and bm25 (words), vectors, store (the
files), search (the questions), fusion and rerank.
"""
