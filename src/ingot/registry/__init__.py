"""The models one owns: found by name, checked before use, described for people.

In: the artifacts of a home folder. Out: the model behind `acme` or `acme@2`, its model card, and what answers under a
served name.
Read in this order: store (the protocol), files (the store in the home folder), card; then release (what answers),
release_file (where that is kept), gate (what a version has to have passed), releasing (changing it).
"""
