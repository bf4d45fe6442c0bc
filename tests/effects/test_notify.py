from collections.abc import Callable
from typing import Any

import pytest

from homestream.effects.notify import Notifier
from homestream.errors import ConfigError

Make = Callable[..., Any]


def test_a_target_gets_title_text_and_severity(service: Any, notify: Make) -> None:
    assert Notifier({"phone": service.url}).send([notify(severity="critical")]) == ""
    [got] = service.got
    assert (got["title"], got["message"], got["type"]) == ("Iron left on", "1200 W for 10 min", "failure")


def test_text_is_sent_as_it_is(service: Any, notify: Make) -> None:
    Notifier({"phone": service.url}).send([notify(text="<b>Küche</b> *23* ${HOME} \\n")])
    assert service.got[0]["message"] == "<b>Küche</b> *23* ${HOME} \\n"


def test_a_title_alone_is_enough(service: Any, notify: Make) -> None:
    assert Notifier({"phone": service.url}).send([notify(text="")]) == ""
    assert len(service.got) == 1


def test_a_refusing_service_is_a_reason(service: Any, notify: Make) -> None:
    service.status = 500
    assert Notifier({"phone": service.url}).send([notify()]) == "the service did not take it"


def test_an_unknown_target_is_a_reason(notify: Make) -> None:
    assert Notifier({}).send([notify()]) == "no such target: phone"


def test_a_bad_url_is_the_operators_to_put_right_and_stays_secret() -> None:
    with pytest.raises(ConfigError, match=r"notify\.phone") as error:
        Notifier({"phone": "telegraph://secret-token"})
    assert "secret" not in str(error.value)


def test_several_go_as_one_that_names_them_by_the_worst(service: Any, notify: Make) -> None:
    facts = [
        notify("a", text="Iron"),
        notify("b", text="Smoke", severity="critical"),
        notify("c", text="Door"),
    ]
    assert Notifier({"phone": service.url}).send(facts) == ""
    [got] = service.got
    assert (got["title"], got["type"]) == ("Iron left on: 3 alerts", "failure")
    assert got["message"] == "Iron\nSmoke\nDoor"
