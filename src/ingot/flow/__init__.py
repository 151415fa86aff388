"""The spine: a recipe is a graph of Steps; the runner makes each step's Artifact once and remembers how.

In: Steps (a run reference, a typed config, inputs). Out: Artifacts `name@version` with a record beside each.
Read in this order: step, source, artifact, home, runner, planning, work, executors/local, worker, recipe_file, gc.
"""
