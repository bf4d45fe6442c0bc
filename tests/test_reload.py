"""The files of a running home change: good ones are taken, bad ones are said, nothing else is lost."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from home_process import RunningHome, running_home
from homestream.home import HomeConfig
from homestream.notes import Notes

A = '[[rule]]\nname = "A"\nwhen = "den/x.power > 10"\n'
B = '[[rule]]\nname = "B"\nwhen = "den/x.power > 15"\nfor = "1s"\n'
BROKEN = A + '[[rule]]\nname = "C"\nwhen = "den/x.pwoer > 15"\n'


def ask(home: RunningHome, what: str) -> Any:
    url = f"http://127.0.0.1:{home.http}/api/{what}"
    return httpx.get(url, auth=("admin", home.admin), timeout=20).json()


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.2)


def alerts(home: RunningHome) -> dict[str, tuple[str, str, str]]:
    return {a["rule"]: (a["state"], a["by"], a["id"]) for a in ask(home, "view")["alerts"]}


def test_rules_change_while_the_home_runs(tmp_path: Path) -> None:
    with running_home(tmp_path / "home") as home:
        rules = home.folder / "rules" / "mine.toml"
        rules.parent.mkdir()
        rules.write_text(A)
        until(lambda: "den/x" in str(ask(home, "status")["notes"]))  # nobody has heard of it yet
        row = {"device": "den/x", "metric": "power", "value": 20}
        url = f"http://127.0.0.1:{home.http}/api/v1/readings"
        assert httpx.post(url, json=row, auth=("device", home.device), timeout=20).is_success
        until(lambda: "A" in alerts(home))
        opened = alerts(home)["A"]

        rules.write_text(BROKEN)
        until(lambda: bool(ask(home, "status")["notes"]))
        [note] = ask(home, "status")["notes"]
        assert f"{rules}:4: rule 'C': no metric 'pwoer'; did you mean power; what was read before" in note
        assert alerts(home) == {"A": opened}

        rules.write_text(A + B)
        until(lambda: "B" in alerts(home))
        assert ask(home, "status")["notes"] == []
        assert alerts(home)["A"] == opened

        text = (home.folder / "home.toml").read_text()
        (home.folder / "home.toml").write_text(
            'name = "Villa"\n' + text.replace("[door]", "[door]\nmax_packet = 9999")
        )
        until(lambda: ask(home, "view")["home"]["name"] == "Villa")
        assert ask(home, "status")["notes"] == [
            "home.toml: [door] and bridges are taken as they are now at the next start"
        ]

        rules.write_text(B)
        until(lambda: alerts(home)["A"][0] == "cleared")
        assert alerts(home)["A"][1] == "rule removed"
        assert alerts(home)["B"][0] == "opened"
        home.stop()


def test_notes_are_made_anew_only_when_there_is_something_new() -> None:
    config = HomeConfig.model_validate({"rule": [{"name": "R", "when": "den/x.power > 1"}]})
    notes = Notes()
    assert len(notes.lines(config, [])) == 1
    notes.problem = "wrong"
    assert notes.lines(config, ["den/x"]) == ["wrong"]
