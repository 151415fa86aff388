"""One file for each noun of the APIs; a route reads a request, has it answered, and says the answer."""
