"""One Tasmota JSON message: what its keys measure, for which device, at what time.

A sensor's values belong to the device. Where two sensors give the same metric (BMP280 and DHT22 both know
the temperature), the first one seen keeps the device's id and the other is `NAME_SENSOR`. A Bluetooth sensor
(`LYWSD03-52680f`) and a Zigbee one are devices of their own, wherever they were heard.
"""

import re
from typing import Any, Final

from homestream.dialects.moment import local_ms, ms_of, trusted
from homestream.dialects.registry import Registry
from homestream.dialects.units import WORDS, checked, converted, number_of, value_of
from homestream.errors import PeerError
from homestream.reading import STATES, Entry, Reading

NAME = "tasmota"
#: Energy keys -> (metric, factor): totals are kWh.
ENERGY = {
    "Total": ("energy", 1000.0), "ExportActive": ("energy_export", 1000.0), "Power": ("power", 1.0),
    "ApparentPower": ("apparent_power", 1.0), "ReactivePower": ("reactive_power", 1.0),
    "Factor": ("power_factor", 1.0), "Frequency": ("frequency", 1.0), "Voltage": ("voltage", 1.0),
    "Current": ("current", 1.0),
}  # fmt: skip
CLAMP = {**ENERGY, "Energy": ("energy", 1000.0)}
#: Sensor keys -> metric.
SENSOR = {
    "Temperature": "temperature", "Humidity": "humidity", "Pressure": "pressure",
    "Illuminance": "illuminance", "CarbonDioxide": "carbon_dioxide", "PM2.5": "pm25", "Battery": "battery",
}  # fmt: skip
#: Keys of a smart meter read over its optical port, named as in the scripts' documentation; kWh and W.
METER = {
    "total_in": ("energy", 1000.0), "e_in": ("energy", 1000.0), "total_out": ("energy_export", 1000.0),
    "e_out": ("energy_export", 1000.0), "power_curr": ("power", 1.0), "power_cur": ("power", 1.0),
}  # fmt: skip
#: Zigbee keys -> (metric, factor): here `Power` is a switch and `Dimmer` goes to 254.
ZIGBEE = {
    "Temperature": ("temperature", 1.0), "Humidity": ("humidity", 1.0), "Pressure": ("pressure", 1.0),
    "BatteryPercentage": ("battery", 1.0), "Power": ("switch", 1.0), "Dimmer": ("brightness", 100 / 254),
    "Occupancy": ("motion", 1.0), "ActivePower": ("power", 1.0), "RMSVoltage": ("voltage", 1.0),
    "LinkQuality": ("link_quality", 1.0),
}  # fmt: skip
RELAY = re.compile(r"POWER(\d{0,2})")
SHUTTER = re.compile(r"(?:SHUTTER|Shutter)(\d{1,2})")
NUMBERED = re.compile(r"(Temperature|Humidity|Illuminance)\d{1,2}")
BLUETOOTH = re.compile(r".+-[0-9a-f]{6}")
WRAPPED = ("StatusSNS", "StatusSTS")
#: Sensors of the chip itself.
OWN_CHIP = ("ESP32",)


