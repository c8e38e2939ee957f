"""A real browser from the system's packages, driven through selenium; without one its tests are skipped."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from selenium.webdriver import Chrome
    from selenium.webdriver.remote.webelement import WebElement

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
# It talks to nobody, and keeps nothing: a service of a browser's maker is no part of a test.
SWITCHES = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)

# The contrast of the words of elements with what is behind them, as WCAG 2.2 computes it.
CONTRASTS = """
const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
function light(colour) {
  probe.fillStyle = colour;
  probe.fillRect(0, 0, 1, 1);
  const part = [...probe.getImageData(0, 0, 1, 1).data].slice(0, 3).map((value) => value / 255);
  const [r, g, b] = part.map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function paper(element) {
  const colour = getComputedStyle(element).backgroundColor;
  return colour === "rgba(0, 0, 0, 0)" && element.parentElement ? paper(element.parentElement) : colour;
}
return [...document.querySelectorAll(arguments[0])].map((element) => {
  const [a, b] = [light(getComputedStyle(element).color), light(paper(element))];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
});
"""


@contextmanager
def chromium(profile: Path) -> Iterator["Chrome"]:
    """A headless Chromium with an empty profile in the folder `profile`."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    driver = shutil.which("chromedriver")
    if found is None or driver is None:
        pytest.skip("there is no chromium with chromedriver here (Debian: chromium and chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = found
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for switch in (*SWITCHES, f"--user-data-dir={profile}"):
        options.add_argument(switch)
    chrome = webdriver.Chrome(options, webdriver.ChromeService(driver))
    try:
        yield chrome
    finally:
        chrome.quit()


class Visit:
    """A visit to the page; what the browser was told to emulate ends with it."""

    def __init__(self, browser: "Chrome", address: str) -> None:
        self.browser = browser
        self.address = address

    def open(self, dark: bool = False, width: int = 1280, scripts: bool = True) -> "Visit":
        size = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 500}
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.command("Emulation.setDeviceMetricsOverride", **size)
        self.command("Emulation.setEmulatedMedia", features=[scheme])
        self.command("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.browser.get(self.address)
        return self

    def command(self, name: str, **arguments: Any) -> None:
        self.browser.execute_cdp_cmd(name, arguments)

    def all(self, selector: str) -> "list[WebElement]":
        return self.browser.find_elements("css selector", selector)

    def one(self, selector: str) -> "WebElement":
        return self.browser.find_element("css selector", selector)

    def script(self, text: str, *arguments: Any) -> Any:
        return self.browser.execute_script(text, *arguments)

    def press(self, *keys: str) -> None:
        from selenium.webdriver import ActionChains

        for key in keys:
            ActionChains(self.browser).send_keys(key).perform()

    def contrasts(self, selector: str) -> list[float]:
        """The contrast of every element that the selector finds; 1.4.3 of WCAG 2.2 asks for 4.5."""
        found: list[float] = self.script(CONTRASTS, selector)
        return found

    def focused(self) -> "WebElement":
        return self.browser.switch_to.active_element

    def column(self, table: str, number: int) -> list[str]:
        """The texts of a column in the rows that are shown, from the top; the row headings are column 0."""
        text = (
            "return [...document.getElementById(arguments[0]).tBodies[0].rows].filter((row) => !row.hidden)"
        )
        found: list[str] = self.script(
            text + ".map((row) => row.cells[arguments[1]].textContent)", table, number
        )
        return found
