"""A batch of which some rows are not its sender's: those are stored apart from the others, at every path."""

import asyncio
import json
from typing import Any

import aiocoap
import httpx
import pytest
from aiocoap.numbers import codes

from homestream.door import refusals
from homestream.engine.fold import Engine
from homestream.reading import Kind

PASSWORD = "correct horse"
OURS = {"device": "hall/lamp", "power": 5}
THEIRS = {"device": "attic/box", "temperature": 21}
NDJSON = {"Content-Type": "application/x-ndjson"}


@pytest.fixture(scope="session")
def hashed(hashed):
    hashed.add("porch", "home", "device", PASSWORD, publish=["home/hall/#"])
    hashed.add("meter", "home", "device", PASSWORD, publish=["home/+/lamp/power"])
    return hashed


@pytest.fixture
async def doors(open_doors):
    async with open_doors(anonymous=False, http=True, coap=True) as doors:
        yield doors


@pytest.fixture
async def client(doors):
    async with httpx.AsyncClient(base_url=doors.http, auth=("porch", PASSWORD)) as client:
        yield client


def books(doors, source: str = "http:porch") -> tuple[int, int, int]:
    """Received, stored (of which some twice) and rejected, by the engine's books."""
    engine = Engine()
    engine.apply([entry._replace(seq=n) for n, entry in enumerate(doors.committed, 1)])
    account = engine.accounts()["home", source]
    return account.received, account.stored + account.duplicate, account.rejected


def no(row: int, topic: str) -> dict[str, Any]:
    return {"row": row, "reason": f"porch may not publish home/{topic}"}


async def test_json_in_each_form(doors, client) -> None:
    rows = [OURS, THEIRS, {"device": "x"}, OURS, {**OURS, "device": "hall2/lamp"}]
    answers = [
        await client.post("/api/v1/readings", json=rows),
        await client.post("/api/v1/readings", content="\n".join(map(json.dumps, rows)), headers=NDJSON),
    ]
    for n, answer in enumerate(answers):
        assert answer.status_code == 207
        assert answer.json() == {
            "stored": 2,
            "refused": [
                no(1, "attic/box/temperature"),
                {"row": 2, "reason": "no metric in it"},
                no(4, "hall2/lamp/power"),
            ],
        }
        _, payload = doors.messages[n]
        assert [json.loads(line) for line in payload.splitlines()] == [OURS, OURS]
    assert books(doors) == (10, 4, 6)
    assert [(e.topic, json.loads(e.payload), e.items) for e in doors.refusals[:3]] == [
        ("row 1: porch may not publish home/attic/box/temperature", THEIRS, 1),
        ("row 2: no metric in it", {"device": "x"}, 1),
        ("row 4: porch may not publish home/hall2/lamp/power", {**OURS, "device": "hall2/lamp"}, 1),
    ]


async def test_line_protocol(doors, client) -> None:
    text = "m,device=hall/lamp power=1\n# remark\nm,device=attic/box power=2\nm v=\n"
    text += 'm,device=hall/lamp note="a\nb"'
    answer = await client.post("/write", content=text)
    assert answer.status_code == 400
    reason = "porch may not publish home/attic/box/power"
    assert answer.json()["message"] == f"partial write: row 1: {reason}; dropped=2"
    kept = b'm,device=hall/lamp power=1\nm,device=hall/lamp note="a\nb"'
    assert doors.messages == [("api/write/ns", kept)]
    assert [e.payload for e in doors.refusals] == [b"m,device=attic/box power=2", b"m v="]
    answer = await client.post("/api/v3/write_lp?db=x", content=text)
    first = {"original_line": "m,device=attic/box power=2", "line_number": 3, "error_message": reason}
    assert answer.json()["data"][0] == first
    assert books(doors) == (8, 4, 4)


async def test_one_that_is_not_ours_has_all_refused_where_all_or_none_is_wanted(doors, client) -> None:
    text = "m,device=hall/lamp power=1\nm,device=attic/box power=2"
    answer = await client.post("/api/v3/write_lp?db=x&accept_partial=false", content=text)
    assert answer.status_code == 400
    assert (doors.messages, books(doors)) == ([], (2, 0, 2))


