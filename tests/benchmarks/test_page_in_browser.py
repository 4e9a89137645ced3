"""The leaderboard as a person meets it: from the file system, in headless Chromium."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chosen import BUSY, GAMMA, OTHER_SHIFT

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None or DRIVER is None,
    reason="no chromium and chromedriver here to look at the page with",
)
SWITCHES = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
ANY_ALERT = "window.alerts = []; window.alert = (text) => window.alerts.push(text);"


class Browser:
    """Chromium on a site in a folder."""

    def __init__(self, driver: Any, site: Path) -> None:
        self.driver = driver
        self.site = site

    def open(self, name: str, width: int = 1280, theme: str = "light") -> None:
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        scheme = {"name": "prefers-color-scheme", "value": theme}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        self.driver.get((self.site / name).as_uri())
        self.wait("return document.readyState === 'complete'")

    def js(self, script: str, *arguments: object) -> Any:
        return self.driver.execute_script(script, *arguments)

    def wait(self, script: str) -> None:
        from selenium.webdriver.support.wait import WebDriverWait

        WebDriverWait(self.driver, 20, poll_frequency=0.05).until(lambda _: self.js(script))

    def wait_for_charts(self) -> None:
        self.wait(
            "return [...document.querySelectorAll('.chart')]"
            ".every((chart) => chart.querySelector('svg.main-svg .xtick'))"
        )

    def click(self, selector: str) -> None:
        element = self.driver.find_element("css selector", selector)
        self.js("arguments[0].scrollIntoView({block: 'center', inline: 'center'})", element)
        element.click()

    def press(self, *keys: str) -> None:
        self.driver.switch_to.active_element.send_keys(*keys)

    def complaints(self) -> list[str]:
        """What stands in the console since the last call."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def column(self, key: str) -> list[float | None]:
        """A column of the table, from the top; None where there is no figure."""
        texts = self.js(
            "return [...document.querySelectorAll(`#standings tbody td[data-key=${arguments[0]}]`)]"
            ".map((cell) => cell.dataset.value)",
            key,
        )
        return [float(text) if text else None for text in texts]

    def sorted_by(self) -> dict[str, str]:
        return self.js(
            "return Object.fromEntries([...document.querySelectorAll('th[aria-sort]')]"
            ".map((heading) => [heading.dataset.key, heading.getAttribute('aria-sort')]))"
        )

    def colours(self, selector: str) -> tuple[float, float]:
        """Brightness, 0 to 1, of the page and of an element's text or fill."""
        return tuple(
            self.js(
                """
                const canvas = document.createElement("canvas")
                  .getContext("2d", {willReadFrequently: true});
                const bright = (colour) => {
                  canvas.fillStyle = colour;
                  canvas.fillRect(0, 0, 1, 1);
                  const [r, g, b] = canvas.getImageData(0, 0, 1, 1).data;
                  return (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
                };
                const style = getComputedStyle(document.querySelector(arguments[0]));
                const text = style.fill !== "rgb(0, 0, 0)" ? style.fill : style.color;
                return [bright(getComputedStyle(document.body).backgroundColor), bright(text)];
                """,
                selector,
            )
        )


