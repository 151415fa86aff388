"""The plan: from a budget and a measured machine to a model size, a vocabulary and a number of steps. Arithmetic only.

In: bytes of text, a budget (seconds, steps or tokens) and the probe's measured throughput. Out: a plan artifact, with
the reason for each choice in plain words.

Read in this order: budget (the story), candidate (one size of model), scaling (sizes), forecast (how good), throughput
(how fast), stages (what else takes time), schedule (batch, steps, rate), memory, disk, explain, preview, run.
"""
