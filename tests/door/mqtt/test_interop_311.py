"""What every client relies on, whichever version it speaks: conversations at the running door."""

import pytest
from tests.door.talker import Join, Talker

from homestream.door.mqtt import door as module
from homestream.wire.message import Message
from homestream.wire.packets import Connect, Filter, Ping, Pong, Subscribe, Unsubscribe, Will, encode
from homestream.wire.reasons import Reason

LEVELS = pytest.mark.parametrize("level", [4, 5])


def lasting(level: int) -> dict[str, object]:
    """For a session that outlives its connection."""
    return {"properties": {"session_expiry_interval": 99}} if level == 5 else {}


@LEVELS
async def test_what_it_says_comes_back_at_each_qos(open_doors, join: Join, level: int) -> None:
    async with open_doors() as doors:
        client = await Talker.come(join, doors, "c", level)
        assert await client.subscribe(Filter("den/lamp", 2)) == (2,)
        for qos in (0, 1, 2):
            await client.say("den/lamp", b"%d" % qos, qos)
        assert [(m.payload, m.qos) for m in await client.heard(3)] == [(b"0", 0), (b"1", 1), (b"2", 2)]
        await client.leave()


@LEVELS
async def test_who_connects_twice_or_calls_it_by_another_name_is_closed(
    open_doors, join: Join, level: int
) -> None:
    async with open_doors() as doors:
        client = await Talker.come(join, doors, "c", level)
        client.send(Connect("c", True, 60, level))
        await client.turned_out(Reason.PROTOCOL_ERROR)
        stranger = await join(doors)
        stranger.send(encode(Connect("c", True, 60, level)).replace(b"MQTT", b"MOTT"))
        await stranger.closed()


@LEVELS
async def test_retained_messages_come_at_their_qos_until_an_empty_one(
    open_doors, join: Join, level: int
) -> None:
    async with open_doors() as doors:
        topics = ["den/lamp", "hall/lamp", "attic/lamp"]
        said = {"user_property": [("from", "me"), ("from", "me too")]} if level == 5 else {}
        client = await Talker.come(join, doors, "c", level)
        for qos, topic in enumerate(topics):
            await client.say(topic, b"on", qos, retain=True, **said)
        await client.subscribe(Filter("+/+", 2))
        found = {m.topic: m for m in await client.heard(3)}
        assert {topic: (m.qos, m.retain, m.payload) for topic, m in found.items()} == {
            topic: (qos, True, b"on") for qos, topic in enumerate(topics)
        }
        assert all(m.properties == said for m in found.values())
        await client.unsubscribe("+/+")
        for qos, topic in enumerate(topics):
            await client.say(topic, b"", qos, retain=True)
        await client.subscribe(Filter("+/+", 2))
        await client.say("den/end")
        assert [m.topic for m in await client.heard(1)] == ["den/end"]
        await client.leave()


@LEVELS
async def test_who_was_away_hears_what_it_missed_in_its_order(open_doors, join: Join, level: int) -> None:
    async with open_doors() as doors:
        client = await Talker.come(join, doors, "c", level, clean=False, **lasting(level))
        await client.subscribe(Filter("+/lamp", 2))
        await client.leave()
        other = await Talker.come(join, doors, "other", level)
        for qos, topic in enumerate(["den/lamp", "hall/lamp", "attic/lamp", "attic/other"]):
            await other.say(topic, b"", min(qos, 2))
        client = await Talker.come(join, doors, "c", level, clean=False, **lasting(level))
        assert client.connack.session_present
        heard = [(m.topic, m.qos, m.dup) for m in await client.heard(2)]
        assert heard == [("hall/lamp", 1, False), ("attic/lamp", 2, False)]
        await client.leave()
        await other.leave()


@LEVELS
async def test_of_two_filters_that_match_one_message_comes_at_the_higher_qos(
    open_doors, join: Join, level: int
) -> None:
    async with open_doors() as doors:
        client = await Talker.come(join, doors, "c", level)
        assert await client.subscribe(Filter("den/#", 2), Filter("den/+", 1)) == (2, 1)
        await client.say("den/lamp", b"", 2)
        assert [m.qos for m in await client.heard(1)] == [2]
        await client.leave()


