"""Outdoors: temperature, humidity, pressure and sun, by season, hour and the day's own luck."""

import math
from random import Random

DAY_MS = 86_400_000
#: Central Europe
LATITUDE = math.radians(50.0)


class Weather:
    """Deterministic weather of one place; any time may be asked for, in any order."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._luck: dict[int, tuple[float, float, float]] = {}

    def _day(self, number: int) -> tuple[float, float, float]:
        """The day's own deviation (°C), cloud cover (0..1) and pressure (hPa)."""
        if number not in self._luck:
            rng = Random(f"{self._seed}/weather/{number}")
            self._luck[number] = rng.gauss(0, 3), rng.betavariate(1.2, 1.2), rng.gauss(1015, 8)
        return self._luck[number]

    def at(self, time: int, day_share: float) -> tuple[float, float, float, float]:
        """Temperature °C, humidity %, illuminance lx, pressure hPa; `day_share` is the local day's 0..1."""
        number, into = divmod(time, DAY_MS)
        share = into / DAY_MS
        today, tomorrow = self._day(number), self._day(number + 1)
        # between the lucks of two days, so that no value leaps at midnight
        luck = [a + (b - a) * share for a, b in zip(today, tomorrow, strict=True)]
        season = math.cos(2 * math.pi * (number % 365.25 - 200) / 365.25)
        swing = math.cos(2 * math.pi * (day_share - 0.625))
        clear = 1 - 0.8 * luck[1]
        temperature = 10 + 9 * season + (2 + 4 * clear) * swing + luck[0]
        humidity = min(99.0, max(25.0, 74 - 16 * clear * swing - 6 * season + 12 * luck[1] - 5))
        tilt = math.radians(23.4) * season
        height = math.sin(LATITUDE) * math.sin(tilt) - math.cos(LATITUDE) * math.cos(tilt) * math.cos(
            2 * math.pi * day_share
        )
        light = 100_000 * max(0.0, height) * clear + 400 * max(0.0, height + 0.1)
        return temperature, humidity, light, luck[2]
