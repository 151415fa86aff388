from __future__ import annotations

import os
from pathlib import Path

from transformers import AutoTokenizer

from ingot.infer.template import FILE, learned_another, write_template
from ingot.tokenizer.chat import TEMPLATE, render
from ingot.tokenizer.codec import Codec
from tests.infer.tiny_model import make_model

TALK = [{"role": "user", "content": "who"}, {"role": "assistant", "content": "we"}]


def test_the_record_names_the_template_that_other_programs_find_in_the_folder(tmp_path: Path) -> None:
    folder = make_model(tmp_path / "model")
    other = tmp_path / "checkpoint"
    (folder / FILE).write_text("{{ 'another one' }}")
    os.link(folder / FILE, other)
    facts = write_template(folder)
    assert (folder / FILE).read_text() == TEMPLATE
    assert other.read_text() == "{{ 'another one' }}"  # a second name of the same file stays what it was
    rendered = AutoTokenizer.from_pretrained(folder).apply_chat_template(TALK, tokenize=True, return_dict=False)
    assert rendered == render(TALK, Codec.load(folder)).ids
    assert not learned_another(facts)
    assert not learned_another({})
    assert learned_another({"chat_template": "sha256:0"})
