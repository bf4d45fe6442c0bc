"""What MQTT 5.0 adds, as conversations at the running door; what both versions share: test_interop_311.py."""

import re
from pathlib import Path

import pytest
from tests.door.talker import Join, Talker

from homestream.door.mqtt import door as module
from homestream.wire.connection import MAX_KEEP_ALIVE
from homestream.wire.packets import Filter, publish
from homestream.wire.reasons import Reason


async def test_who_has_no_name_gets_one_and_who_wants_to_be_silent_for_long_is_told_how_long(
    open_doors, join: Join
) -> None:
    async with open_doors() as doors:
        names = set()
        for clean in (True, False):
            client = await Talker.come(join, doors, "", 5, clean=clean, keep=MAX_KEEP_ALIVE * 2)
            assert client.connack.code == 0
            assert client.connack.properties["server_keep_alive"] == MAX_KEEP_ALIVE
            names.add(client.connack.properties["assigned_client_identifier"])
            await client.leave()
        assert len(names) == 2 and all(names)


async def test_a_session_is_there_or_gone_as_was_said_last(
    open_doors, join: Join, until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SWEEP", 0.05)

    async def come(seconds: int) -> Talker:
        said = {"session_expiry_interval": seconds}
        return await Talker.come(join, doors, "c", 5, clean=False, properties=said)

    async with open_doors() as doors:
        sessions = doors.mqtt.room("home").exchange.sessions
        for seconds, goodbye, there in (
            (0, None, False),
            (60, None, True),
            (1, 60, True),
            (60, 0, False),
            (60, None, True),
        ):
            client = await come(seconds)
            await client.subscribe(Filter("den/lamp", 1))
            await client.leave(**({} if goodbye is None else {"session_expiry_interval": goodbye}))
            assert ("c" in sessions) is there
            client = await come(60)
            assert client.connack.session_present is there, (seconds, goodbye)
            await client.leave(session_expiry_interval=0)
        await (await come(1)).leave()
        await until(lambda: "c" not in sessions)


async def test_what_a_message_says_of_itself_is_passed_on_at_each_qos(open_doors, join: Join) -> None:
    said = {
        "payload_format_indicator": 1,
        "content_type": "text/plain",
        "user_property": [("a", "1"), ("b", "2"), ("a", "3")],
    }
    async with open_doors() as doors:
        client = await Talker.come(join, doors, "c", 5)
        await client.subscribe(Filter("den/lamp", 2))
        for qos in (0, 1, 2):
            await client.say("den/lamp", b"on", qos, **said)
        assert [(m.qos, m.properties) for m in await client.heard(3)] == [(qos, said) for qos in (0, 1, 2)]
        await client.leave()


async def test_one_asks_and_another_answers(open_doors, join: Join) -> None:
    async with open_doors() as doors:
        asks, answers = [await Talker.come(join, doors, name, 5) for name in ("asks", "answers")]
        for one in (asks, answers):
            await one.subscribe(Filter("den/lamp", 1, no_local=True))
        await asks.say("den/lamp", b"how bright?", response_topic="den/lamp", correlation_data=b"\0\1")
        (question,) = await answers.heard(1)
        said = question.properties
        assert said == {"response_topic": "den/lamp", "correlation_data": b"\0\1"}
        await answers.say(said["response_topic"], b"40", correlation_data=said["correlation_data"])
        (answer,) = await asks.heard(1)
        assert (answer.payload, answer.properties) == (b"40", {"correlation_data": b"\0\1"})
        await answers.heard(0)
        await asks.leave()
        await answers.leave()


async def test_a_topic_it_abbreviates_is_known_for_its_connection_only(open_doors, join: Join) -> None:
    lasting = {"session_expiry_interval": 60}
    async with open_doors() as doors:
        client = await Talker.come(join, doors, "c", 5, properties=lasting)
        assert client.connack.properties["topic_alias_maximum"] > 1
        await client.subscribe(Filter("den/+", 1))
        await client.say("den/lamp", b"1", topic_alias=1)
        await client.say("", b"2", topic_alias=1)
        await client.say("den/fan", b"3", topic_alias=1)
        await client.say("", b"4", topic_alias=1)
        heard = [(m.topic, m.payload) for m in await client.heard(4)]
        assert heard == [("den/lamp", b"1"), ("den/lamp", b"2"), ("den/fan", b"3"), ("den/fan", b"4")]
        await client.leave()
        for alias, code in ((1, Reason.PROTOCOL_ERROR), (0, Reason.TOPIC_ALIAS_INVALID)):
            client = await Talker.come(join, doors, "c", 5, clean=False, properties=lasting)
            client.peer.send(publish("", b"", 0, level=5, properties={"topic_alias": alias}))
            await client.turned_out(code)


@pytest.mark.parametrize("most", [2, 0, None])
async def test_topics_are_abbreviated_for_who_takes_it(open_doors, join: Join, most: int | None) -> None:
    async with open_doors() as doors:
        taken = {} if most is None else {"topic_alias_maximum": most}
        client = await Talker.come(join, doors, "c", 5, properties=taken)
        await client.subscribe(Filter("den/+", 0))
        topics = ["den/lamp", "den/lamp", "den/fan", "den/door", "den/fan"]
        for topic in topics:
            doors.mqtt.publish(topic, b"on")
        written = list(zip(topics, (0, 0, 0, 0, 0), strict=True))
        if most:
            written = [("den/lamp", 1), ("", 1), ("den/fan", 2), ("den/door", 0), ("", 2)]
        await client.peer.expect(
            b"".join(
                publish(topic, b"on", 0, level=5, properties={"topic_alias": alias} if alias else {})
                for topic, alias in written
            )
        )
        await client.leave()


async def test_whom_the_retained_come_to_is_for_the_subscriber_to_say(open_doors, join: Join) -> None:
    async with open_doors() as doors:
        client = await Talker.come(join, doors, "c", 5)
        for qos, topic in enumerate(["den/lamp", "hall/lamp", "attic/lamp"]):
            await client.say(topic, b"on", qos, retain=True)
        for name, handling, counts in (("new", 1, (3, 0)), ("never", 2, (0, 0)), ("always", 0, (3, 3))):
            other = await Talker.come(join, doors, name, 5)
            for count in counts:
                await other.subscribe(Filter("+/+", 2, retain_handling=handling, retain_as_published=True))
                assert sorted(m.qos for m in await other.heard(count)) == [0, 1, 2][:count]
            await client.say("den/lamp", b"off", retain=False)
            assert [m.retain for m in await other.heard(1)] == [False]
            await other.leave()
        await client.leave()


async def test_a_packet_too_large_is_said_before_it_is_closed(open_doors, join: Join) -> None:
    async with open_doors(max_packet=1024) as doors:
        client = await Talker.come(join, doors, "c", 5)
        assert client.connack.properties["maximum_packet_size"] == 1024
        client.peer.send(publish("den/lamp", b"x" * 1024, 0, level=5))
        await client.turned_out(Reason.PACKET_TOO_LARGE)


async def test_a_group_hears_once_and_each_of_it_what_is_its_own(open_doors, join: Join) -> None:
    async with open_doors() as doors:
        pair = [await Talker.come(join, doors, name, 5) for name in ("one", "other")]
        for client in pair:
            codes = await client.subscribe(Filter("$share/pair/den/lamp", 1), Filter("hall/lamp", 1))
            assert codes == (1, 1)
        await pair[0].say("hall/lamp")
        for client in pair:
            assert [m.topic for m in await client.heard(1)] == ["hall/lamp"]
        await pair[0].say("den/lamp", b"1")
        await pair[0].say("den/lamp", b"2")
        payloads = [(await client.heard(1))[0].payload for client in pair]
        assert sorted(payloads) == [b"1", b"2"]
        for client in pair:
            await client.leave()


def test_the_scenarios_of_the_docs_are_tests() -> None:
    tests = Path(__file__).parents[2]
    table = (tests.parent / "docs" / "decisions" / "own-mqtt.md").read_text()
    found = re.findall(r"`([a-z0-9_/.]*)::(test_\w+)`", table)
    assert len(found) > 20
    file = ""
    for named, test in found:
        file = named or file
        assert f"def {test}(" in (tests / file).read_text(), (file, test)
