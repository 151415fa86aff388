"""Statistics of texts, compiled: all that Gopher, C4 and FineWeb count, sketches and hashes in one pass.

In: an Arrow array of texts. Out: Statistics (columns). Read describe (the pass), codepoints, words (with affixes, urls,
sentences), lines, c4 (with phrases), ngrams, shingles; english and rules say what a word is, counts what is counted,
core/compiling how Python becomes machine code, freeze makes the table of characters.
"""
