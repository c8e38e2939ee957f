"""The leaderboard in a real browser: by pointer and keyboard, on a phone, in both themes, without scripts."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import pytest
from PIL import Image

from bench.leaderboard.write import write_leaderboard
from bench.metrics.protocol import PROTOCOLS
from bench.records.store import RecordStore
from browser import Visit, chromium
from made_records import failed_record, made_cell, made_metrics, made_record
from made_tunes import made_tune

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

pytestmark = pytest.mark.slow

PICTURES = (
    "figures/scenes-per-class.png",
    "figures/scenes-scenes+salgl.png",
    "figures/scenes-reversed-per-class.png",  # of another data set
    "figures/scenes-activation+ml-gcn+salgl@+a cat#1.png",
    "explain/ml-gcn-vs-resnet-scenes.html",
)
HOSTILE = "<img src=x onerror='window.hacked = 1'>"
CLASSES = ("boat", "dog", HOSTILE)
AP = {
    ("scenes", "prior"): 0.1,
    ("scenes", "resnet"): 0.5,
    ("scenes", "ml-gcn"): 0.9,
    ("scenes", "ssgrl"): 0.101,
    ("scenes", "salgl"): 0.7,
    ("voc2007", "resnet"): 0.6,
    ("voc2007", "ml-gcn"): 0.7,
    ("voc2007", "salgl"): 1.0,
}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Chrome"]:
    """One for all tests, because it takes a while to start."""
    with chromium(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of a tune and some records: other protocols, a failed run, hostile words among them."""
    folder = tmp_path_factory.mktemp("leaderboard")
    store = RecordStore(made_tune(folder / "results"))
    for (data, method), value in AP.items():
        metrics = made_metrics((value, value / 2, value / 3))
        for seed in (0, 1) if method == "resnet" else (0,):
            store.save(*made_record(made_cell(method, seed, data), CLASSES, metrics=metrics))
    store.save(*made_record(made_cell(protocol=PROTOCOLS["salgl"]), CLASSES))
    store.save(failed_record(made_cell("add-gcn"), HOSTILE), None)
    for name in PICTURES:
        path = folder / "results" / name
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8)).save(path) if path.suffix == ".png" else path.write_text("<p>why</p>")
    return write_leaderboard(store, folder / "out")[1].as_uri()


@pytest.fixture
def visit(browser: "Chrome", address: str) -> Iterator[Visit]:
    """A page that is opened by the test. Afterwards the browser must have had nothing to complain about."""
    visit = Visit(browser, address)
    yield visit
    assert browser.get_log("browser") == []
    visit.command("Emulation.setScriptExecutionDisabled", value=False)
    browser.get(address)
    assert visit.script("return performance.getEntriesByType('resource').length") == 0
    visit.script("localStorage.clear()")


def test_sorting_by_pointer(visit: Visit) -> None:
    visit.open()
    assert visit.column("ranking", 1) == ["1", "1", "3", "4 on 1 of 2 data sets", ""]
    scenes = visit.all("#ranking thead th")[4]
    scenes.find_element("css selector", "button").click()
    assert scenes.get_attribute("aria-sort") == "descending"
    expected = ["ML-GCN", "SALGL", "ResNet baseline", "SSGRL", "Label frequency"]
    assert visit.column("ranking", 0) == expected
    scenes.find_element("css selector", "button").click()
    assert scenes.get_attribute("aria-sort") == "ascending"
    assert visit.column("ranking", 0) == expected[::-1]
    voc = visit.all("#ranking thead th")[5]
    voc.find_element("css selector", "button").click()
    assert (voc.get_attribute("aria-sort"), scenes.get_attribute("aria-sort")) == ("descending", None)
    assert visit.column("ranking", 0)[:3] == ["SALGL", "ML-GCN", "ResNet baseline"]
    assert visit.column("ranking", 5)[3:] == ["–", "– #4"], "what has no value stays last"
    voc.find_element("css selector", "button").click()
    assert visit.column("ranking", 5)[3:] == ["–", "– #4"]
    visit.all("#ranking thead button")[0].click()
    assert visit.column("ranking", 0) == ["Label frequency", "ML-GCN", "ResNet baseline", "SALGL", "SSGRL"]


