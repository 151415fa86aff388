"""The plan: from a budget and a measured machine to a model size, a vocabulary and a number of steps. Arithmetic only.

In: bytes of text, a budget (seconds, joules, money, steps or tokens) and what the probe measured. Out: a plan
artifact, with the reason for each choice in plain words.

Read in this order: budget (the story), candidate (one size of model), scaling (sizes), forecast (how good), throughput
(how fast), stages (what else takes time), schedule (batch, steps, rate), memory, parallel, dividing (so that it fits),
paying (time, energy, money), here (this machine), machines (others), disk, explain, preview, run, estimate.
Before a long run: pilots, law, prediction.
"""
