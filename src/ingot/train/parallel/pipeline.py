"""Layers dealt out in runs: each process has one run, and the pieces of a batch go through all of them in a row.

Every stage does the forward pass of one piece, then the backward pass of another, by turns (Narayanan et al., 2019,
"PipeDream", section 3.2, with one update a step as in their "1F1B" of 2021), so no stage keeps more pieces than there
are stages behind it. torch's schedule does the turns; here a decoder is cut for it, and an objective that knows nothing
of stages is asked on the last one.

Where the embedding is the head as well, the first and the last stage have a copy each, and add up their gradients: both
copies take the same steps (Shoeybi et al., 2019, "Megatron-LM").

Shapes: B rows of one piece, T tokens of a row, t of them here, D width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.pipelining import PipelineStage, Schedule1F1B

from ingot.core.errors import UsageError
from ingot.model.decoder import Decoder
from ingot.plan.parallel import layers_of
from ingot.train.objective import Loss, Objective, TensorBatch
from ingot.train.parallel.context import Context
from ingot.train.parallel.passing import Passing, asks_of_loss, learn_from


@dataclass(frozen=True)
class Stage:
    """Stage `index` of `stages`; `group` has the others that read the same rows."""

    index: int = 0
    stages: int = 1
    group: Any = None

    @property
    def is_first(self) -> bool:
        return self.index == 0

    @property
    def is_last(self) -> bool:
        return self.index == self.stages - 1

    def layers(self, layers: int) -> range:
        """Return which of a model's layers are here."""
        return layers_of(self.index, self.stages, layers)

    def keep(self, decoder: Decoder) -> None:
        """Leave of a decoder only what belongs to this stage; what is left keeps its name."""
        own = self.layers(decoder.config.layers)
        for number in set(range(decoder.config.layers)).difference(own):
            del decoder.layers._modules[str(number)]  # deleted as an item, those behind it would be renamed
        # Beside the head there may be one of an objective.
        absent = set() if self.is_last else {name for name, _ in decoder.named_children()} - {"embed_tokens", "layers"}
        if not (self.is_first or (self.is_last and decoder.config.has_tied_embeddings)):
            absent.add("embed_tokens")
        for name in absent:
            setattr(decoder, name, None)

    def owner(self, name: str, layers: int) -> int:
        """Return the stage that writes a weight."""
        kind, _, rest = name.partition(".")
        if kind != "layers":
            return 0 if kind == "embed_tokens" else self.stages - 1
        number = int(rest.partition(".")[0])
        return next(stage for stage in range(self.stages) if number in layers_of(stage, self.stages, layers))

    def add_up(self, gradient: Tensor) -> None:
        """Add up the gradients of the first and the last stage, in place and with the same bits on both."""
        peer = dist.get_global_rank(self.group, self.stages - 1 if self.is_first else 0)
        theirs, mine = torch.empty_like(gradient), gradient.contiguous()
        operations = [dist.P2POp(dist.isend, mine, peer), dist.P2POp(dist.irecv, theirs, peer)]
        for work in dist.batch_isend_irecv(operations):
            work.wait()
        gradient.add_(theirs)


class Pipeline:
    """Takes the pieces of a batch through all stages and back."""

    def __init__(self, decoder: Decoder, stage: Stage, context: Context) -> None:
        self._decoder, self._stage, self._context = decoder, stage, context
        self._passing = Passing(decoder, context, stage.is_first, stage.is_last)
        self._schedules: dict[tuple[int, ...], Schedule1F1B] = {}
        self._pieces: Sequence[TensorBatch] = ()
        self._losses: list[Loss] = []
        self._objective: Objective | None = None

    def learn(self, objective: Objective, pieces: Sequence[TensorBatch]) -> Loss:
        """Add the gradients of all pieces to those of the weights here; return the loss, on the last stage alone."""
        self._objective, self._pieces, self._losses, self._passing.loads = objective, pieces, [], []
        segments: dict[str, Any] = {"segments_BT": torch.cat([piece.segments_BT for piece in pieces])}
        tokens = (torch.cat([piece.tokens_BT for piece in pieces]),) if self._stage.is_first else ()
        # What a schedule hands to the loss is a piece of a tensor: here the number of the piece.
        number = torch.arange(len(pieces)) if self._stage.is_last else None
        schedule = self._schedule(len(pieces), pieces[0])
        schedule.step(*tokens, target=number, return_outputs=False, **segments)
        totals = [loss.total for loss in self._losses]
        total = torch.stack(totals).sum() if totals else torch.zeros(())
        return Loss(total, sum(loss.count for loss in self._losses), _summed(self._losses))

    def load(self) -> Tensor:
        """Return how many tokens each expert here read in the last `learn`, [MoE layers here, experts]."""
        return torch.stack(self._passing.loads).sum(0)

    def _schedule(self, count: int, piece: TensorBatch) -> Schedule1F1B:
        key = (count, *piece.tokens_BT.shape)
        if key not in self._schedules:
            rows, tokens = piece.tokens_BT.shape
            with torch.device("meta"):
                read = torch.empty(rows, tokens, dtype=torch.int64)
                width = self._decoder.config.width
                stream = torch.empty(rows, tokens // self._context.parts, width, dtype=self._decoder.dtype)
                handed = [stream, torch.empty(1)] if asks_of_loss(self._decoder) else [stream]
            handed = [each.requires_grad_() for each in handed]
            # Told what comes and goes, the stages need not try it first.
            stage = PipelineStage(
                self._decoder,
                self._stage.index,
                self._stage.stages,
                piece.tokens_BT.device,
                input_args=(read,) if self._stage.is_first else tuple(handed),
                output_args=tuple(handed),
                group=self._stage.group,
            )
            # Losses are sums, so nothing is divided by the number of pieces.
            self._schedules[key] = Schedule1F1B(stage, count, loss_fn=self._loss_of, scale_grads=False)
        return self._schedules[key]

    def _loss_of(self, output: Any, number: Tensor) -> Tensor:
        assert self._objective is not None, "a schedule runs inside `learn`"
        hidden_BtD: Tensor
        hidden_BtD, asked = output if isinstance(output, tuple) else (output, None)
        piece = self._context.asked_here(self._pieces[int(number)])

        def read(tokens_BT: Tensor, segments_BT: Tensor | None) -> Tensor:
            is_same = tokens_BT is piece.tokens_BT or torch.equal(tokens_BT, piece.tokens_BT)
            if not is_same or segments_BT is not piece.segments_BT:
                raise _other_rows()
            return hidden_BtD

        loss = learn_from(self._decoder, self._objective, piece, self._context, read, asked)
        self._losses.append(Loss(loss.total.detach(), loss.count, loss.metrics))
        return loss.total


def _other_rows() -> UsageError:
    return UsageError(
        "this objective reads other rows than those of the batch",
        where="--parallel, pipeline",
        why="the first stage has read them before the objective, which is asked on the last one, could change them",
        fix="set pipeline to 1, or train with the objective next_token or supervised",
    )


def _summed(losses: Sequence[Loss]) -> dict[str, float]:
    names = dict.fromkeys(name for loss in losses for name in loss.metrics)
    return {name: sum(loss.metrics.get(name, 0.0) for loss in losses) for name in names}
