"""A task from files and datasets: bad rows are named or left out as chosen, and its index finds its items in texts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ingot.core.errors import InputError, UsageError
from ingot.data.connectors.folder import Config, Connector
from ingot.data.ngram_index import load as load_index
from ingot.data.word_hashes import word_hashes
from ingot.evaluate.config import TaskConfig
from ingot.evaluate.taking import take
from ingot.evaluate.task import Choice, own_text, read_task
from ingot.flow.artifact import Artifact
from ingot.flow.step import StepContext
from tests.evaluate.small_build import silent

LONG = "Which of these clauses lets the landlord end the lease early when the tenant keeps bees on the balcony"


def rows(count: int) -> str:
    heading = "question,choice0,choice1,choice2,choice3,answer\n"
    return heading + "".join(f"{LONG} of flat {n}?,one,two,three,four,{n % 4}\n" for n in range(count))


def taken(tmp_path: Path, files: Mapping[str, str], config: TaskConfig, **more: Any) -> tuple[Path, Mapping[str, Any]]:
    out = tmp_path / f"task-{len(list(tmp_path.glob('task-*')))}"
    out.mkdir()
    sources = {}
    for name, content in files.items():
        place = tmp_path / f"{name}.csv"
        place.write_text(content)
        sources[name] = Connector(Config((str(place),), exclude=())).snapshot()
    context = StepContext(out, tmp_path, 1, more.get("emit", silent), sources)
    return out, take(config, more.get("inputs", {}), context)


def test_rows_become_items_and_an_index(tmp_path: Path) -> None:
    folder, facts = taken(tmp_path, {"data": rows(6)}, TaskConfig("multiple_choice"))
    task = read_task(folder)
    assert (facts["items"], facts["faults"], len(task.items)) == (6, 0, 6)
    assert facts["ngram_words"] == 13
    first = task.items[0]
    assert isinstance(first, Choice)
    assert first.id == "data.csv:2"
    document = f"Somebody copied this. {own_text(first)} And so on."
    assert load_index(folder).covered(word_hashes(document)).mean() > 0.8


def test_bad_rows_stop_the_step_by_file_row_and_field(tmp_path: Path) -> None:
    content = rows(2) + "Who?,a,b,c,d,9\nWhat?,a,b,c,d\n"
    told: list[dict[str, Any]] = []
    with pytest.raises(InputError) as raised:
        taken(tmp_path, {"data": content}, TaskConfig("multiple_choice"), emit=lambda kind, /, **f: told.append(f))
    assert "data.csv:4: answer is '9'" in raised.value.where
    assert "data.csv:5: answer is missing" in raised.value.where
    assert [each["uri"] for each in told] == ["data.csv:4", "data.csv:5"]


def test_bad_rows_can_be_left_out_and_are_written_down(tmp_path: Path) -> None:
    config = TaskConfig("multiple_choice", bad_rows="skip")
    folder, facts = taken(tmp_path, {"data": rows(2) + "Who?,a,b,c,d,9\n"}, config)
    assert (facts["items"], facts["faults"]) == (2, 1)
    (fault,) = [json.loads(line) for line in (folder / "faults.jsonl").read_text().splitlines()]
    assert (fault["file"], fault["row"], fault["field"]) == ("data.csv", 4, "answer")
    with pytest.raises(InputError, match="no row is an item"):
        taken(tmp_path, {"data": "question,answer\nWho?,me\n"}, config)


def test_examples_stand_before_items_but_are_no_part_of_them(tmp_path: Path) -> None:
    config = TaskConfig("multiple_choice", shots=2)
    folder, _ = taken(tmp_path, {"data": rows(3), "examples": rows(5)}, config)
    item = read_task(folder).items[0]
    assert item.before.count("Answer: ") == 2
    assert item.before.endswith("\n\n")
    assert not own_text(item).startswith(item.before)
    with pytest.raises(UsageError, match="5 examples, but 6"):
        taken(tmp_path, {"data": rows(3), "examples": rows(5)}, TaskConfig("multiple_choice", shots=6))


def test_a_limit_takes_the_same_items_each_time(tmp_path: Path) -> None:
    config = TaskConfig("multiple_choice", limit=4)
    first, second = (read_task(taken(tmp_path, {"data": rows(30)}, config)[0]).items for _ in range(2))
    assert first == second
    assert len(first) == 4
    assert [item.id for item in first] != [f"data.csv:{row}" for row in range(2, 6)]


def test_documents_that_were_kept_aside_are_a_task(tmp_path: Path, made: Mapping[str, Artifact]) -> None:
    folder, facts = taken(tmp_path, {}, TaskConfig("documents"), inputs={"rows": made["dataset"]})
    assert facts["items"] == made["dataset"].facts["held_out_documents"] > 0
    assert all(item.prompt == "" for item in read_task(folder).items)


def test_short_items_are_known_by_fewer_words(tmp_path: Path) -> None:
    short = "question,answer\n" + "".join(f"Who signs form {n} of the town hall?,the clerk\n" for n in range(5))
    _, facts = taken(tmp_path, {"data": short}, TaskConfig("questions"))
    assert facts["ngram_words"] == 8
    folder, facts = taken(tmp_path, {"data": "question,answer\nWho?,me\n"}, TaskConfig("questions"))
    assert (facts["ngram_words"], facts["too_short"]) == (0, 1)
    assert not (folder / "index.json").exists()


def test_the_framing_of_a_task_can_be_chosen(tmp_path: Path) -> None:
    requests = "prompt,label\nHow do I end it?,safe\n"
    made = {
        config.framing: read_task(taken(tmp_path, {"data": requests}, config)[0]).asking.is_request
        for config in (
            TaskConfig("refusals"),
            TaskConfig("refusals", framing="text"),
            TaskConfig("questions", {"question": "prompt", "answer": "label"}, framing="chat"),
        )
    }
    assert made == {"by task": True, "text": False, "chat": True}


def test_an_unknown_option_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="styel"):
        taken(tmp_path, {"data": rows(1)}, TaskConfig("multiple_choice", {"styel": "texts"}))
