"""The meter tree of `home.toml`: the mains (several are phases), below them circuits and devices.

A device hangs under its `parent`; one without a parent hangs under the mains, all of them together.
"""

from collections.abc import Iterable, Mapping

from homestream.home import HomeConfig

#: The mains together: what the whole home draws.
HOME = ""


def tree(config: HomeConfig, devices: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Parent -> what hangs directly under it, of `devices`; `HOME` -> what all mains together feed.

    What hangs under one of several mains is fed by that phase, and by the home. Parents that are none of
    `devices`, mains apart, are passed over: what hangs under them hangs where they do.
    """
    there = list(devices)
    above = {device.id: device.parent for device in config.device}
    mains = {device for device in config.mains if device in there}
    found: dict[str, list[str]] = {HOME: []}
    for device in there:
        if device in mains:
            continue
        parent = _nearest(above, device, there)
        if parent:
            found.setdefault(parent, []).append(device)
        if not parent or parent in mains:
            found[HOME].append(device)
    if len(mains) == 1:  # the one meter is the home's
        found.pop(next(iter(mains)), None)
    return {parent: tuple(children) for parent, children in found.items()}


def _nearest(above: Mapping[str, str], device: str, there: Iterable[str]) -> str:
    parent = above.get(device, "")
    while parent and parent not in there:
        parent = above.get(parent, "")
    return parent
