"""The report on a dataset: one page that a data-protection officer and a data scientist both read.

In: a Dataset and the home it lies in. Out: HTML (page.render), under 1 MB, with nothing loaded from anywhere. Texts are
read for their sizes and never held; what is quoted is short, and what detectors take for personal data is masked in it.
Read: page and sections (what is on it), tables (one pass over all documents) with tally, contents, drops, repeats,
changes and personal, which it feeds; numbers (statistics, a column at a time); origin, funnel, attention;
masking and quotes (what may be shown of a text).
"""
