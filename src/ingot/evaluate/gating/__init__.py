"""Gates: may this model be put in front of people in the place of the one that is? Pass, fail or unsure, with reasons.

In: rules, the evaluations, audits and reports that a home has of two models. Out: a verdict for every requirement.

Read in this order: rules (what may be demanded), rules_file, measured (what the home knows), claim (the verdict and
its errors), paired (the tests), answers; then what each kind asks: quality, safety, memorising, cost, forgetting; then
junit and markdown. `evaluate/gate` is the story.
"""