async def test_senml_keeps_what_was_said_before(doors, client) -> None:
    pack = [{"bn": "attic/box/", "bt": 1767607200, "n": "power", "u": "W", "v": 1},
            {"bn": "hall/lamp/", "n": "power", "u": "W", "v": 2, "t": 5}]  # fmt: skip
    answer = await client.post("/api/v1/senml", json=pack)
    assert answer.json() == {"stored": 1, "refused": [no(0, "attic/box/power")]}
    [(topic, payload)] = doors.messages
    assert topic == "api/senml"
    (record,) = json.loads(payload)
    assert (record["bn"], record["bt"], record["t"]) == ("hall/lamp/", 1767607200, 5)
    assert books(doors) == (2, 1, 1)


async def test_by_coap(doors) -> None:
    context = await aiocoap.Context.create_client_context(transports=["udp6"])

    async def post(path: str, body: Any) -> aiocoap.Message:
        uri = f"coap://127.0.0.1:{doors.coap}/{path}?token=porch:{PASSWORD.replace(' ', '%20')}"
        message = aiocoap.Message(code=aiocoap.POST, uri=uri, payload=json.dumps(body).encode())
        return await asyncio.wait_for(context.request(message).response, 10)

    answer = await post("readings", [OURS, THEIRS])
    said = b"row 1: porch may not publish home/attic/box/temperature; 1 stored, 1 refused"
    assert (answer.code, answer.payload) == (codes.BAD_REQUEST, said)
    answer = await post("senml", [{"n": "hall/lamp/power", "v": 2}, {"n": "attic/box/power", "v": 1}])
    assert answer.payload.endswith(b"home/attic/box/power; 1 stored, 1 refused")
    answer = await post("readings", THEIRS)
    assert (answer.code, answer.payload[:36]) == (codes.FORBIDDEN, b"porch may not publish home/attic/box")
    await context.shutdown()
    assert [topic for topic, _ in doors.messages] == ["api/readings", "api/senml"]
    assert books(doors, "coap:porch") == (5, 2, 3)


async def test_nothing_of_it_is_a_403_and_all_of_it_goes_as_it_came(doors, client) -> None:
    answer = await client.post("/api/v1/readings", json=[THEIRS, THEIRS])
    assert (answer.status_code, answer.json()["error"]) == (403, no(0, "attic/box/temperature")["reason"])
    assert books(doors) == (2, 0, 2)
    body = json.dumps([OURS, {"device": "x"}]).encode()
    answer = await client.post("/api/v1/readings", content=body, headers={"Content-Type": "application/json"})
    assert answer.json()["stored"] == 1
    assert doors.messages == [("api/readings", body)]
    assert (await client.get("/api/v1/hook/hall/door?event=open")).status_code == 200
    assert (await client.get("/api/v1/hook/bath/ht?temp=5")).status_code == 403


async def test_a_list_may_name_metrics_and_a_row_is_stored_whole_or_not(doors) -> None:
    rows = [OURS, {**OURS, "voltage": 230}, {"device": "den/lamp", "power": 1}]
    async with httpx.AsyncClient(base_url=doors.http, auth=("meter", PASSWORD)) as client:
        answer = await client.post("/api/v1/readings", json=rows)
    reason = "meter may not publish home/hall/lamp/voltage"
    assert answer.json() == {"stored": 2, "refused": [{"row": 1, "reason": reason}]}


async def test_the_same_key_gets_the_same_answer_and_stores_nothing_twice(doors, client) -> None:
    key = {"Idempotency-Key": "once"}
    answers = [await client.post("/api/v1/readings", json=[OURS, THEIRS], headers=key) for _ in range(2)]
    assert (
        answers[0].json() == answers[1].json() == {"stored": 1, "refused": [no(1, "attic/box/temperature")]}
    )
    assert [entry.kind for entry in doors.committed] == [Kind.MESSAGE, Kind.REFUSED, Kind.ANSWER]


async def test_of_a_flood_only_so_many_are_kept_and_all_are_counted(
    doors, client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "MAX_KEPT", 3)
    answer = await client.post("/api/v1/readings", json=[OURS, *[THEIRS] * 2000])
    assert (answer.json()["stored"], len(doors.refusals)) == (1, 3)
    await doors.intake.close()
    assert books(doors) == (2001, 1, 2000)
