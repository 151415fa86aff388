from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from ingot.train.parallel.placement import Region
from ingot.train.parts import LAYOUT, Parts, layout_of, part_file

WHOLE = torch.arange(70.0).view(10, 7)


def written(folder: Path, *boxes: tuple[slice, slice]) -> Parts:
    """Write a tensor in boxes, one a file, and a number that only the first file has."""
    files = {}
    for rank, (rows, columns) in enumerate(boxes):
        part = WHOLE[rows, columns].contiguous()
        region = Region((rows.start, columns.start), tuple(part.shape), tuple(WHOLE.shape))
        tensors = {"weight": part, **({"count": torch.tensor(3.0)} if rank == 0 else {})}
        save_file(tensors, folder / part_file(rank, len(boxes)))
        shapes = {name: (tuple(tensor.shape), region if name == "weight" else None) for name, tensor in tensors.items()}
        files[part_file(rank, len(boxes))] = shapes
    (folder / LAYOUT).write_text(json.dumps(layout_of(files)))
    return Parts(folder)


def test_boxes_become_the_whole_and_any_region_of_it(tmp_path: Path) -> None:
    parts = written(tmp_path, (slice(0, 6), slice(0, 3)), (slice(0, 6), slice(3, 7)), (slice(6, 10), slice(0, 7)))
    assert set(parts) == {"weight", "count"}
    assert torch.equal(parts["weight"], WHOLE)
    assert torch.equal(parts["count"], torch.tensor(3.0))
    for rows in range(0, 10, 3):
        for columns in range(0, 7, 2):
            region = Region((rows, columns), (min(4, 10 - rows), min(3, 7 - columns)), (10, 7))
            assert torch.equal(parts.part("weight", region), WHOLE[region.slices])


def test_a_rank_that_holds_nothing_reads_nothing(tmp_path: Path) -> None:
    parts = written(tmp_path, (slice(0, 10), slice(0, 7)))
    assert parts.part("weight", Region((10, 0), (0, 7), (10, 7))).shape == (0, 7)


def test_what_one_process_wrote_is_read_in_parts_as_well(tmp_path: Path) -> None:
    save_file({"weight": WHOLE, "count": torch.tensor(3.0)}, tmp_path / "all.safetensors")
    parts = Parts(tmp_path, only="all.safetensors")
    assert set(parts) == {"weight", "count"}
    assert torch.equal(parts["weight"], WHOLE)
    assert torch.equal(parts["count"], torch.tensor(3.0))
    region = Region((2, 3), (4, 2), (10, 7))
    assert torch.equal(parts.part("weight", region), WHOLE[region.slices])