@LEVELS
async def test_silence_has_its_will(
    open_doors, join: Join, level: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SWEEP", 0.05)
    async with open_doors() as doors:
        watcher = await Talker.come(join, doors, "watcher", level, keep=0)
        await watcher.subscribe(Filter("gone", 2))
        said = {"user_property": [("why", "silence")], "content_type": "text/plain"} if level == 5 else {}
        silent = await Talker.come(
            join, doors, "silent", level, keep=1, will=Will("gone", b"silent", 2, False, said)
        )
        (last,) = await watcher.heard(1)
        assert (last.payload, last.qos, last.properties) == (b"silent", 2, said)
        silent.lose()
        await watcher.leave()


@LEVELS
async def test_what_was_not_acknowledged_comes_again(open_doors, join: Join, level: int) -> None:
    async with open_doors() as doors:
        client = await Talker.come(join, doors, "c", level, clean=False, **lasting(level))
        await client.subscribe(Filter("den/+", 2))
        client.answers = False
        other = await Talker.come(join, doors, "other", level)
        await other.say("den/lamp", b"1", 1)
        await other.say("den/fan", b"2", 2)
        assert [(m.payload, m.dup) for m in await client.heard(2)] == [(b"1", False), (b"2", False)]
        client.lose()
        for again, expected in ((True, [(b"1", 1, True), (b"2", 2, True)]), (False, [])):
            client = await Talker.come(join, doors, "c", level, clean=False, **lasting(level))
            assert [(m.payload, m.qos, m.dup) for m in await client.heard(len(expected))] == expected, again
            await client.leave()
        await other.leave()


@LEVELS
async def test_a_filter_that_is_not_allowed_is_refused_and_the_others_hold(
    open_doors, join: Join, level: int
) -> None:
    async with open_doors(anonymous=False) as doors:
        doors.credentials.add("cellar", "home", "device", "correct horse", subscribe=["cellar/#"])
        login = {"user": "cellar", "password": b"correct horse"}
        client = await Talker.come(join, doors, "c", level, **login)
        wanted = [Filter(name, 2) for name in ("den/lamp", "cellar/lamp", "#", "$share/g/den/+")]
        assert await client.subscribe(*wanted) == (0x80, 2, 0x80, 0x80)
        await client.say("den/lamp")
        await client.say("cellar/lamp")
        assert [m.topic for m in await client.heard(1)] == ["cellar/lamp"]
        await client.leave()


@LEVELS
async def test_wildcards_do_not_hear_of_dollar_topics_and_nobody_may_use_them(
    open_doors, join: Join, level: int
) -> None:
    async with open_doors() as doors:
        client = await Talker.come(join, doors, "c", level)
        await client.subscribe(Filter("+/+", 2), Filter("#", 0))
        await client.say("$den/lamp")
        doors.mqtt.room("home").exchange.announce(Message("$SYS/uptime", b"1", 0, True), 0)
        await client.say("den/lamp")
        assert [m.topic for m in await client.heard(1)] == ["den/lamp"]
        assert [e.topic for e in doors.refusals] == ["not allowed"]
        await client.leave()


@LEVELS
async def test_what_is_unsubscribed_is_heard_no_more_at_once(open_doors, join: Join, level: int) -> None:
    async with open_doors() as doors:
        client = await Talker.come(join, doors, "c", level)
        for name in ("den/lamp", "den/fan", "hall/lamp"):
            await client.subscribe(Filter(name, 2))
        other = await Talker.come(join, doors, "other", level)
        for gone, left in ((None, 3), ("den/lamp", 2), ("hall/lamp", 1)):
            if gone is not None:
                await client.unsubscribe(gone)
            for topic in ("den/lamp", "hall/lamp", "den/fan"):
                await other.say(topic)
            assert (await client.heard(left))[-1].topic == "den/fan"
        await client.leave()
        await other.leave()


@LEVELS
async def test_what_is_said_while_a_subscription_is_on_its_way_to_the_disk_does_not_overtake_it(
    open_doors, join: Join, until, level: int
) -> None:
    async with open_doors() as doors:
        await (await Talker.come(join, doors, "c", level, clean=False, **lasting(level))).leave()
        client = await Talker.come(join, doors, "c", level)  # the log knows of it from before
        await client.subscribe(Filter("den/fan", 0))
        other = await Talker.come(join, doors, "other", level)
        doors.log.turning.clear()
        client.send(Subscribe(1, (Filter("den/lamp", 0),)))
        client.send(Unsubscribe(1, ("den/fan",)))
        await until(lambda: doors.committer._bytes + doors.committer._in_hand)
        for topic in ("den/lamp", "den/fan", "den/lamp"):
            await other.say(topic, b"", 0)
        other.send(Ping())
        await other.until(Pong)
        doors.log.turning.set()
        assert [m.topic for m in await client.heard(2)] == ["den/lamp", "den/lamp"]
        await client.leave()
        await other.leave()
