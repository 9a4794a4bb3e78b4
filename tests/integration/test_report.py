"""The report: its rows on the deployed stack, its page in a headless browser."""

import re
import shutil
import struct
import subprocess
import zlib
from datetime import timedelta
from pathlib import Path

import pytest

from local.stack import Stack
from operations.report.page import page
from operations.report.rows import Schedule, rows
from operations.report.table import Period, items
from tests.integration.conftest import late_link

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
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

needs_browser = pytest.mark.skipif(
    CHROMIUM is None,
    reason="the report's page is tested in chromium, which this machine does not have (apt install chromium)",
)


def write_page(found: list[dict], path: Path) -> Path:
    path.write_text(page(found, "linkwatch", "then", "now"), "utf-8")
    return path


def browse(*arguments: str) -> str:
    """What chromium prints; without a network, after ten seconds of the page's own time."""
    command = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=10000"]
    offline = "--host-resolver-rules=MAP * ~NOTFOUND"
    done = subprocess.run([*command, offline, *arguments], capture_output=True, text=True, check=True, timeout=120)
    return done.stdout


def test_every_verification_of_the_period_is_a_row(stack: Stack):
    links = [late_link(stack, 200, {"answer": answer}) for answer in ("unknown-ids", "clicked")]
    for link in links:
        link.settled()
    now = stack.clock.now()

    period = Period(now - timedelta(days=30), now)
    found = rows(items(stack.client("dynamodb"), stack.outputs.TableName, period), Schedule(10, 2))

    outcomes = {row["id"]: row["outcome"] for row in found}
    assert [outcomes[link.verification_id] for link in links] == ["REJECTED", "LINK_CLICKED"]


# ── The page ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    return write_page(rows(ITEMS, Schedule(10, 2)), tmp_path_factory.mktemp("report") / "report.html")


def test_the_page_loads_nothing_from_elsewhere(report: Path):
    own_markup = re.sub(r"<script>.*?</script>", "", report.read_text("utf-8"), flags=re.DOTALL)

    assert not re.search(r"(src|href|url)\s*[=(]", own_markup)


@needs_browser
def test_every_chart_is_drawn_and_every_verification_listed(report: Path):
    shown = browse("--dump-dom", report.as_uri())

    assert shown.count('data-drawn="yes"') == CHARTS
    assert f"{len(ITEMS)} found" in shown
    assert all(item["verificationId"] in shown for item in ITEMS)


@needs_browser
@pytest.mark.parametrize(
    ("search", "found"),
    [("rejected unknown_ids", 1), ("EXPIRED", 0), ("100%", len(ITEMS))],
    ids=["some", "none", "bad"],
)
def test_the_pages_address_may_have_a_search(report: Path, search: str, found: int):
    shown = browse("--dump-dom", f"{report.as_uri()}#{search}")

    assert f'<p class="faint" id="count">{found} found' in shown


@needs_browser
def test_the_labels_of_an_axis_differ_and_counts_are_whole_numbers(report: Path):
    shown = browse("--dump-dom", report.as_uri())

    axes = re.findall(r'role-axis-label"[^>]*>(.*?)</g>', shown, re.DOTALL)
    labels = [re.findall(r">([^<]+)</text>", axis) for axis in axes]
    assert len(axes) == 2 * CHARTS
    assert all(len(each) == len(set(each)) for each in labels)
    assert {"0", "1", "2"} in map(set, labels)


@needs_browser
@pytest.mark.parametrize("width", [390, 1200], ids=["a phone", "a laptop"])
def test_the_page_fits(report: Path, tmp_path: Path, width: int):
    """On a phone only the tables scroll sideways."""
    frame = tmp_path / "frame.html"
    wanted = "page" if width < 1000 else "table"
    frame.write_text(
        f'<iframe src="{report.as_uri()}" style="width: {width}px; height: 800px; border: 0"></iframe><script>'
        "onload = () => setTimeout(() => { const page = document.querySelector('iframe').contentDocument;"
        f" const measured = '{wanted}' === 'page' ? page.documentElement : page.querySelector('#all .scroll');"
        " document.title = `${measured.scrollWidth} of ${measured.clientWidth}` }, 5000)</script>"
    )

    shown = browse("--allow-file-access-from-files", "--dump-dom", frame.as_uri())

    wide, fitting = re.findall(r"<title>(\d+) of (\d+)</title>", shown)[0]
    assert int(wide) <= int(fitting)


@needs_browser
@pytest.mark.parametrize(("scheme", "background"), [("1", (255, 255, 255)), ("0", (18, 24, 31))], ids=["light", "dark"])
def test_the_page_follows_the_readers_colours(report: Path, tmp_path: Path, scheme: str, background: tuple):
    picture = tmp_path / "page.png"

    browse(f"--blink-settings=preferredColorScheme={scheme}", f"--screenshot={picture}", report.as_uri())

    assert first_pixel(picture) == background


@needs_browser
def test_a_period_without_data_says_so(tmp_path: Path):
    shown = browse("--dump-dom", write_page([], tmp_path / "empty.html").as_uri())

    assert '<p id="none">No link was sent in this period.</p>' in shown
    assert 'data-drawn="yes"' not in shown


def first_pixel(png: Path) -> tuple[int, ...]:
    """Red, green and blue of the upper left pixel: no filter of PNG changes the first one (https://www.w3.org/TR/png/#9Filters)."""
    data, at, packed = png.read_bytes(), 8, b""
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        if data[at + 4 : at + 8] == b"IDAT":
            packed += data[at + 8 : at + 8 + length]
        at += length + 12
    return tuple(zlib.decompress(packed)[1:4])
