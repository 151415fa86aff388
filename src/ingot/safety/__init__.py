"""Personal data and secrets: where they are in a text, and what to do about them.

In: a text. Out: Findings (where, which type, how sure), then a list of replacements. No finding, record or log holds
the data itself. Read `finding`, `detection` (run all detectors), `policy` (what to do with each type), `redact` (from
findings to replacements), `pseudonyms` and `sealed_map`. What detectors share: `patterns` (RE2), `checksums`,
`national_ids/`; for names: `text`, `words`, `lexicon` with `lists/`, `names`. Plug-ins: detectors/.
"""
