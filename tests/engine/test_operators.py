"""All operators together, over anything that may happen in a home: what must always hold."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from homestream.engine.fact import Alert, Command, Mode, Notify, Occupancy, Outage, Security
from homestream.engine.fold import Engine
from homestream.engine.operators import operators
from homestream.engine.safety.seal import verify
from homestream.reading import Kind

from .bench import MIN, Bench, H, S

SERIES = (
    "hall/front_door.contact",
    "kitchen/window.contact",
    "hall/motion.motion",
    "kitchen/radar.occupancy",
    "hall/lamp.switch",
    "hall/lamp.brightness",
    "kitchen/air.temperature",
    "kitchen/detector.smoke",
    "hall/front_door.tamper",
    "phones/ann.presence",
)
CONFIGS = (
    {"notify": {"phone": ""}},
    {
        "notify": {"phone": ""},
        "person": [{"name": "ann", "tracker": "phones/ann"}],
        "device": [{"id": "kitchen/air", "expect_every": "5m"}],
        "rule": [
            {
                "name": "open",
                "when": "*.contact and occupied == false",
                "for": "2m",
                "do": ["turn on hall/lamp"],
            },
            {"name": "warm", "when": "kitchen/air.temperature > 30", "until": "kitchen/air.temperature < 20"},
            {"name": "old", "when": 'age(*.motion) > "10m" or mode == away'},
        ],
    },
)
ACTIONS = st.one_of(
    st.builds(lambda mode: ("mode", {"mode": mode}), st.sampled_from(["away", "home", "night", "disarmed"])),
    st.builds(
        lambda metric, value: ("command", {"device": "hall/lamp", "metric": metric, "value": value}),
        st.sampled_from(["switch", "brightness"]),
        st.sampled_from([0, 1]),
    ),
    st.builds(lambda n: ("acknowledge", {"alert": n}), st.integers(0, 5)),
    st.builds(
        lambda name, body: (name, body),
        st.sampled_from(["mode", "command", "acknowledge", "dance"]),
        st.dictionaries(
            st.sampled_from(["mode", "device", "metric", "value", "alert"]),
            st.one_of(st.none(), st.booleans(), st.text(max_size=3), st.lists(st.integers(), max_size=2)),
        ),
    ),
)
EVENTS = st.lists(
    st.one_of(
        st.tuples(
            st.just("say"),
            st.sampled_from(SERIES),
            st.sampled_from([0, 1, 0, 1, "unknown"]),
            st.sampled_from([0, 0, 0, 5 * S, 3 * MIN, 2 * H]),
        ),
        st.tuples(st.just("wait"), st.sampled_from([S, 30 * S, 2 * MIN, 20 * MIN])),
        st.tuples(st.just("down"), st.sampled_from([20 * S, 10 * MIN, 5 * H])),
        st.tuples(st.just("online"), st.sampled_from(["hall/front_door", "hall/motion"]), st.booleans()),
        st.tuples(st.just("act"), ACTIONS),
        st.tuples(st.just("configure"), st.sampled_from(CONFIGS)),
    ),
    max_size=30,
)


def live(events) -> Bench:
    """Let it all happen, with a restart at every `down`."""
    bench = Bench(**CONFIGS[1])
    for kind, *what in events:
        if kind == "say":
            series, value, late = what
            bench.say(series, value, at=bench.now - late)
        elif kind == "wait":
            bench.wait(what[0])
        elif kind == "down":
            bench.down(what[0])
        elif kind == "online":
            bench.online(*what)
        elif kind == "configure":
            bench.configure(**what[0])
        else:
            name, body = what[0]
            if isinstance(body.get("alert"), int) and (alerts := bench.said(Alert)):
                body = {"alert": alerts[body["alert"] % len(alerts)].id}
            bench.act(name, **body)
    return bench


@settings(max_examples=30, deadline=None)
@given(EVENTS, st.integers(0, 200))
def test_what_must_always_hold(events, cut):
    bench = live(events)
    facts = bench.facts

    # never stopping, and stopping anywhere, is the same
    whole, first = Engine(), Engine()
    assert [f for _, f in whole.apply(bench.entries).facts] == facts
    first.apply(bench.entries[:cut])
    resumed = Engine.restore(first.snapshot())
    resumed.apply(bench.entries[cut:])
    assert resumed.digest() == whole.digest() == bench.engine.digest()

    # the security log is whole
    assert verify([f for f in facts if isinstance(f, Security)]) is None

    # an alert opens once, may be acknowledged once, and is cleared once
    lives: dict[str, list[str]] = {}
    for alert in bench.said(Alert):
        lives.setdefault(alert.id, []).append(alert.state)
    for life in lives.values():
        assert life in (
            ["opened"],
            ["opened", "acknowledged"],
            ["opened", "cleared"],
            ["opened", "acknowledged", "cleared"],
        )

    # a command ends once
    ends: dict[str, list[str]] = {}
    for command in bench.said(Command):
        ends.setdefault(command.id, []).append(command.state)
    for life in ends.values():
        assert life in (["pending"], ["expired"]) or (life[0] == "pending" and len(life) == 2)

    # what is late does nothing
    late = {alert.id for alert in bench.said(Alert, state="opened", late=True)}
    assert all(notify.suppressed for notify in bench.said(Notify) if notify.id.partition(":")[0] in late)

    # states are said when they change, and only then
    for kind, field in ((Mode, "mode"), (Occupancy, "occupied")):
        states = [getattr(fact, field) for fact in bench.said(kind)]
        assert all(a != b for a, b in pairwise(states))
    for device in {outage.device for outage in bench.said(Outage)}:
        states = [outage.state for outage in bench.said(Outage, device=device)]
        assert states == ["silent", "back"] * (len(states) // 2) + ["silent"] * (len(states) % 2)


def test_names_are_unique_and_the_order_is_fixed():
    names = [operator.name for operator in operators()]
    assert names == ["presence", "security", "rules", "outage", "anomaly", "commands", "conservation"]


def test_homes_do_not_hear_each_other():
    bench = Bench(**CONFIGS[1])
    bench.say(SERIES[0], "closed")
    other = bench.entries[-1]._replace(seq=3, home="other")
    opened = other._replace(seq=4, payload=b"open", arrived=other.arrived + S)
    armed = other._replace(seq=5, kind=Kind.ACTION, topic="mode", payload=b'{"mode": "away"}')
    facts = [fact for _, fact in bench.engine.apply([other, opened, armed]).facts]
    assert {fact.home for fact in facts} == {"other"}
    assert bench.engine.homes["home"].view()["mode"] == "disarmed"
