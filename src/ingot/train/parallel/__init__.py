"""Training on many processes, applied from outside to single-device code.

In: a decoder, a ParallelPlan and the processes that were started. Out: the same decoder, of which each process holds a
part, and a Placement by which the one loop reads, sums, saves and restores as if it were whole.
Read: ranks (how processes agree), placement (who holds what), spread (how a model is divided) and its ways: cutting and
exchange (weights), context (rows) and pipeline (layers), both through passing; dealing (whole matrices for a moment),
writing (the model folder), member (a process's life).
"""
