"""A day of the family: who is where, minute by minute, and what they switch on, open and heat.

A day depends on seed and date alone, never on when the run began, so any stretch of time comes out the same.
Two adults (Anna goes to work, Ben works at home on some days) and two children at school; on weekends most
afternoons they all go out.
"""

from dataclasses import dataclass, field
from datetime import date
from random import Random
from typing import NamedTuple

MINUTE_MS = 60_000
MINUTES = 1440
#: who is up before this minute goes back to bed
NIGHT_ENDS = 330
AWAY = "away"
PEOPLE = ("anna", "ben", "mia", "tom")
BEDS = {"anna": "bedroom", "ben": "bedroom", "mia": "kids_room", "tom": "kids_room"}


class Run(NamedTuple):
    """An appliance's run, or a door's or window's time open; ms, end excluded."""

    start: int
    end: int
    device: str


@dataclass
class Day:
    """The plan of one local day that begins at `midnight` (UTC ms)."""

    midnight: int
    where: dict[str, list[str]]
    asleep: dict[str, list[bool]]
    runs: list[Run] = field(default_factory=list)
    openings: list[Run] = field(default_factory=list)
    showers: list[Run] = field(default_factory=list)
    #: where a stranger moves, minute by minute; empty on an ordinary day
    intruder: dict[int, str] = field(default_factory=dict)

    def ms(self, minute: float) -> int:
        """A minute of this day as UTC ms."""
        return self.midnight + int(minute * MINUTE_MS)

    def empty(self) -> list[tuple[int, int]]:
        """The stretches of minutes in which nobody is home."""
        gone = [all(self.where[p][m] == AWAY for p in PEOPLE) for m in range(MINUTES)] + [False]
        stretches, start = [], -1
        for minute, is_gone in enumerate(gone):
            if is_gone and start < 0:
                start = minute
            elif not is_gone and start >= 0:
                stretches.append((start, minute))
                start = -1
        return stretches


def plan(seed: str, day: date, midnight: int) -> Day:
    """The family's day."""
    rng = Random(f"{seed}/plan/{day.isoformat()}")
    plan = Day(midnight, {}, {})
    weekend = day.weekday() >= 5
    outing = (rng.randint(780, 870), rng.randint(960, 1080)) if weekend and rng.random() < 0.7 else None
    home_office = day.weekday() in (1, 3)
    for person in PEOPLE:
        moves = _moves(rng, person, weekend, outing, home_office)
        where, asleep = [BEDS[person]] * MINUTES, [True] * MINUTES
        for minute, room in moves:
            where[minute:] = [BEDS[person] if room == "sleep" else room] * (MINUTES - minute)
            asleep[minute:] = [room == "sleep"] * (MINUTES - minute)
        plan.where[person], plan.asleep[person] = where, asleep
        plan.openings += _doorways(plan, person, where)
    _washing_up(rng, plan, gets_up(plan, "anna"))
    _meals(rng, plan, weekend, outing)
    _housework(rng, plan, day, weekend)
    return plan


def gets_up(plan: Day, person: str) -> int:
    """The minute in which `person` gets up."""
    return plan.asleep[person].index(False, NIGHT_ENDS)


def _moves(
    rng: Random, person: str, weekend: bool, outing: tuple[int, int] | None, home_office: bool
) -> list[tuple[int, str]]:
    """(minute, room) of one person's day, in order; they sleep before the first and after the last."""
    adult = person in ("anna", "ben")
    bed = "bedroom" if adult else "kids_room"
    up = (rng.randint(480, 540) if weekend else rng.randint(375, 405)) + (0 if adult else 20)
    moves = []
    if adult and rng.random() < 0.3:
        night = rng.randint(120, 280)
        moves += [(night, "bathroom"), (night + 4, "sleep")]
    moves += [(up, "bathroom"), (up + rng.randint(10, 16), "kitchen")]
    breakfast = up + rng.randint(34, 44)
    if weekend:
        moves += [(breakfast, "living_room" if adult else bed), (690, "kitchen"), (745, "living_room")]
        if outing:
            jitter = rng.randint(0, 3)
            moves += [(outing[0] - 2, "hall"), (outing[0] + jitter, AWAY)]
            moves += [(outing[1] + jitter, "hall"), (outing[1] + 6, "living_room")]
        back = 1085
    else:
        leave = breakfast + rng.randint(8, 16)
        moves.append((breakfast, "hall"))
        if person == "ben" and home_office:
            moves += [(leave, "office"), (740, "kitchen"), (785, "office"), (1030, "living_room")]
            back = 1030
        else:
            back = rng.randint(1020, 1065) if adult else rng.randint(930, 965)
            moves += [(leave, AWAY), (back, "hall"), (back + 4, "living_room" if adult else bed)]
    cook = max(back + 12, rng.randint(1078, 1095))
    moves.append((cook if person == "anna" else cook + 30, "kitchen"))
    moves.append((cook + 75, "living_room"))
    night = rng.randint(1355, 1400) if adult else rng.randint(1200, 1225)
    moves += [(night - 12, "bathroom"), (night, "sleep")]
    return moves


