import json
import re

import pytest

from homestream.web.build import FILES, UI, VENDOR, rewritten


def test_bare_imports_become_neighbours_and_source_maps_go() -> None:
    module = 'import{h as t}from"preact";export*from"@preact/signals-core";import"./x.js";'
    done = 'import{h as t}from"./preact.js";export*from"./signals-core.js";import"./x.js";'
    assert rewritten(module + "\n//# sourceMappingURL=a.map\n") == done


def test_an_import_without_neighbour_fails_the_build() -> None:
    with pytest.raises(KeyError):
        rewritten('import x from "left-pad";')


def test_vendor_holds_what_the_page_loads_and_only_relative_imports() -> None:
    for name in FILES.values():
        assert (VENDOR / name).stat().st_size > 500
        if name.endswith(".js"):
            imports = re.findall(r'\bfrom\s*"([^"]+)"', (VENDOR / name).read_text(encoding="utf-8"))
            assert all(target.startswith("./") for target in imports), name


def test_the_lock_file_pins_and_holds_no_addresses() -> None:
    lock = json.loads((UI / "package-lock.json").read_text(encoding="utf-8"))
    packages = [entry for name, entry in lock["packages"].items() if name]
    assert packages
    assert all("resolved" not in entry and entry["integrity"].startswith("sha512-") for entry in packages)
    wanted = json.loads((UI / "package.json").read_text(encoding="utf-8"))["dependencies"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values())
