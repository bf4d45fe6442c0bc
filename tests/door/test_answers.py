"""Answers kept for requests that come again, also after a restart."""

import asyncio
from pathlib import Path

import httpx
import pytest

from homestream.door import answers as limits
from homestream.door.answers import KEEP_MS, Answer, Answers, OtherBody, digest
from homestream.reading import Entry, Kind

ANSWER = Kind.ANSWER
BODY = digest("api/readings", b"{}")


def answer(key: str, arrived: int = 0, body: bytes = b"{}") -> Answer:
    return Answer("home", "http:sensor", key, BODY, arrived, 200, body)


async def ask(answers: Answers, key: str, now: int = 0) -> Answer | None:
    return await answers.begin("home", "http:sensor", key, BODY, now)


async def test_in_the_log_they_are_told_from_all_else() -> None:
    answers = Answers()
    answers.read(
        [Entry(0, kind, "home", "bridge:b", "lamp", b"ON", 0) for kind in Kind if kind is not ANSWER]
    )
    assert await ask(answers, "a") is None
    answers.end("home", "http:sensor", "a")
    answers.read([answer("a").entry()])
    assert await ask(answers, "a") == answer("a")


async def test_it_is_known_again_for_a_day() -> None:
    answers = Answers()
    assert await ask(answers, "a") is None
    answers.add(answer("a"))
    answers.end("home", "http:sensor", "a")
    assert await ask(answers, "a", KEEP_MS) == answer("a")
    assert await answers.begin("home", "http:other", "a", BODY, 0) is None
    with pytest.raises(OtherBody):
        await answers.begin("home", "http:sensor", "a", digest("api/write/ns", b"{}"), 0)
    assert await ask(answers, "a", KEEP_MS + 1) is None


async def test_one_at_a_time_with_a_key() -> None:
    answers = Answers()
    assert await ask(answers, "a") is None
    second = asyncio.create_task(ask(answers, "a"))
    await asyncio.sleep(0)
    assert not second.done()
    answers.end("home", "http:sensor", "a")
    assert await second is None, "the first had no answer, so it is the second's turn"


async def test_what_is_too_old_or_too_much_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = Answers()
    answers.add(answer("old"))
    answers.add(answer("new", KEEP_MS + 1))
    assert await ask(answers, "old") is None
    monkeypatch.setattr(limits, "MAX_BYTES", 3_000)
    for n in range(5):
        answers.add(answer(f"{n}", KEEP_MS + 2, bytes(1_000)))
    assert await ask(answers, "1", KEEP_MS + 2) is None
    assert await ask(answers, "4", KEEP_MS + 2) is not None


async def test_it_is_known_after_a_restart_by_file_and_log(open_doors, tmp_path: Path) -> None:
    async with open_doors(anonymous=False, http=True) as doors:
        async with httpx.AsyncClient(base_url=doors.http, auth=("sensor", "correct horse")) as client:
            said = [
                await client.post("/write", content="m v=1\nm v=", headers={"Idempotency-Key": key})
                for key in ("one", "two")
            ]
        logged = [entries for entries in doors.log.read(1)]
        assert len(doors.messages) == 2
        before = Answers(tmp_path)
        before.read(logged[0])
        before.save()
        after = Answers(tmp_path)
        for entries in logged[1:]:
            after.read(entries)
        body = digest("api/write/ns", b"m v=1\nm v=")
        for key, first in zip(("one", "two"), said, strict=True):
            known = await after.begin("home", "http:sensor", key, body, 0)
            assert known is not None
            assert (known.status, known.body) == (first.status_code, first.content)
