"""The models one owns: found by name, checked before use, described for people.

In: the artifacts of a home folder. Out: the model behind `acme` or `acme@2`, and its model card.
Read in this order: store (the protocol), files (the store in the home folder), card.
"""
