"""The report as a person sees it: in a real browser, narrow and wide, light and dark, without a word to the network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from examples.report_picture import chromium, open_browser, take
from ingot.flow.home import Home
from tests.journeys.conftest import Ingot

pytestmark = pytest.mark.skipif(chromium() is None, reason="no Chromium on this machine")
PICTURE_LIMIT_BYTES = 200_000


@pytest.fixture
def report(built: Ingot) -> Path:
    return Home(built.home).get("acme-report").path / "report.html"


@pytest.fixture
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@pytest.mark.parametrize("width", [360, 1024, 1920])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_fits_every_screen_and_says_nothing_to_the_console(
    browser: Browser, report: Path, width: int, scheme: str
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(report.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert "bits per byte" in page.inner_text("body").lower()
    assert said == []
    assert asked == [report.as_uri()]


def test_its_picture_is_small_enough_for_the_readme(report: Path, tmp_path: Path) -> None:
    take(report, tmp_path / "report.png")
    assert 10_000 < (tmp_path / "report.png").stat().st_size <= PICTURE_LIMIT_BYTES


def test_the_picture_in_the_readme_is_small_enough() -> None:
    pictures = list(Path(__file__).parents[2].glob("docs/images/*"))
    assert pictures
    assert all(picture.stat().st_size <= PICTURE_LIMIT_BYTES for picture in pictures)