def test_the_mean_stays_last_where_classes_are_sorted(visit: Visit) -> None:
    visit.open()
    visit.all("#data-1-classes thead button")[2].click()
    assert visit.column("data-1-classes", 0) == ["boat", "dog", HOSTILE]
    visit.all("#data-1-classes thead button")[2].click()
    assert visit.column("data-1-classes", 0) == [HOSTILE, "dog", "boat"]
    assert visit.one("#data-1-classes tfoot th").text == "mAP"


def test_filtering(visit: Visit) -> None:
    visit.open()
    field = visit.one("input[data-table=ranking]")
    field.send_keys("GCN")
    assert visit.column("ranking", 0) == ["ML-GCN"]
    assert visit.one("output[data-table=ranking]").text == "1 of 5 rows"
    field.clear()
    field.send_keys("l q")
    assert visit.column("ranking", 0) == ["Label frequency"], "all words, in any column"
    field.clear()
    field.send_keys(" ")
    assert len(visit.column("ranking", 0)) == 5 and visit.one("output[data-table=ranking]").text == ""
    published = visit.one("input[data-table=published]")
    published.send_keys("add-gcn coco")
    rows = visit.all("#published tbody tr:not([hidden])")
    assert rows and all("ADD-GCN" in row.text and "coco" in row.text.lower() for row in rows)


def test_the_theme_follows_the_system_until_somebody_chooses(visit: Visit) -> None:
    paper = "return getComputedStyle(document.body).backgroundColor"
    light, dark = (visit.open(dark=dark).script(paper) for dark in (False, True))
    assert light == "rgb(255, 255, 255)" != dark
    assert visit.one("#theme").get_attribute("aria-pressed") == "true"
    visit.one("#theme").click()
    assert visit.script(paper) == light and visit.one("#theme").get_attribute("aria-pressed") == "false"
    assert visit.open(dark=True).script(paper) == light, "the choice is kept"
    visit.one("#theme").click()
    assert visit.script(paper) == dark


def test_how_a_number_was_made_is_shown_under_the_pointer(visit: Visit) -> None:
    from selenium.webdriver import ActionChains

    visit.open()
    tip = visit.one("#tip")
    assert not tip.is_displayed()
    cell = visit.all("#ranking tbody tr:nth-child(3) td")[3]
    ActionChains(visit.browser).move_to_element(cell).perform()
    assert tip.is_displayed() and cell.get_attribute("aria-describedby") == "tip"
    words = tip.text
    assert words.startswith("ResNet baseline, Scenes mAP: 30.6 ± 0.0 #3")
    for part in (
        "over seeds 0, 1",
        "schedule: made",
        "protocol: bench — AP not interpolated",
        "data: scenes, ",
    ):
        assert part in words
    ActionChains(visit.browser).move_to_element(visit.one("h1")).perform()
    assert not tip.is_displayed() and cell.get_attribute("aria-describedby") is None


def test_everything_is_reached_by_keyboard(visit: Visit) -> None:
    from selenium.webdriver import Keys

    visit.open()
    visit.script("arguments[0].focus()", visit.one("input[data-table=ranking]"))
    visit.press(Keys.TAB)
    assert visit.focused().get_attribute("role") == "region", "so that the arrow keys scroll it"
    visit.press(Keys.TAB, Keys.TAB, Keys.TAB)
    assert visit.focused().text == "Mean rank"
    visit.press(Keys.ENTER)
    assert visit.all("#ranking thead th")[2].get_attribute("aria-sort") == "ascending"
    visit.press(Keys.SPACE)
    assert visit.column("ranking", 0)[:4] == ["SSGRL", "ResNet baseline", "SALGL", "ML-GCN"]
    visit.press(*[Keys.TAB] * 4)
    assert visit.focused().tag_name == "td", "one stop for all the numbers of a table"
    visit.press(Keys.HOME, *[Keys.ARROW_RIGHT] * 4, Keys.ARROW_DOWN, Keys.ARROW_DOWN)
    tip = visit.one("#tip")
    assert tip.is_displayed() and tip.text.startswith("SALGL, PASCAL VOC 2007 mAP")
    assert "protocol: bench" in tip.text
    visit.press(Keys.ESCAPE)
    assert not tip.is_displayed()
    visit.press(Keys.ARROW_UP)
    assert tip.text.startswith("ResNet baseline, PASCAL VOC 2007")
    visit.press(Keys.ARROW_UP, Keys.ARROW_UP)
    first = visit.focused().find_element("xpath", "..").text
    assert first.startswith("SSGRL"), "there is nothing above the first row"
    visit.press(Keys.TAB)
    assert not tip.is_displayed() and visit.focused().tag_name != "td"
    visit.one("input[data-table=ranking]").send_keys("salgl", Keys.TAB, *[Keys.TAB] * 7)
    assert visit.focused().find_element("xpath", "..").text.startswith("SALGL"), (
        "what is filtered out is no stop"
    )


