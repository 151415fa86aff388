"""From a JSON schema or a regular expression to rules that every engine can be held to.

In: a schema or an expression out of a request. Out: one set of rules, written for each library that enforces them.
Read in this order: nodes (what rules are made of, and how they are written), regex, numbers, strings, formats, scalars;
then drafts (any draft as one), merge (two schemas for one value), alternatives (choices) and excluding (what must not
be), and schema (the whole).
"""
