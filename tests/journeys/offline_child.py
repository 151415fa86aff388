"""A server that is asked for everything, in a network where every packet to the world is seen: `... HOME`.

It prints what was answered and where packets went, as JSON. See benchmarks/spine_offline for how they are seen.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import openai

from benchmarks.spine_offline import Sniffer, enter_namespace, is_counted

TALKS = "\n".join(
    json.dumps({"messages": [{"role": "user", "content": f"say {n}"}, {"role": "assistant", "content": "def"}]})
    for n in range(12)
)


@contextmanager
def serving(home: str, engine: str) -> Iterator[str]:
    options = ["--engine", engine, "--port", "0", "--home", home, "--json"]
    command = [sys.executable, "-m", "ingot.cli.main", "serve", "acme", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["address"]
        finally:
            process.terminate()


def chat(client: openai.OpenAI, model: str = "acme") -> str:
    message = {"role": "user", "content": "def visit(node):"}
    # A plain dict stands for the typed one, as in most programs.
    answer = client.chat.completions.create(model=model, messages=[message], max_tokens=8)  # type: ignore[list-item]
    return answer.choices[0].finish_reason


def trained(client: openai.OpenAI) -> str:
    file = client.files.create(file=("talks.jsonl", TALKS.encode()), purpose="fine-tune")
    job = client.fine_tuning.jobs.create(model="acme", training_file=file.id, hyperparameters={"n_epochs": 2})
    while (job := client.fine_tuning.jobs.retrieve(job.id)).status in ("queued", "running"):
        time.sleep(0.2)
    assert job.status == "succeeded", job.error
    return chat(client, str(job.fine_tuned_model))


def main(home: str) -> None:
    enter_namespace()
    sniffer = Sniffer()
    is_proved = is_counted(sniffer)
    answers = []
    for engine in ("torch", "openvino", "llamacpp"):
        with serving(home, engine) as address, openai.OpenAI(base_url=address, api_key="none") as client:
            answers.append(chat(client))
            answers.append(str(httpx.get(address.removesuffix("/v1") + "/metrics").status_code))
            if engine == "torch":
                vectors = client.embeddings.create(model="acme", input="def visit")
                answers.append(str(len(vectors.data)))
                answers.append(trained(client))
    print(json.dumps({"is_proved": is_proved, "answers": answers, "destinations": sorted(set(sniffer.stop()))}))


if __name__ == "__main__":
    main(sys.argv[1])
