"""OpenAI's Responses API over the same core: read request (what is asked), then voice (how it is told)."""
