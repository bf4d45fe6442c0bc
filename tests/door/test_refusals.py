"""A flood of refusals: the first are kept, all are counted."""

import pytest

from homestream.door import refusals as limits
from homestream.door.refusals import MORE, Refusals


async def test_beyond_so_many_a_minute_they_are_counted(
    open_doors, until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_KEPT", 3)
    monkeypatch.setattr(limits, "MAX_COUNTED", 2)
    monkeypatch.setattr(limits, "MINUTE", 0.6)
    async with open_doors() as doors:
        refusals = Refusals(doors.committer, lambda: 7)
        for n in range(10):
            await refusals.write("home", f"coap:10.0.0.{n % 4}", "no CoAP", b"x" * 5_000, items=2)
        refusals.note("home", "coap:10.0.0.9", "no CoAP", b"x")
        await until(lambda: sum(entry.items for entry in doors.refusals) == 21)
        kept = [entry for entry in doors.refusals if entry.topic != MORE]
        assert [len(entry.payload) for entry in kept] == [limits.EVIDENCE] * 3
        counted = {entry.source: entry.items for entry in doors.refusals if entry.topic == MORE}
        assert counted == {"coap:10.0.0.3": 4, "coap:10.0.0.0": 4, "coap:other": 7}
        await refusals.write("home", "coap:10.0.0.1", "no CoAP", b"x")
        assert doors.refusals[-1].topic == "no CoAP", "a new minute"
        await refusals.close()


async def test_what_is_counted_is_written_at_the_end(open_doors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_KEPT", 0)
    async with open_doors() as doors:
        refusals = Refusals(doors.committer, lambda: 7)
        refusals.note("home", "coap:10.0.0.9", "no CoAP", b"x")
        await refusals.close()
        assert [(entry.topic, entry.items) for entry in doors.refusals] == [(MORE, 1)]