class Message:
    """One message being read; `read` gives its readings."""

    def __init__(self, registry: Registry, entry: Entry, device_id: str, command: str) -> None:
        """`command` is the topic under which the device takes commands, with its last slash."""
        self.registry: Final = registry
        self.entry: Final = entry
        self.device_id: Final = device_id
        self.command: Final = command
        self.time = entry.arrived
        self.units: dict[str, str] = {}
        self.readings: list[Reading] = []
        self.wrong = ""

    def read(self, body: dict[str, Any]) -> list[Reading]:
        """All readings; what is impossible is left out, `PeerError` where nothing else is left."""
        self._body(body)
        if self.wrong and not self.readings:
            raise PeerError(self.wrong)
        return self.readings

    def _body(self, body: dict[str, Any]) -> None:
        self._when(body)
        for key in ("TempUnit", "PressureUnit"):
            if isinstance(body.get(key), str):
                self.units["temperature" if key == "TempUnit" else "pressure"] = body[key]
        for key, raw in body.items():
            if isinstance(raw, dict):
                self._group(key, raw)
            elif (relay := RELAY.fullmatch(key)) is not None:
                self._relay(key, relay.group(1), raw)
            elif key == "Dimmer":
                self._settable("brightness", self.device_id, "Dimmer", raw)
            elif key == "BatteryPercentage":
                self._add(self.device_id, "battery", raw)
            elif (shutter := SHUTTER.fullmatch(key)) is not None:
                self._shutter(key, shutter.group(1), raw)
            elif key in SENSOR:
                self._sensed("", key, raw)

    def _group(self, key: str, raw: dict[str, Any]) -> None:
        if key in WRAPPED:
            self._body(raw)
        elif key == "ENERGY":
            self._energy(key, raw, ENERGY)
        elif key == "Wifi":
            signal = raw.get("Signal")
            if isinstance(signal, (int, float)) and signal < 0:  # dBm; above zero it would be a percentage
                self._add(self.device_id, "signal_strength", signal)
        elif key == "ZbReceived":
            for short, values in raw.items():
                if isinstance(values, dict):
                    self._zigbee(short, values)
        elif (shutter := SHUTTER.fullmatch(key)) is not None:
            self._shutter(key, shutter.group(1), raw.get("Position"))
        elif key not in OWN_CHIP:
            for name, value in raw.items():
                self._sensed(key, name, value)

    def _when(self, body: dict[str, Any]) -> None:
        """`Epoch` where the device gives it, else its local `Time`."""
        arrived, config = self.entry.arrived, self.registry.config
        at = trusted(ms_of(body.get("Epoch")), arrived)
        if at is None and isinstance(body.get("Time"), str) and config is not None:
            at = local_ms(body["Time"], config.zone, arrived)
            if at is None:
                self.registry.clock_is_wrong(self.device_id)
        self.time = self.time if at is None else at

    def _sensed(self, sensor: str, key: str, raw: Any) -> None:
        """One key of a sensor; keys that measure nothing are passed by."""
        if isinstance(raw, dict):
            if key.startswith("CTEnergy"):
                self._energy(key, raw, CLAMP)
            return
        numbered = NUMBERED.fullmatch(key)
        metric = SENSOR.get(numbered.group(1) if numbered else key)
        if metric is None:
            meter = METER.get(key.lower())
            if meter is not None:
                self._add(self._sensor_id(meter[0], sensor), meter[0], raw, meter[1])
        elif isinstance(raw, list):
            for n, each in enumerate(raw[:32], 1):
                self._add(self._sensor_id(metric, f"{sensor}_{n}"), metric, each)
        else:
            self._add(self._sensor_id(metric, key if numbered else sensor), metric, raw)

    def _sensor_id(self, metric: str, sensor: str) -> str:
        if BLUETOOTH.fullmatch(sensor):
            return sensor
        device = self.registry.learn(self.device_id, NAME)
        return self.registry.sensor(device, metric, sensor or "SENSOR")

    def _energy(self, group: str, values: dict[str, Any], keys: dict[str, tuple[str, float]]) -> None:
        for key, raw in values.items():
            if key not in keys:
                continue
            metric, factor = keys[key]
            phases = list(raw.values()) if isinstance(raw, dict) else raw
            if isinstance(phases, list):
                for n, each in enumerate(phases[:32], 1):
                    self._add(f"{self.device_id}_{n}", metric, each, factor)
            else:
                self._add(self._sensor_id(metric, group), metric, raw, factor)

    def _zigbee(self, short: str, values: dict[str, Any]) -> None:
        name = values.get("Name")
        device_id = name if isinstance(name, str) and name else short
        for key, (metric, factor) in ZIGBEE.items():
            if key in values:
                self._add(device_id, metric, values[key], factor)

    def _relay(self, key: str, number: str, raw: Any) -> None:
        if isinstance(raw, str) and raw.lower() in WORDS | {"0": 0.0, "1": 1.0}:
            self._settable("switch", f"{self.device_id}_{number}" if number else self.device_id, key, raw)

    def _shutter(self, key: str, number: str, raw: Any) -> None:
        if isinstance(raw, (int, float)):
            device = self.registry.learn(self.device_id, NAME)
            channel = self.registry.sensor(device, "position", f"Shutter{number}")
            self._settable("position", channel, f"ShutterPosition{number}", raw)

    def _settable(self, metric: str, device_id: str, command: str, raw: Any) -> None:
        if self._add(device_id, metric, raw):
            self.registry.commandable(self.registry.devices[device_id], metric, self.command + command)

    def _add(self, device_id: str, metric: str, raw: Any, factor: float = 1.0) -> bool:
        """Keep one value: null is unknown, the impossible is left out."""
        try:
            value = self._value(metric, raw, factor)
            base = "" if device_id == self.device_id else self.device_id
            self.registry.note(device_id, NAME, metric, base)
        except PeerError as error:
            self.wrong = self.wrong or str(error)
            return False
        self.readings.append(Reading(self.entry.home, device_id, metric, self.time, value))
        return True

    def _value(self, metric: str, raw: Any, factor: float) -> float:
        if metric in self.units:
            return value_of(metric, raw, self.units[metric])
        if factor == 1.0 or raw is None or metric in STATES:
            return value_of(metric, raw)
        number = converted(number_of(raw), factor)
        return checked(metric, float(round(min(number, 100.0))) if metric == "brightness" else number)
