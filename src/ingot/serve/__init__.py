"""The data plane: models answer over HTTP, to clients of OpenAI's and of Mistral's API, over one core.

In: HTTP requests. Out: answers, whole or as they come, and a line of usage for each.
Read in this order: ports (what a server needs from outside), speaking (which API a request speaks), openai_api and
mistral_api (what only one of them says) over wire (what both say), asks (from wire to prompt ids), gateway (slots,
queue, threads), answers (from tokens to wire), routes, doors (who may come in), app, local (the ports filled with
files). batches and responses stand on the same core; origin and mirror let several versions share a name.
"""