def _doorways(plan: Day, person: str, where: list[str]) -> list[Run]:
    """The front door (for Anna's car, the garage door too) at each leaving and coming home."""
    runs = []
    for minute in range(1, MINUTES):
        if (where[minute] == AWAY) != (where[minute - 1] == AWAY):
            at = plan.ms(minute)
            runs.append(Run(at - 15_000, at + 10_000, "hall/front_door"))
            if person == "mia":
                runs.append(Run(at - 40_000, at - 20_000, "garden/gate"))
            if person == "anna":
                runs.append(Run(at - 5_000, at + 45_000, "garage/door"))
    return runs


def _washing_up(rng: Random, plan: Day, up: int) -> None:
    """Showers in the morning, and windows aired after them."""
    for start in (up + 2, up + 22):
        plan.showers.append(Run(plan.ms(start), plan.ms(start + rng.randint(6, 10)), "bathroom"))
    aired = up + 38
    for device in ("bathroom/window", "bedroom/window", "kids_room/window"):
        plan.openings.append(Run(plan.ms(aired), plan.ms(aired + rng.randint(5, 9)), device))


def _meals(rng: Random, plan: Day, weekend: bool, outing: tuple[int, int] | None) -> None:
    """Kettle, oven, hob, dishwasher and the kitchen window."""
    up = gets_up(plan, "anna")
    kettles = [up + 16, up + 27] + ([700] if weekend else []) + [1180]
    plan.runs += [Run(plan.ms(m), plan.ms(m + rng.uniform(2, 4)), "kitchen/kettle") for m in kettles]
    dinner = next(m for m in range(1020, MINUTES) if plan.where["anna"][m] == "kitchen")
    plan.runs.append(Run(plan.ms(dinner + 3), plan.ms(dinner + rng.randint(28, 40)), "hob"))
    if rng.random() < (0.8 if weekend else 0.4):
        plan.runs.append(Run(plan.ms(dinner + 2), plan.ms(dinner + rng.randint(40, 60)), "oven"))
    plan.openings.append(Run(plan.ms(dinner + 40), plan.ms(dinner + 46), "kitchen/window"))
    if rng.random() < 0.75:
        plan.runs.append(Run(plan.ms(dinner + 82), plan.ms(dinner + 82 + 112), "dishwasher"))
    if weekend and not outing:
        plan.runs.append(Run(plan.ms(840), plan.ms(960), "tv"))
    plan.runs.append(Run(plan.ms(dinner + 78), plan.ms(rng.randint(1325, 1345)), "tv"))


def _housework(rng: Random, plan: Day, day: date, weekend: bool) -> None:
    """Washing, drying, ironing, and the car charging at night."""
    if weekend or day.weekday() == 2:
        start = 600 if weekend else 1140
        end = start + rng.randint(88, 102)
        plan.runs.append(Run(plan.ms(start), plan.ms(end), "washing_machine"))
        plan.runs.append(Run(plan.ms(end + 12), plan.ms(end + 12 + rng.randint(70, 95)), "dryer"))
    if day.weekday() in (2, 6):
        at = 1215
        plan.runs.append(Run(plan.ms(at), plan.ms(at + rng.randint(18, 30)), "laundry/iron"))
    if day.weekday() in (0, 2, 4):
        plan.runs.append(Run(plan.ms(1330), plan.ms(1330 + rng.randint(120, 260)), "garage/wallbox"))
