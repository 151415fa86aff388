"""The models that judge texts for policies, from a home folder."""

from __future__ import annotations

from ingot.core.errors import UsageError
from ingot.data.text_classifier import MODEL_FILE
from ingot.data.text_classifier import load as load_words
from ingot.flow.artifact import Artifact
from ingot.flow.home import Home
from ingot.infer.classify import Classifier
from ingot.infer.engine import Engine
from ingot.infer.grammar import Grammar
from ingot.infer.sampling import SamplingParams
from ingot.safety.watches import Scorer
from ingot.serve.ports import ModelSource, ServedModel
from ingot.tokenizer.chat import render

_ANSWERS = Grammar("regex", "yes|no")
_MOST_TOKENS = 8  # of an answer that is one word


class HomeScorers:
    """Classifiers of a home folder, and the models served from it as judges."""

    def __init__(self, home: Home, source: ModelSource) -> None:
        self._home, self._source = home, source

    def words(self, artifact: str) -> Scorer:
        """Return what scores `positive` with a classifier of words. Raises InputError for another kind of artifact."""
        classifier = load_words(self._found(artifact).path)
        return lambda text: {"positive": classifier.score(text)}

    def classes(self, artifact: str) -> Scorer:
        """Return what scores every class of a model. Raises InputError for a model that writes."""
        return Classifier(self._found(artifact).path).scores

    def classifier(self, artifact: str) -> Scorer:
        """Return what scores every class of either kind: `positive` and `negative` for a classifier of words."""
        path = self._found(artifact).path
        if not (path / MODEL_FILE).is_file():
            return Classifier(path).scores
        score = load_words(path).score
        return lambda text: {"positive": (found := score(text)), "negative": 1 - found}

    def judge(self, model: str, question: str) -> Scorer:
        """Return what asks a served model a question about a text. It is sure or not at all: 1 for yes, 0 for no."""

        def score(text: str) -> dict[str, float]:
            served = self._taken(model)
            try:
                return {"yes": float(_says_yes(served, question, text))}
            finally:
                served.lease.give_back()

        return score

    def _taken(self, model: str) -> ServedModel:
        """Return a served model, opened where it was closed to make room; its lease must be given back."""
        while True:
            served = self._source.find(model)
            if served is not None and served.lease.take():
                return served
            opening = None if served is not None else self._source.opening(model)
            if served is None and opening is None:
                raise UsageError(f"the judge {model!r} is not served", fix="serve it beside the others")
            if opening is not None:
                opening.result()

    def _found(self, reference: str) -> Artifact:
        return self._home.get(reference)


def _says_yes(served: ServedModel, question: str, text: str) -> bool:
    engine = served.engine
    params = SamplingParams(max_tokens=_MOST_TOKENS, temperature=0.0, grammar=_ANSWERS)
    prompt = _prompt(served, question, text)
    return "".join(token.text for token in engine.generate(prompt, params)).strip() == "yes"


def _prompt(served: ServedModel, question: str, text: str) -> list[int]:
    engine: Engine = served.engine
    codec = engine.codec
    # The text comes before the question, and is cut to what fits: what it says cannot push the question out.
    room = engine.context - len(codec.encode(question)) - _MOST_TOKENS - 32
    body = codec.decode(codec.encode(text)[: max(room, 0)])
    asked = f"Text:\n{body}\n\nQuestion about the text: {question}\nAnswer with yes or no."
    if served.kind == "base":
        return [codec.bos, *codec.encode(f"{asked}\nAnswer: ")]
    return render([{"role": "user", "content": asked}], codec, add_generation_prompt=True).ids
