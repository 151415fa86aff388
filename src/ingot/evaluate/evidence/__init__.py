"""What a model of one's own is worth, said honestly: the same held-out bytes for every way there is, side by side.

In: documents and questions with answers, general text, a checkpoint of every arm. Out: evidence.json, evidence.html.

Read in this order: gathering (what is learned from), mixing (the generalist's text), choosing (what is measured on),
counted (what one gets without a model), scoring (one arm), passages, labels, reciting, answers (its parts), pairing
(the arms against one another), verdict (the sentences), page, run (the story). `meter` counts while an arm trains.
"""