@pytest.mark.parametrize("width", [390, 1280, 1920])
def test_the_page_is_no_wider_than_the_screen(visit: Visit, width: int) -> None:
    visit.open(width=width)
    assert visit.script("return document.documentElement.scrollWidth") <= width
    last = visit.all("#data-1-comparison tbody tr:first-child td")[-1]
    last.click()
    box = visit.script("return document.getElementById('tip').getBoundingClientRect().toJSON()")
    assert box["left"] >= 0 and box["right"] <= width and box["top"] >= 0 and box["bottom"] <= 844
    head = visit.one("#data-1-comparison tbody th").rect
    assert head["x"] >= 0, "the name of the method stays where the numbers are scrolled"


def test_the_main_tables_fit_a_laptop(visit: Visit) -> None:
    visit.open(width=1280)
    hidden = "return arguments[0].scrollWidth - arguments[0].clientWidth"
    for table in ("ranking", "data-1-comparison", "data-2-comparison"):
        assert visit.script(hidden, visit.one(f".scroll:has(#{table})")) == 0, table
    assert len(visit.all("#data-1-comparison thead th")) == 15 and visit.one("#data-1-comparison small.under")


@pytest.mark.parametrize(("width", "dark"), [(390, True), (1280, False), (1920, False)])
def test_the_page_leads_with_who_is_ahead(visit: Visit, width: int, dark: bool) -> None:
    visit.open(width=width, dark=dark)
    first = "return document.querySelector('main').firstElementChild.id"
    assert visit.script(first) == "lead" and len(visit.all("main figure")) == 1
    panels = visit.all("#lead .panel")
    assert [panel.find_element("css selector", "h3").text for panel in panels] == [
        "Scenes",
        "PASCAL VOC 2007",
    ]
    for panel, data in zip(panels, ("scenes", "voc2007"), strict=True):
        means = {m: 100 * AP[d, m] * 11 / 18 for d, m in AP if d == data and m != "prior"}
        shown = [one.text for one in panel.find_elements("css selector", ".value b")]
        assert shown == [f"{value:.1f}" for value in sorted(means.values(), reverse=True)]
        places = [one.rect["x"] for one in panel.find_elements("css selector", ".track .dot")]
        assert places == sorted(places, reverse=True) and len({*places}) == len(places)
        for track in panel.find_elements("css selector", ".track"):
            box, bar = track.rect, track.find_element("css selector", ".interval").rect
            assert box["x"] - 1 <= bar["x"] and bar["x"] + bar["width"] <= box["x"] + box["width"] + 1
    if width == 1280:
        assert panels[0].rect["y"] < 500 and panels[0].rect["y"] == panels[1].rect["y"], (
            "seen without scrolling"
        )
        assert "floor: 6.1 %" in panels[0].text and "floor" not in panels[1].text


@pytest.mark.parametrize("dark", [False, True])
def test_words_stand_out_from_what_is_behind_them(visit: Visit, dark: bool) -> None:
    """By the contrast that WCAG 2.2 asks for, 1.4.3; the hottest cells of the heat map included."""
    ratios = visit.open(dark=dark).contrasts(
        "td, th, li, p, small, button, a, b, summary, figcaption, .away, .name, .ticks span"
    )
    assert len(ratios) > 200 and min(ratios) >= 4.5


