"""Engines: one file per way to run a model.

In: a model folder and a `Config`. Out: tokens, by the protocol in `ingot.infer.engine`.
`torch` is the reference every other engine is compared with.
"""
