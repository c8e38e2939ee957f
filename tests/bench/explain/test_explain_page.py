"""The page of an explanation in a real browser: on a phone, in both themes, by keyboard, without scripts."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bench.records.store import RecordStore
from bench_command import bench
from browser import Visit, chromium
from made_records import made_cell, made_record

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

pytestmark = pytest.mark.slow

HOSTILE = ("<img src=x onerror='window.hacked = 1'>", "</style><script>window.hacked = 1</script>", "person")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Chrome"]:
    with chromium(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture(scope="module")
def address(trained: Path, data: Path) -> str:
    """The page of two trained models, with thumbnails and maps."""
    page = trained / "page.html"
    asked = ("resnet", "add-gcn", "--data", "voc2007", "--resamples", "100", "--show", "2", "--small", "0.04")
    done = bench(trained, data, "explain", *asked, "--device", "cpu", "--out", str(page))
    assert done.exit_code == 0, done.output
    return page.as_uri()


@pytest.fixture
def visit(browser: "Chrome", address: str) -> Iterator[Visit]:
    visit = Visit(browser, address)
    yield visit
    assert browser.get_log("browser") == [], "nothing to complain about, the policy of the page included"
    visit.command("Emulation.setScriptExecutionDisabled", value=False)


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("unfolded", [False, True])
def test_it_is_no_wider_than_the_screen(visit: Visit, width: int, unfolded: bool) -> None:
    visit.open(width=width)
    if unfolded:
        visit.script("document.querySelectorAll('details').forEach((one) => { one.open = true })")
    assert visit.script("return document.documentElement.scrollWidth") <= width
    beyond = "return [...document.querySelectorAll('main *')].filter((one) => "
    beyond += "one.getBoundingClientRect().right > innerWidth + 1).map((one) => one.outerHTML.slice(0, 80))"
    assert visit.script(beyond) == []


def test_every_picture_is_there_and_nothing_is_loaded(visit: Visit) -> None:
    visit.open()
    visit.script("document.querySelectorAll('details').forEach((one) => { one.open = true })")
    sizes = visit.script("return [...document.images].map((one) => [one.naturalWidth, one.naturalHeight])")
    assert len(sizes) > 12 and all(1 < max(size) <= 256 for size in sizes)
    assert visit.script("return performance.getEntriesByType('resource').length") == 0
    for card in visit.all(".card"):
        assert len(card.find_elements("css selector", "figure")) == 3, "the picture, and a map of each method"


def test_it_is_used_by_keyboard(visit: Visit) -> None:
    from selenium.webdriver import Keys

    visit.open()
    visit.press(*[Keys.TAB] * 6)
    assert visit.focused().text == "Conditions", "the links to the parts come first"
    visit.press(Keys.TAB)
    summary = visit.focused()
    assert summary.tag_name == "summary"
    examples = summary.find_element("xpath", "..")
    image = examples.find_element("css selector", "img")
    assert examples.get_attribute("open") is None and not image.is_displayed()
    visit.press(Keys.ENTER)
    assert examples.get_attribute("open") is not None and image.is_displayed()
    visit.press(Keys.SPACE)
    assert not image.is_displayed()


def test_it_is_whole_without_scripts(visit: Visit) -> None:
    visit.open(scripts=False)
    text = visit.one("body").text
    for part in ("Kinds of errors", "Small object", "gains most", "Whole images", "bootstrap resamples"):
        assert part in text
    visit.one("summary").click()
    assert visit.one("details img").is_displayed()


@pytest.mark.parametrize("width", [390, 1280])
def test_rows_are_laid_out_one_below_the_other_and_stay_a_table(visit: Visit, width: int) -> None:
    visit.open(width=width)
    rows = visit.all("table[aria-labelledby=missed-by-kind-title] tbody tr")
    tops = [row.rect["y"] for row in rows]
    assert len(rows) == 4 and tops == sorted(tops)
    cells = rows[0].find_elements("css selector", "td")
    assert [cell.is_displayed() for cell in cells] == [width > 600, True, True, True]
    assert {cell.aria_role for cell in cells[1:]} == {"cell"}
    assert rows[0].aria_role == "row"


@pytest.mark.parametrize("dark", [False, True])
def test_words_stand_out_from_what_is_behind_them(visit: Visit, dark: bool) -> None:
    """By the contrast that WCAG 2.2 asks for, 1.4.3."""
    visit.open(dark=dark)
    paper = visit.script("return getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(251, 251, 250)") != dark
    ratios = visit.contrasts("td, th, li, p, small, a, b, span, dt, dd, h1, h2, h3, summary, figcaption")
    assert len(ratios) > 100 and min(ratios) >= 4.5


def test_nothing_from_a_record_runs(browser: "Chrome", tmp_path: Path) -> None:
    store = RecordStore(tmp_path / "results")
    for method in ("resnet", "ml-gcn"):
        store.save(*made_record(made_cell(method), HOSTILE))
    done = bench(tmp_path, None, "explain", "resnet", "ml-gcn", "--data", "voc2007", "--resamples", "100")
    assert done.exit_code == 0, done.output
    page = tmp_path / "results" / "explain" / "resnet-vs-ml-gcn-voc2007.html"
    visit = Visit(browser, page.as_uri()).open()
    assert visit.script("return window.hacked") is None
    assert visit.all("img") == [] and visit.all("script") == []
    assert HOSTILE[0] in visit.one("body").text and browser.get_log("browser") == []
