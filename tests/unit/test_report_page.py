"""The report's page in a headless browser."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from operations.report.page import page
from operations.report.rows import Schedule, rows

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_browser = pytest.mark.skipif(
    CHROMIUM is None,
    reason="the report's page is tested in chromium, which this machine does not have (apt install chromium)",
)
CHARTS = 5
#: The longest that the table has to show.
ITEM = {
    "status": "SETTLED",
    "outcome": "UNKNOWN",
    "reason": "CREDENTIALS_REFUSED",
    "linkSentAt": "2026-11-25T10:00:00.250Z",
    "deadline": "2026-11-25T10:05:00.000Z",
    "startedAt": "2026-11-25T10:00:00.250Z",
    "settledAt": "2026-11-25T10:04:58.400Z",
    "publishedAt": "2026-11-25T10:05:28.900Z",
    "checks": 30,
    "takeovers": 0,
    "source": "EVENT",
}
REJECTED = {"outcome": "REJECTED", "reason": "UNKNOWN_IDS", "linkSentAt": "2026-11-25T10:01:00.250Z"}
ITEMS = [{**ITEM, **changes, "verificationId": f"{n:024x}-{n:024x}"} for n, changes in enumerate([{}, {}, REJECTED])]

#: Shows the page as wide as on a phone and on a laptop, and measures it: how wide the page and its table are and may be.
FRAMES = """
<iframe src="PAGE" style="width: 390px; height: 800px; border: 0"></iframe>
<iframe src="PAGE" style="width: 1200px; height: 800px; border: 0"></iframe>
<script>onload = () => setTimeout(() => {
  const [phone, laptop] = [...document.querySelectorAll('iframe')].map((frame) => frame.contentDocument);
  const measured = [phone.documentElement, laptop.querySelector('#all .scroll')];
  const widths = measured.map((element) => [element.scrollWidth, element.clientWidth]);
  document.title = JSON.stringify([...widths, getComputedStyle(phone.body).backgroundColor]) }, 5000)</script>
"""


def write_page(found: list[dict[str, Any]], path: Path) -> Path:
    path.write_text(page(found, "linkwatch", "then", "now"), "utf-8")
    return path


def dom_of(url: str, *options: str) -> str:
    """The elements of a page after ten seconds of its own time, without a network."""
    command = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=10000"]
    command += ["--host-resolver-rules=MAP * ~NOTFOUND", *options, "--dump-dom", url]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    return write_page(rows(ITEMS, Schedule(10, 2)), tmp_path_factory.mktemp("report") / "report.html")


@pytest.fixture(scope="module")
def shown(report) -> str:
    return dom_of(report.as_uri())


def test_the_page_loads_nothing_from_elsewhere(report):
    own_markup = re.sub(r"<script>.*?</script>", "", report.read_text("utf-8"), flags=re.DOTALL)

    assert not re.search(r"(src|href|url)\s*[=(]", own_markup)


@needs_browser
def test_every_chart_is_drawn_and_every_verification_listed(shown):
    assert shown.count('data-drawn="yes"') == CHARTS
    assert f"{len(ITEMS)} found" in shown
    assert all(item["verificationId"] in shown for item in ITEMS)


@needs_browser
def test_the_labels_of_an_axis_differ_and_counts_are_whole_numbers(shown):
    axes = re.findall(r'role-axis-label"[^>]*>(.*?)</g>', shown, re.DOTALL)
    labels = [re.findall(r">([^<]+)</text>", axis) for axis in axes]

    assert len(axes) == 2 * CHARTS
    assert all(len(each) == len(set(each)) for each in labels)
    assert {"0", "1", "2"} in map(set, labels)


@needs_browser
@pytest.mark.parametrize(("search", "found"), [("rejected unknown_ids", 1), ("EXPIRED", 0), ("100%", len(ITEMS))])
def test_the_pages_address_may_have_a_search(report, search, found):
    assert f'<p class="faint" id="count">{found} found' in dom_of(f"{report.as_uri()}#{search}")


@needs_browser
@pytest.mark.parametrize(("scheme", "background"), [("1", "rgb(255, 255, 255)"), ("0", "rgb(18, 24, 31)")])
def test_the_page_fits_a_phone_and_a_laptop_in_the_readers_colours(report, tmp_path, scheme, background):
    frames = tmp_path / "frames.html"
    frames.write_text(FRAMES.replace("PAGE", report.as_uri()))

    options = ("--allow-file-access-from-files", f"--blink-settings=preferredColorScheme={scheme}")
    measured = re.findall("<title>(.*?)</title>", dom_of(frames.as_uri(), *options))[0]

    phone, laptop, colour = json.loads(measured)
    assert phone[0] <= phone[1]
    assert laptop[0] <= laptop[1]
    assert colour == background


@needs_browser
def test_a_period_without_data_says_so(tmp_path):
    dom = dom_of(write_page([], tmp_path / "empty.html").as_uri())

    assert '<p id="none">No link was sent in this period.</p>' in dom
    assert 'data-drawn="yes"' not in dom