@pytest.fixture(scope="module")
def browser(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM or ""
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for switch in (*SWITCHES, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(switch)
    service = webdriver.ChromeService(executable_path=DRIVER)
    driver = webdriver.Chrome(options=options, service=service)
    try:
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": ANY_ALERT})
        yield Browser(driver, site)
    finally:
        driver.quit()


def test_the_table_sorts_by_click_and_by_key(browser):
    browser.open("index.html")
    assert browser.sorted_by() == {"score": "descending"}
    browser.click("th[data-key=slo_attainment] button")
    assert browser.sorted_by() == {"slo_attainment": "descending"}
    column = browser.column("slo_attainment")
    assert column == sorted(column, reverse=True)
    assert column[0] != column[-1]
    browser.click("th[data-key=slo_attainment] button")
    assert browser.sorted_by() == {"slo_attainment": "ascending"}
    assert browser.column("slo_attainment") == column[::-1]

    browser.js("document.querySelector('th[data-key=latency_p99_s] button').focus()")
    browser.press("\ue007")  # Enter
    assert browser.sorted_by() == {"latency_p99_s": "ascending"}  # less is better
    column = browser.column("latency_p99_s")
    assert column == sorted(column)
    browser.press(" ")
    assert browser.sorted_by() == {"latency_p99_s": "descending"}
    status = browser.js("return document.querySelector('[data-announces=standings]').textContent")
    assert status == "Sorted by p99 ms, descending"

    for _ in ("highest first", "lowest first"):  # what is missing stays at the end
        browser.click("th[data-key=difference] button")
        assert browser.column("difference")[-1] is None
    browser.click("th[data-key=policy] button")
    names = browser.js(
        "return [...document.querySelectorAll('#standings tbody th')].map((e) => e.innerText)"
    )
    assert names[0].startswith("<b>")
    assert names[-1].startswith("sushisched")
    assert browser.complaints() == []


def test_the_keyboard_reaches_everything_and_sees_where_it_is(browser):
    browser.open("index.html")
    browser.press("\ue004")  # Tab
    text, top, width = browser.js(
        "const e = document.activeElement, s = getComputedStyle(e);"
        "return [e.textContent, e.getBoundingClientRect().top, s.outlineStyle]"
    )
    assert text == "Skip to the content"
    assert top >= 0
    assert width == "solid"
    browser.press("\ue007")
    assert browser.js("return document.activeElement.id") == "main"
    browser.press("\ue004")
    assert browser.js("return document.activeElement.className") == "scroll"
    browser.press("\ue004")
    assert browser.js("return document.activeElement.parentElement.dataset.key") == "place"


@pytest.mark.parametrize("width", [1280, 360])
def test_headings_that_have_the_focus_are_not_behind_the_names(browser, width):
    browser.open("index.html", width=width)
    browser.js(
        "document.querySelector('#standings thead tr:last-child th:last-child button').focus()"
    )
    keys = browser.js("return document.querySelectorAll('#standings thead button').length")
    for _ in range(keys - 1):
        seen = browser.js(
            "const e = document.activeElement, box = e.getBoundingClientRect();"
            "return e.contains(document.elementFromPoint(box.left + box.width / 2, box.top + 8))"
        )
        key = browser.js("return document.activeElement.parentElement.dataset.key")
        assert seen or key == "place", f"{key} is covered"
        browser.press("\ue008\ue004")  # Shift and Tab: to the left
    assert browser.js("return document.activeElement.parentElement.dataset.key") == "place"


def test_drill_down_and_back(browser):
    browser.open("index.html")
    browser.click(f"tr[data-scenario={BUSY}] a")
    assert browser.js("return document.querySelector('h1').textContent") == BUSY
    browser.wait_for_charts()
    assert browser.sorted_by() == {"utility": "descending"}
    browser.click("th[data-key=energy_j] button")
    column = browser.column("energy_j")
    assert column == sorted(column)
    browser.click("a[rel=next]")
    assert browser.js("return document.querySelector('h1').textContent") == GAMMA
    browser.click("a.back")
    assert browser.js("return location.pathname").endswith("/index.html")
    assert browser.complaints() == []


def test_a_name_that_is_a_script_stays_text(browser, hostile_name):
    for name in ("index.html", f"scenarios/{OTHER_SHIFT}.html", "submit.html"):
        browser.open(name)
        if name != "submit.html":
            browser.wait_for_charts()
            row = "return document.querySelector('tr.learned[data-policy] th a').textContent"
            assert browser.js(row) == hostile_name
            ticks = browser.js(
                "return [...document.querySelectorAll('.ytick text')].map((e) => e.textContent)"
            )
            assert hostile_name[:23] + "\N{HORIZONTAL ELLIPSIS}" in ticks
        assert browser.js("return window.alerts") == []
        assert browser.js("return document.images.length") == 0
        own = "e.src || e.type === 'application/json'"
        assert browser.js(f"return [...document.scripts].every((e) => {own})")
        assert browser.complaints() == []


@pytest.mark.parametrize("name", ["index.html", f"scenarios/{OTHER_SHIFT}.html", "submit.html"])
def test_a_phone_scrolls_down_only(browser, name):
    browser.open(name, width=360)
    if name != "submit.html":
        browser.wait_for_charts()
        box = "const e = document.querySelector('.scroll'); return e.scrollWidth > e.clientWidth"
        assert browser.js(box)
        for opened in ("true", "false"):
            browser.js(f"document.querySelectorAll('details').forEach((e) => e.open = {opened})")
            assert browser.js("return document.documentElement.scrollWidth") <= 360
        wide = "return [...document.querySelectorAll('.chart svg')].map((e) => e.clientWidth)"
        assert max(browser.js(wide)) <= 360
    assert browser.js("return document.documentElement.scrollWidth") <= 360
    assert browser.complaints() == []


def test_charts_and_text_follow_the_theme(browser):
    for theme in ("light", "dark"):
        browser.open("index.html", theme=theme)
        browser.wait_for_charts()
        for selector in ("h1", "tbody .figure", ".xtick text"):
            page, text = browser.colours(selector)
            assert (page > 0.9 and text < 0.2) if theme == "light" else (page < 0.1 and text > 0.7)
    scheme = {"name": "prefers-color-scheme", "value": "light"}
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    browser.wait(
        "return getComputedStyle(document.querySelector('.xtick text')).fill.includes('29')"
    )
    assert browser.complaints() == []
