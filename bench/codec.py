"""PUBLISH packets read in a second of CPU, by MQTT version: python bench/codec.py."""

from time import process_time

from homestream.wire.packets import Connect, encode, publish
from homestream.wire.properties import NONE, Properties
from homestream.wire.reader import Reader, Topics

#: As many as one read of a socket brings of a busy client.
RUN = 400
ROUNDS = 7
#: Runs a round.
TIMES = 100

MANY: list[Properties] = [
    {"message_expiry_interval": n, "user_property": [("room", f"{n}")]} for n in range(RUN)
]
#: name -> level and the properties of each message
CASES: dict[str, tuple[int, list[Properties]]] = {
    "3.1.1": (4, [NONE] * RUN),
    "5.0": (5, [NONE] * RUN),
    "5.0, the same two properties": (5, MANY[:1] * RUN),
    "5.0, two others each": (5, MANY),
}


def stream(level: int, qos: int, properties: list[Properties]) -> bytes:
    """A run of messages of 60 devices."""
    return b"".join(
        publish(
            f"home/kitchen/lamp{n % 60}/power",
            b"%d.5" % n,
            qos,
            packet_id=n + 1 if qos else 0,
            level=level,
            properties=one,
        )
        for n, one in enumerate(properties)
    )


def main() -> None:
    """The best of some rounds of each, taken in turns, and its ratio to 3.1.1."""
    for qos in (0, 1):
        best = dict.fromkeys(CASES, float("inf"))
        runs = {name: stream(level, qos, properties) for name, (level, properties) in CASES.items()}
        for _ in range(ROUNDS):
            for name, data in runs.items():
                reader = Reader(Topics())
                reader.feed(encode(Connect("bench", True, 0, CASES[name][0])))
                start = process_time()
                for _ in range(TIMES):
                    reader.feed(data)
                best[name] = min(best[name], (process_time() - start) / TIMES / RUN)
        for name, seconds in best.items():
            ratio = best["3.1.1"] / seconds
            print(f"QoS {qos}, {name:28} {1 / seconds:12,.0f} /CPU-s  {ratio:5.2f}")


if __name__ == "__main__":
    main()
