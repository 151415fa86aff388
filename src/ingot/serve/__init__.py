"""The data plane: models answer over HTTP in the dialect of the OpenAI API.

In: HTTP requests. Out: answers, whole or as they come, and a line of usage for each.
Read in this order: ports (what a server needs from outside), openai_api (what goes over the wire), request (from wire
to prompt ids), gateway (slots and threads), reply (from tokens to wire), answering (one request from slot to last
byte), doors (who may come in), misread (why a request cannot be read), app, local (the ports filled with files).
"""
