"""What stands on a decoder that judges texts instead of writing them: a matrix of classes, or an embedding.

Put on from outside. Both read the hidden state of whole documents, of which several lie in a row: each ends with its
end mark, and what may follow that up to the next document (a label, filling) is not read. Classes are read from the
state at the end mark, as transformers' `...ForSequenceClassification` does: it takes the last token that is no filling.

Shapes: B rows, T tokens, D width, N documents of all rows in order, C classes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ingot.core.errors import InputError
from ingot.core.storage import write_atomically
from ingot.model.convert import SpecialTokens, load, save
from ingot.model.decoder import Decoder
from ingot.model.layers import Projection

Kind = Literal["last", "mean"]


class Documents(NamedTuple):
    """The documents in some rows: where each ends among all tokens, and of every token the document that reads it.

    `number_S` is -1 for tokens behind an end mark.
    """

    ends_N: Tensor
    number_S: Tensor


def documents_in(tokens_BT: Tensor, segments_BT: Tensor, end: int) -> Documents:
    """Find the documents of rows that hold whole ones only, by their end marks."""
    is_end_BT = tokens_BT == end
    # As many documents have ended before a token as lie before its own, unless its own has ended, too.
    is_read_BT = (is_end_BT.cumsum(1) - is_end_BT.long()) == segments_BT
    is_end_S = (is_end_BT & is_read_BT).flatten()
    number_S = is_end_S.cumsum(0) - is_end_S.long()
    return Documents(is_end_S.nonzero().squeeze(1), number_S.masked_fill(~is_read_BT.flatten(), -1))


class Pooling(nn.Module):
    """Makes one vector of a document, of length one: of its end mark's state, or of the mean of all its states."""

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, hidden_BTD: Tensor, documents: Documents) -> Tensor:
        """Return [N, D] in float32."""
        hidden_SD = hidden_BTD.flatten(0, 1)
        if self.kind == "last":
            return F.normalize(hidden_SD[documents.ends_N].float(), dim=-1)
        read_S = (documents.number_S >= 0).nonzero().squeeze(1)
        sums_ND = hidden_SD.new_zeros(len(documents.ends_N), hidden_SD.size(1), dtype=torch.float32)
        # The length takes out the count, by which a mean would divide.
        return F.normalize(sums_ND.index_add(0, documents.number_S[read_S], hidden_SD[read_S].float()), dim=-1)


def class_weights(width: int, classes: int, seed: int) -> Tensor:
    """Draw a matrix of classes [C, D]: the same for a seed, whatever was drawn before."""
    return torch.empty(classes, width, device="cpu").normal_(std=0.02, generator=torch.Generator().manual_seed(seed))


def put_classes(decoder: Decoder, classes: int, seed: int = 0) -> Decoder:
    """Put a matrix of classes in the place of the head, in place; return the decoder."""
    with torch.device("meta"):
        decoder.score = Projection(decoder.config.width, classes)
    device = decoder.embed_tokens.weight.device
    if device.type != "meta":
        decoder.score.weight = nn.Parameter(class_weights(decoder.config.width, classes, seed).to(device))
    decoder.lm_head = None
    return decoder


def put_pooling(decoder: Decoder, kind: Kind) -> Decoder:
    """Put an embedding on the decoder, in place; return it. Its head, if it has one of its own, learns nothing."""
    decoder.pooling = Pooling(kind)
    if decoder.lm_head is not None:
        decoder.lm_head.requires_grad_(False)
    return decoder


def class_logits(decoder: Decoder, hidden_BTD: Tensor, documents: Documents) -> Tensor:
    """Return the log-odds of the classes for each document, [N, C], in float32."""
    score = cast("Projection", decoder.score)
    logits_NC: Tensor = score(hidden_BTD.flatten(0, 1)[documents.ends_N]).float()
    return logits_NC


def embeddings(decoder: Decoder, hidden_BTD: Tensor, documents: Documents) -> Tensor:
    """Return the vector of each document, [N, D], in float32 and of length one."""
    pooling = cast("Pooling", decoder.pooling)
    vectors_ND: Tensor = pooling(hidden_BTD, documents)
    return vectors_ND


def save_classifier(decoder: Decoder, names: Sequence[str], folder: Path, special: SpecialTokens) -> None:
    """Write the decoder as a folder that transformers opens for sequence classification; `names` are the classes'."""
    save(decoder, folder, special)
    fields: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    fields["architectures"] = [fields["architectures"][0].replace("ForCausalLM", "ForSequenceClassification")]
    fields["id2label"] = {str(number): name for number, name in enumerate(names)}
    fields["label2id"] = {name: number for number, name in enumerate(names)}
    # One class alone is a number, which transformers reads under this name only.
    fields["problem_type"] = "regression" if len(names) == 1 else "single_label_classification"
    write_atomically(folder / "config.json", json.dumps(fields, indent=2) + "\n")
    (folder / "generation_config.json").unlink()


def load_classifier(folder: Path) -> tuple[Decoder, tuple[str, ...]]:
    """Open a folder that tells classes apart; return the decoder and their names in order.

    Raises InputError when the folder holds another kind of model, or its weights do not fit.
    """
    names = class_names(folder)
    return load(folder, put=lambda decoder: put_classes(decoder, len(names))), names


def class_names(folder: Path) -> tuple[str, ...]:
    """Return the names of the classes of a folder in order. Raises InputError when it tells none apart."""
    try:
        fields = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        is_one = fields["architectures"][0].endswith("ForSequenceClassification")
        names = {int(number): str(name) for number, name in fields.get("id2label", {}).items()}
    except (OSError, ValueError, LookupError) as error:
        raise InputError("this is not a model", where=str(folder), why=str(error)) from error
    if not is_one or not names or sorted(names) != list(range(len(names))):
        raise InputError(
            "this model does not tell classes apart",
            where=str(folder),
            why="it writes text, or makes vectors of it",
            fix="train one with the objective `classification`",
        )
    return tuple(names[number] for number in sorted(names))


def save_embedder(decoder: Decoder, longest: int, folder: Path, special: SpecialTokens) -> None:
    """Write the decoder as a folder that sentence-transformers opens, and transformers as a model.

    Of texts longer than `longest` tokens the beginning is read.
    """
    save(decoder, folder, special)
    kind = cast("Pooling", decoder.pooling).kind
    modules = (("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize"))
    listed = [
        {"idx": place, "name": str(place), "path": path, "type": f"sentence_transformers.models.{name}"}
        for place, (path, name) in enumerate(modules)
    ]
    pooling = {
        "word_embedding_dimension": decoder.config.width,
        "pooling_mode_cls_token": False,
        "pooling_mode_mean_tokens": kind == "mean",
        "pooling_mode_max_tokens": False,
        "pooling_mode_mean_sqrt_len_tokens": False,
        "pooling_mode_weightedmean_tokens": False,
        "pooling_mode_lasttoken": kind == "last",
        "include_prompt": True,
    }
    contents: dict[str, Any] = {
        "modules.json": listed,
        "1_Pooling/config.json": pooling,
        "sentence_bert_config.json": {"max_seq_length": longest, "do_lower_case": False},
        "config_sentence_transformers.json": {"prompts": {}, "similarity_fn_name": "cosine"},
    }
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        write_atomically(path, json.dumps(content, indent=2) + "\n")
