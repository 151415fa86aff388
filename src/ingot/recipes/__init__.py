"""Recipes: Python functions that return Steps. Nothing runs here.

In: names, sources and a budget. Out: the graph of Steps that `ingot.flow.runner` makes real.
Read: quickstart, the whole product on one page; pilots, a forecast before it trains; continue_pretrain, from a
model that exists.
"""
