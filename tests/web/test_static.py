import gzip
import re

import httpx
import pytest

from homestream.web.static import UI, lean, load

#: What opening the page loads, beside the font; what comes only when asked for is left out.
LATER = {
    *("login.html", "login.css", "login.js", "details.js", "guide.js", "arming.js", "report.js"),
    *("trial.js", "trial.css", "vendor/inter.woff2"),
}


def test_the_page_weighs_less_than_60_kb() -> None:
    weight = sum(len(a.gzipped or a.body) for path, a in load().items() if path not in LATER)
    assert 30_000 < weight < 60_000


def test_a_compressed_body_is_the_body() -> None:
    for asset in load().values():
        assert asset.gzipped is None or gzip.decompress(asset.gzipped) == asset.body


def test_lean_keeps_every_line_of_code() -> None:
    assert lean('// why\n  a = "//x";\n\n    /* so */\n  b = 1; // kept\n') == 'a = "//x";\nb = 1; // kept'


@pytest.mark.parametrize("page", ["index.html", "login.html"])
def test_pages_have_no_inline_script_or_style_and_name_only_files_that_exist(page: str) -> None:
    text = (UI / page).read_text(encoding="utf-8")
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|https?://", text)
    assert all(re.search(r"\bsrc=", tag) for tag in re.findall(r"<script[^>]*>", text))
    named = re.findall(r'(?:src|href)="/([^"]+)"', text)
    assert named
    assert all((UI / name).is_file() for name in named)


def test_modules_build_no_markup_from_text_and_call_nobody_outside() -> None:
    for file in UI.glob("*.js"):
        text = file.read_text(encoding="utf-8")
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|https?://", text
        ), file


async def test_files_come_gzipped_with_an_etag_that_spares_the_second_time(
    stranger: httpx.AsyncClient,
) -> None:
    first = await stranger.get("/style.css")
    assert first.headers["content-encoding"] == "gzip"
    assert first.headers["content-type"] == "text/css; charset=utf-8"
    again = await stranger.get("/style.css", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    plain = await stranger.get("/style.css", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == first.content


PATHS = [
    *("/../app.py", "/%2e%2e/app.py", "/..%2fapp.py", "/vendor/../../app.py", "//etc/passwd"),
    *("/%2fetc%2fpasswd", "/package.json", "/.npmrc", "/vendor", "/style.css%00", "/STYLE.CSS"),
    *("/vendor/LICENSES.txt", "/api/nothing", "/\\..\\app.py", "/C:/x"),
]


async def test_no_path_leads_elsewhere(stranger: httpx.AsyncClient) -> None:
    for path in PATHS:
        url = httpx.URL(str(stranger.base_url)).copy_with(raw_path=path.encode())
        assert (await stranger.get(url)).status_code == 404, path
