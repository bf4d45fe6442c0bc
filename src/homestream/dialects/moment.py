"""When it happened: the device's own time where it can be trusted, else the arrival time."""

from datetime import datetime, timedelta, tzinfo
from typing import Any

#: Design, section 4: a device time further ahead than this is replaced by the arrival time.
AHEAD_MS = 5 * 60_000
#: 2000-01-01. A clock that shows less was never set (1970 after a reset is the common case).
EARLIEST_MS = 946_684_800_000
#: A local time without zone is believed for a day: enough for a bridge that queued while the link was down.
LOCAL_MS = 86_400_000
#: Zones differ by whole half hours; a local time off by that much, give or take a minute, is another zone's.
HALF_HOUR_MS, SLACK_MS = 1_800_000, 60_000


def ms_of(raw: Any) -> int | None:
    """Epoch seconds, ms, us or ns (told by their size), or ISO 8601 with a zone -> ms; None if neither."""
    if isinstance(raw, str):
        try:
            moment = datetime.fromisoformat(raw)
        except ValueError:
            return None
        return _epoch_ms(moment) if moment.tzinfo is not None else None
    if isinstance(raw, bool) or not isinstance(raw, (int, float)) or not 0 <= raw < 1e19:
        return None
    if raw < 1e11:
        return round(raw * 1000)
    if raw < 1e14:
        return int(raw)
    return int(raw // 1000) if raw < 1e17 else int(raw // 1_000_000)


def trusted(at: int | None, arrived: int) -> int | None:
    """`at` where a clock that was set could show it, else None."""
    return at if at is not None and EARLIEST_MS <= at <= arrived + AHEAD_MS else None


def local_ms(text: str, zone: tzinfo, arrived: int) -> int | None:
    """A device's local time, without zone unless it says one, -> ms; None where it is not believable.

    Many devices run with their maker's zone instead of the home's; believed, all their readings would be
    hours late. So a time that is off by about a whole number of half hours is taken for that mistake.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is not None:
        return trusted(_epoch_ms(moment), arrived)
    at = _epoch_ms(moment.replace(tzinfo=zone))
    if at is None:
        return None
    off = arrived - at
    if not -AHEAD_MS <= off <= LOCAL_MS:
        return None
    wrong_zone = off > HALF_HOUR_MS // 2 and (off + SLACK_MS) % HALF_HOUR_MS <= 2 * SLACK_MS
    return None if wrong_zone else at


_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_MS = timedelta(milliseconds=1)


def _epoch_ms(moment: datetime) -> int | None:
    try:
        return (moment - _EPOCH) // _MS
    except OverflowError:
        return None
