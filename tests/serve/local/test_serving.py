from __future__ import annotations

from collections import Counter
from pathlib import Path

import httpx

from ingot.registry.release import Canary
from ingot.serve.app import create_app
from ingot.serve.local.keys import Anybody
from ingot.serve.local.store import FolderStore
from ingot.serve.ports import Origin
from tests.serve.local.opened import House, answering, talk
from tests.serve.running import Counting, listening


def test_a_canary_gets_its_share_and_a_conversation_stays_with_it(house: House) -> None:
    house.releasing.promote("acme", "acme@2")
    models = house.serve("acme")
    house.releasing.canary("acme", Canary("acme@3", 0.2))
    models.look()
    seen = [answering(models, talk(number)) for number in range(2000)]
    assert abs(seen.count("acme@3") - 400) < 6 * (2000 * 0.2 * 0.8) ** 0.5
    assert set(seen) == {"acme@2", "acme@3"}
    assert [answering(models, talk(number)) for number in range(2000)] == seen
    # Without anything that ties it to others, each request is drawn by itself.
    alone = Counter(answering(models, Origin("ada")) for _ in range(2000))
    assert abs(alone["acme@3"] - 400) < 6 * (2000 * 0.2 * 0.8) ** 0.5
    assert answering(models) == "acme@2"
    assert {(one.reference, one.role) for one in models.shares()} == {("acme@2", "stable"), ("acme@3", "canary")}


def test_a_caller_stays_with_one_version(house: House) -> None:
    house.releasing.canary("acme", Canary("acme@1", 0.5, by="caller"))
    models = house.serve("acme")
    models.look()
    seen = {caller: {answering(models, talk(number, caller)) for number in range(20)} for caller in "abcdefgh"}
    assert all(len(versions) == 1 for versions in seen.values())
    assert set.union(*seen.values()) == {"acme@1", "acme@3"}


def test_every_request_of_a_conversation_goes_to_one_version(house: House, tmp_path: Path) -> None:
    house.releasing.canary("acme", Canary("acme@1", 0.5))
    source = house.serve("acme")
    app = create_app(source, Anybody(), Counting(), FolderStore(tmp_path / "store"), while_up=source)
    used: set[str] = set()
    with listening(app) as address, httpx.Client(base_url=f"{address}/v1", timeout=20) as client:
        for number in range(8):
            opening = {"role": "user", "content": f"{number}?"}
            said = [{"role": "assistant", "content": "a"}, {"role": "user", "content": "b"}]
            # What the system says may change from turn to turn, as a clock in it does.
            bodies = [
                {
                    "model": "acme",
                    "max_tokens": 1,
                    "messages": [{"role": "system", "content": f"{turn}"}, opening, *said[:turn]],
                }
                for turn in (0, 2)
            ]
            answers = [client.post("/chat/completions", json=body) for body in bodies]
            first = client.post("/responses", json={"model": "acme", "input": f"{number}?", "max_output_tokens": 16})
            more = {"previous_response_id": first.json()["id"], "input": "b", "max_output_tokens": 16, "model": "acme"}
            answers += [first, client.post("/responses", json=more)]
            begun = client.post(
                "/conversations", json={"model": "acme", "inputs": f"{number}?", "completion_args": {"max_tokens": 4}}
            )
            path = f"/conversations/{begun.json()['conversation_id']}"
            answers += [begun, client.post(path, json={"inputs": "b", "completion_args": {"max_tokens": 4}})]
            versions = {answer.headers["x-ingot-model"] for answer in answers}
            assert len(versions) == 1, [answer.text for answer in answers]
            used |= versions
    assert used == {"acme@1", "acme@3"}
