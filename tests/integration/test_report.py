"""make report on the deployed stack, its page in a real headless browser (Debian's chromium; skipped where there is none)."""

import json
import re
import shutil
import struct
import subprocess
import zlib
from datetime import timedelta
from pathlib import Path

import pytest

from local.stack import Stack
from operations.report.rows import Schedule, rows
from operations.report.table import Period, items

REPORT_PYTHON = Path(__file__).parents[2] / ".venvs" / "report" / "bin" / "python"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
CHARTS = 5

needs_browser = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium on this machine (Debian: apt install chromium)"
)


def page_of(found: list[dict], path: Path) -> Path:
    script = (
        "import json, sys; from operations.report.page import page; "
        "print(page(json.load(sys.stdin), 'linkwatch', 'then', 'now'))"
    )
    written = subprocess.run(
        [REPORT_PYTHON, "-c", script], input=json.dumps(found), capture_output=True, text=True, check=True, timeout=60
    )
    path.write_text(written.stdout, "utf-8")
    return path


def browse(*arguments: str) -> str:
    """What chromium prints; without a network, after ten seconds of the page's own time."""
    command = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=10000"]
    offline = "--host-resolver-rules=MAP * ~NOTFOUND"
    done = subprocess.run([*command, offline, *arguments], capture_output=True, text=True, check=True, timeout=120)
    return done.stdout


@pytest.fixture(scope="module")
def watched(stack: Stack) -> list[dict]:
    """The rows of what the stack has watched, at least two of them settled by now."""
    for scenario in ("invalid-ids", "clicked"):
        request_id, session_id = f"{len(scenario):024x}", f"{0xF00D:024x}"
        stack.signzy.send_link(request_id, session_id, scenario=scenario)
        stack.start(request_id, session_id, correlationId="private-reference")
        stack.await_published(f"{request_id}-{session_id}", 60)
    now = stack.clock.now()
    period = Period(now - timedelta(days=30), now)
    return rows(items(stack.client("dynamodb"), stack.outputs.TableName, period), Schedule(10, 2))


@pytest.fixture(scope="module")
def report(watched, tmp_path_factory) -> Path:
    return page_of(watched, tmp_path_factory.mktemp("report") / "report.html")


def test_every_verification_of_the_period_is_a_row(stack: Stack, watched):
    assert {item["verificationId"] for item in stack.items()} >= {row["id"] for row in watched}
    assert {"REJECTED", "LINK_CLICKED"} <= {row["outcome"] for row in watched}


def test_the_page_holds_nothing_personal(report: Path):
    text = report.read_text("utf-8")

    assert "private-reference" not in text
    assert "T-Mobile USA" not in text


def test_the_page_loads_nothing_from_anywhere(report: Path):
    own_markup = re.sub(r"<script>.*?</script>", "", report.read_text("utf-8"), flags=re.DOTALL)

    assert not re.search(r"(src|href|url)\s*[=(]", own_markup)


@needs_browser
def test_every_chart_is_drawn_and_every_verification_listed(report: Path, watched):
    shown = browse("--dump-dom", report.as_uri())

    assert shown.count('data-drawn="yes"') == CHARTS
    assert f"{len(watched)} found" in shown
    assert all(row["id"] in shown for row in watched[:500])


@needs_browser
def test_the_table_can_be_searched(report: Path, watched):
    shown = browse("--dump-dom", f"{report.as_uri()}#rejected unknown_ids")

    rejected = [row for row in watched if (row["outcome"], row["reason"]) == ("REJECTED", "UNKNOWN_IDS")]
    assert f'<p class="faint" id="count">{len(rejected)} found' in shown


@needs_browser
def test_a_phone_need_not_scroll_sideways(report: Path, tmp_path: Path):
    frame = tmp_path / "phone.html"
    frame.write_text(
        f'<iframe src="{report.as_uri()}" style="width: 390px; height: 800px; border: 0"></iframe><script>'
        "onload = () => setTimeout(() => { const page = document.querySelector('iframe').contentDocument.documentElement;"
        " document.title = `${page.scrollWidth} of ${page.clientWidth}` }, 5000)</script>"
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
    shown = browse("--dump-dom", page_of([], tmp_path / "empty.html").as_uri())

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
