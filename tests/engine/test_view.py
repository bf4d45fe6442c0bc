from homestream.engine.fact import Alert, Command, Occupancy, Security
from homestream.engine.view import CLEARED_SHOWN, COMMANDS_SHOWN, SECURITY_SHOWN, View


def alert(name: str, state: str) -> Alert:
    return Alert(
        home="h", time=1, id=name, rule="r", key="k", severity="warning", state=state, text="t", opened=1
    )


def command(device: str, state: str) -> Command:
    return Command(
        home="h", time=1, id=f"c{device}", device=device, metric="switch", value=1.0, state=state, by="ann",
        expires=9, requested=1,
    )  # fmt: skip


def test_open_alerts_come_first_and_newest_first() -> None:
    view = View()
    for name, state in (
        ("a", "opened"),
        ("b", "opened"),
        ("a", "acknowledged"),
        ("c", "opened"),
        ("b", "cleared"),
    ):
        view.note(alert(name, state))
    shown = [(row["id"], row["state"]) for row in view.picture()["alerts"]]
    assert shown == [("c", "opened"), ("a", "acknowledged"), ("b", "cleared")]


def test_a_command_is_shown_in_its_last_state() -> None:
    view = View()
    for device, state in (("lamp", "pending"), ("fan", "pending"), ("lamp", "confirmed")):
        view.note(command(device, state))
    shown = [(row["device"], row["state"]) for row in view.picture()["commands"]]
    assert shown == [("lamp", "confirmed"), ("fan", "pending")]


def test_the_past_it_shows_is_bounded() -> None:
    view = View()
    for n in range(500):
        view.note(alert(str(n), "cleared"))
        view.note(command(str(n), "failed"))
        view.note(Security(home="h", time=n, kind="opened", device="d", room="r", severity="info", text="t"))
    view.note(Occupancy(home="h", time=1, occupied=True, confidence=1.0, why="w"))
    picture = view.picture()
    assert [len(picture[name]) for name in ("alerts", "security", "commands")] == [
        CLEARED_SHOWN,
        SECURITY_SHOWN,
        COMMANDS_SHOWN,
    ]
    assert picture["security"][0]["time"] == 499


def test_a_snapshot_brings_the_picture_back() -> None:
    view = View()
    for state in ("opened", "cleared"):
        view.note(alert("a", state))
        view.note(alert("b", "opened"))
        view.note(command("lamp", state))
    assert View.restore(view.snapshot()).picture() == view.picture()
    assert View.restore(view.snapshot()).snapshot() == view.snapshot()
