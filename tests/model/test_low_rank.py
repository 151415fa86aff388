"""An adapter that is chosen for a pass computes what its merged weights compute, and no other pass notices."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from ingot.core.errors import InputError
from ingot.model.convert import load
from ingot.model.low_rank import CONFIG_FILE, WEIGHTS_FILE, adaptable, adapting, check_fits, load_low_rank
from ingot.train.adapters import load_adapters, merged
from tests.infer.adapters import make_adapter
from tests.infer.tiny_model import make_model, make_variant

IDS = torch.arange(40).view(2, 20)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("low-rank") / "base")


@pytest.mark.parametrize("is_dora", [False, True], ids=["lora", "dora"])
def test_it_computes_what_the_merged_weights_do(base: Path, tmp_path: Path, is_dora: bool) -> None:
    folder = make_adapter(base, tmp_path / "adapter", seed=1, is_dora=is_dora)
    whole, decoder = merged(load_adapters(load(base), folder)), adaptable(load(base))
    with torch.no_grad(), adapting(load_low_rank(folder, decoder)):
        logits = decoder.logits(decoder(IDS))
    with torch.no_grad():
        torch.testing.assert_close(logits, whole.logits(whole(IDS)), atol=1e-4, rtol=0)
        plain = load(base)
        assert torch.equal(decoder.logits(decoder(IDS)), plain.logits(plain(IDS)))  # without one, bit for bit


def test_threads_choose_for_themselves(base: Path, tmp_path: Path) -> None:
    decoder = adaptable(load(base))
    adapters = [None, *(load_low_rank(make_adapter(base, tmp_path / str(i), seed=i), decoder) for i in (1, 2))]

    @torch.no_grad()
    def computed(number: int) -> torch.Tensor:
        with adapting(adapters[number]):
            states: torch.Tensor = decoder(IDS)
            return states

    alone = [computed(number) for number in range(3)]
    assert not torch.equal(alone[1], alone[2])
    with ThreadPoolExecutor(3) as pool:
        for number, state in zip([0, 1, 2] * 8, pool.map(computed, [0, 1, 2] * 8), strict=True):
            assert torch.equal(state, alone[number])


def test_what_does_not_fit_is_refused_by_its_names_and_shapes(base: Path, tmp_path: Path) -> None:
    folder = make_adapter(base, tmp_path / "adapter", seed=1)
    assert check_fits(folder, base).rank == 4
    wider = make_variant(base, tmp_path / "wider", width=64)
    with pytest.raises(InputError, match="another model: base_model"):
        check_fits(folder, wider)
    fields = json.loads((folder / CONFIG_FILE).read_text())
    for change, why in (
        ({"target_modules": ["embed_tokens"]}, "changes embed_tokens, and of this model down_proj"),
        ({"target_modules": "all-linear"}, "not a list"),
        ({"use_rslora": True}, "use_rslora"),
        ({"r": 0}, "rank is 0"),
        ({"r": 8}, "another model"),
    ):
        (folder / CONFIG_FILE).write_text(json.dumps({**fields, **change}))
        with pytest.raises(InputError) as caught:
            check_fits(folder, base)
        assert why in str(caught.value)


def test_damaged_numbers_and_files_are_refused(base: Path, tmp_path: Path) -> None:
    folder, decoder = make_adapter(base, tmp_path / "adapter", seed=1), adaptable(load(base))
    tensors = load_file(folder / WEIGHTS_FILE)
    next(iter(tensors.values()))[0, 0] = torch.nan
    save_file(tensors, folder / WEIGHTS_FILE)
    with pytest.raises(InputError, match="not finite"):
        load_low_rank(folder, decoder)
    (folder / WEIGHTS_FILE).write_bytes(b"no safetensors")
    with pytest.raises(InputError, match="SafetensorError"):
        load_low_rank(folder, decoder)
