"""Readers: one file per program of others that opens an export, for the certificate to ask it.

In: an export's folder and a `Config`. Out: log-probabilities, greedy tokens and ids of texts, by the protocol in
`ingot.infer.reader`. A reader computes in full precision wherever its program lets it, so that what is measured is the
file and not the shortcuts of one machine.
"""
