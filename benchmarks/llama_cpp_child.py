"""Continue prompts with llama.cpp: run by `spine_export` in an environment of its own, as a child that may die.

    python llama_cpp_child.py MODEL.gguf CONTEXT TOKENS exact|default < prompts.json > answers.json

Prompts are lists of token ids. The answers hold, for each prompt, the chosen ids and their log-probabilities. With
`exact`, everything but the weights is in full precision: by default llama.cpp keeps its cache in half precision and
uses a fast attention, which move log-probabilities by more than the file does.
"""

from __future__ import annotations

import json
import sys
import urllib.request
from typing import Any

import xllamacpp  # of the environment this child runs in


def server(model: str, context: int, is_exact: bool) -> Any:
    """Start llama.cpp's server on loopback."""
    settings = xllamacpp.CommonParams()
    settings.model.path = model
    settings.n_ctx, settings.n_parallel = context, 1
    if is_exact:
        settings.cache_type_k = settings.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
        settings.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    return xllamacpp.Server(settings)


def answer(address: str, prompt: list[int], tokens: int) -> dict[str, Any]:
    """Return the most probable continuation of one prompt."""
    question = {"prompt": prompt, "n_predict": tokens, "temperature": 0, "n_probs": 1, "cache_prompt": False}
    body = json.dumps(question).encode()
    request = urllib.request.Request(f"{address}/completion", body, {"Content-Type": "application/json"})
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback needs no proxy
    with direct.open(request, timeout=120) as response:
        chosen = json.load(response)["completion_probabilities"]
    return {"ids": [one["id"] for one in chosen], "logprobs": [one["logprob"] for one in chosen]}


def main() -> None:
    """Answer every prompt on standard input."""
    model, context, tokens = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    running = server(model, context, sys.argv[4] == "exact")
    answers = [answer(running.listening_address, prompt, tokens) for prompt in json.load(sys.stdin)]
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
