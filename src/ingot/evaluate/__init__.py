"""How good the model is, said honestly: bits per byte on held-out documents beside baselines, samples, and the report.

In: every artifact of a build up to the checkpoint. Out: metrics.json, samples.json and report.html.
And: what a model answers to a task, item by item, with intervals; and two such evaluations held against one another.

Read in this order: run (the story), held_out (which text), bits (the measure), ngram and dictionary (what it is
compared with), samples, during (the same measure while training), story (the report's numbers), report.
For tasks: task (the nouns), rows, tasks/, taking, likelihood, asking, intervals, paired, contamination, comparing.
What it knows by heart: memorisation (the story), canaries, exposure, passages, disclosure, verdict.
"""