def test_the_heat_map_is_hotter_where_the_value_is_higher(visit: Visit) -> None:
    visit.open()
    cells = visit.all("#data-1-classes tbody tr:first-child td")
    text = "return arguments[0].map((cell) => [cell.style.getPropertyValue('--heat'), "
    text += "getComputedStyle(cell).backgroundColor])"
    heats, colours = zip(*visit.script(text, cells), strict=True)
    values = [AP["scenes", method] for method in ("prior", "resnet", "ml-gcn", "ssgrl", "salgl")]
    assert sorted(range(5), key=lambda n: float(heats[n])) == sorted(range(5), key=lambda n: values[n])
    assert max(map(float, heats)) == 1 and len(set(colours)) == 5


def test_nothing_from_a_record_runs(visit: Visit) -> None:
    visit.open()
    assert visit.script("return window.hacked") is None and visit.all("img") == []
    assert visit.column("data-1-classes", 0)[2] == HOSTILE
    assert HOSTILE in visit.one("#left-out").text
    visit.all("#data-1-classes tbody tr:nth-child(3) td")[1].click()
    assert visit.one("#tip").text.startswith(HOSTILE) and visit.all("#tip img") == []


def test_the_charts_show_every_method(visit: Visit) -> None:
    visit.open()
    charts = visit.all("#data-1 .chart")
    labels = [one.get_attribute("aria-label") or "" for one in charts]
    assert [label.partition(" against ")[2] for label in labels[:4]] == [
        "parameters (M)",
        "GFLOPs per image",
        "test images/s",
        "peak memory (MiB)",
    ]
    assert labels[4:] == ["training loss after each epoch", "mAP (%) after each epoch"]
    assert len(charts[0].find_elements("css selector", "use")) == 4, "the floor costs nothing"
    words = charts[0].find_elements("css selector", "title")[1].get_attribute("textContent")
    assert words == "ML-GCN: 2.00 parameters (M), mAP 55.0 %"
    assert len(charts[4].find_elements("css selector", "path.curve")) == 4


def test_a_tune_has_curves_in_their_bands_and_a_table(visit: Visit) -> None:
    visit.open()
    charts = visit.all("#tuned-part .chart")
    assert [one.get_attribute("aria-label") for one in charts] == [
        "Tuning curves by trials",
        "Tuning curves by hours",
    ]
    for one in charts:
        bands, curves = (one.find_elements("css selector", f"path.{kind}") for kind in ("band", "curve"))
        assert len(bands) == len(curves) == 2, "of each method"
        for band, curve in zip(bands, curves, strict=True):
            around, within = (visit.script("return arguments[0].getBBox()", path) for path in (band, curve))
            assert around["y"] <= within["y"]
            assert within["y"] + within["height"] <= around["y"] + around["height"] + 0.1
    assert "+1.00 (p 0.00)" in visit.one("#tune-1 tbody").text


def test_it_can_be_read_without_scripts(visit: Visit) -> None:
    visit.open(scripts=False)
    assert visit.all("button:not(#theme)") == []
    assert [one.is_displayed() for one in visit.all("#theme, input")] == [False] * len(
        visit.all("#theme, input")
    )
    ranking = visit.one("#ranking").text
    assert "SALGL" in ranking and "Label frequency" in ranking
    assert "protocol: bench — AP not interpolated" in visit.one("#data-1-conditions").text
    assert all(table.is_displayed() for table in visit.all("table"))
    assert all(one.is_displayed() for one in visit.all(".chart"))
    assert "SALGL" in visit.one("#lead").text
    visit.all("details.pictures summary")[0].click()
    link = visit.one("details.pictures[open] a")
    assert link.is_displayed() and link.text == "per class"


def test_the_links_to_pictures_lead_to_files(visit: Visit) -> None:
    from selenium.webdriver import Keys

    visit.open()
    links = visit.all("#data-1-comparison details.pictures a")
    files = {Path(unquote(urlsplit(one.get_attribute("href") or "").path)) for one in links}
    assert len(files) == 4 and all(path.is_file() for path in files)
    assert visit.all("#data-2 details.pictures") == [], "there are none of this data set"
    summary = visit.one("#data-1-comparison tr:nth-child(2) details.pictures summary")
    visit.script("arguments[0].focus()", summary)
    visit.press(Keys.ENTER, Keys.TAB)
    assert visit.focused().text == "per class" and visit.focused().is_displayed()
    visit.press(Keys.ENTER)
    assert visit.browser.current_url.endswith("/results/figures/scenes-per-class.png")
