"""Languages are told apart as the library tells them, in any script; what is no language has none."""

from __future__ import annotations

import numpy as np
import pytest
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from ingot.data.batch import of_texts
from ingot.data.filters.language import Config, annotate, identify

SENTENCES = {
    "en": "The tenant shall pay the rent on the first working day of each month.",
    "de": "Der Mieter hat die Miete am ersten Werktag jedes Monats zu zahlen.",
    "fr": "Le locataire doit payer le loyer le premier jour ouvrable de chaque mois.",
    "es": "El inquilino debe pagar el alquiler el primer día laborable de cada mes.",
    "it": "L'inquilino deve pagare l'affitto il primo giorno lavorativo di ogni mese.",
    "nl": "De huurder betaalt de huur op de eerste werkdag van elke maand.",
    "pl": "Najemca płaci czynsz pierwszego dnia roboczego każdego miesiąca.",
    "ru": "Арендатор платит арендную плату в первый рабочий день каждого месяца.",
    "tr": "Kiracı kirayı her ayın ilk iş gününde ödemekle yükümlüdür.",
    "ar": "يدفع المستأجر الإيجار في أول يوم عمل من كل شهر.",
    "hi": "किरायेदार हर महीने के पहले कार्य दिवस पर किराया देगा।",
    "zh": "承租人应当在每月的第一个工作日支付租金。",
    "ja": "借主は毎月最初の営業日に家賃を支払うものとします。",
    "ko": "임차인은 매월 첫 영업일에 임대료를 지불해야 합니다.",
}


def test_every_sentence_has_its_language() -> None:
    language, confidence = annotate(of_texts(SENTENCES.values()), Config())
    assert list(language.values) == list(SENTENCES)
    assert np.min(confidence.values) > 0.5


def test_it_says_what_the_library_says() -> None:
    library = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    for text in [
        *SENTENCES.values(),
        "A TITLE IN CAPITALS",
        "x y z",
        "Uzbek: Ўзбек тили ва адабиёти",
        "Србија и српски",
    ]:
        expected, probability = library.classify(text)
        assert identify(text) == (expected, pytest.approx(probability, abs=2e-3))


@pytest.mark.parametrize("text", ["", "  \n", "12 345 6789 0.5\n" * 30, "{}[]();", "😀"])
def test_what_is_no_language(text: str) -> None:
    language, confidence = annotate(of_texts([text]), Config())
    assert list(language.values) == [None]
    assert 0 <= confidence.values[0] < 1  # type: ignore[operator]  # values may be of any kind; these are numbers


def test_a_long_text_is_read_in_places() -> None:
    text = SENTENCES["en"] * 2 + SENTENCES["de"] * 2000
    assert list(annotate(of_texts([text]), Config())[0].values) == ["de"]


def test_the_least_confidence_is_yours() -> None:
    batch = of_texts([SENTENCES["en"]])
    assert list(annotate(batch, Config(least_confidence=1.1))[0].values) == [None]
