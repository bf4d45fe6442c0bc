"""The load of `bench/door.py`: MQTT 3.1.1 clients over epoll, with packets built beforehand.

Run as a process of its own; the last line it prints is its result as JSON. `share` is how much of a core it
used: as long as that is well below 1, it is the broker that sets the pace.

    python bench/load.py flood PORT SECONDS CONNECTIONS IN_FLIGHT
    python bench/load.py paced PORT SECONDS RATE
    python bench/load.py idle PORT CONNECTIONS      until its stdin is closed
"""

import json
import resource
import select
import socket
import struct
import sys
import time

from homestream.wire.packets import Connect, Filter, Subscribe, encode, publish

HELLO = b"\x20\x02\x00\x00"


def join(port: int, name: str) -> socket.socket:
    """A connection that has sent its CONNECT."""
    peer = socket.create_connection(("127.0.0.1", port))
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    peer.sendall(encode(Connect(name, True, 0)))
    return peer


def joined(port: int, connections: int) -> list[socket.socket]:
    """So many connections, let in."""
    peers = [join(port, f"bench{n}") for n in range(connections)]
    for peer in peers:
        assert peer.recv(4) == HELLO, "the login was refused"
    return peers


def ring(number: int, in_flight: int) -> tuple[memoryview, list[int]]:
    """Packets with ids 1 to `in_flight`, twice one after the other, and where each begins."""
    topic = f"home/room{number % 8}/sensor{number}/temperature"
    packets = [publish(topic, b"21.%03d" % (n % 1000), 1, packet_id=n + 1) for n in range(in_flight)] * 2
    starts = [0]
    for packet in packets:
        starts.append(starts[-1] + len(packet))
    return memoryview(b"".join(packets)), starts


def flood(port: int, seconds: float, connections: int, in_flight: int) -> dict[str, float]:
    """Each connection keeps `in_flight` messages unacknowledged; messages acknowledged a second.

    Says that it begins by a line of its own.
    """
    peers = {peer.fileno(): peer for peer in joined(port, connections)}
    poll = select.epoll(connections)
    #: file descriptor -> [receive, send, stream, starts, position in the ring, bytes of half an answer]
    state = {}
    for number, (fd, peer) in enumerate(peers.items()):
        stream, starts = ring(number, in_flight)
        state[fd] = [peer.recv, peer.sendall, stream, starts, 0, 0]
        poll.register(fd, select.EPOLLIN)
    print("all are in", flush=True)
    acknowledged = 0
    begin, used = time.perf_counter(), time.process_time()
    for fd, peer in peers.items():
        peer.sendall(state[fd][2][: state[fd][3][in_flight]])
    end = begin + seconds
    while time.perf_counter() < end:
        for fd, _ in poll.poll(0.1):
            one = state[fd]
            receive, send, stream, starts, at, rest = one
            count, one[5] = divmod(len(receive(65_536)) + rest, 4)
            acknowledged += count
            send(stream[starts[at] : starts[at + count]])
            one[4] = (at + count) % in_flight
    spent, used = time.perf_counter() - begin, time.process_time() - used
    return {
        "rate": acknowledged / spent,
        "acknowledged": acknowledged,
        "share": used / spent,
        "ceiling": acknowledged / used,
    }


def paced(port: int, seconds: float, rate: float) -> dict[str, float]:
    """One publisher at QoS 1, one subscriber at QoS 0: milliseconds from publish to delivery."""
    publisher, subscriber = joined(port, 2)
    subscriber.sendall(encode(Subscribe(1, (Filter("home/bench/#", 0),))))
    assert subscriber.recv(5)[:1] == b"\x90", "the subscription was refused"
    poll = select.epoll()
    for peer in (publisher, subscriber):
        poll.register(peer, select.EPOLLIN)
    topic = "home/bench/sensor/temperature"
    head = len(publish(topic, bytes(8), 0)) - 8
    delays: list[float] = []
    sent, rest = 0, b""
    begin, used = time.perf_counter(), time.process_time()
    while (now := time.perf_counter()) < begin + seconds + 0.5:
        due = begin + sent / rate
        if now >= due and now < begin + seconds:
            sent += 1
            stamp = struct.pack("d", time.perf_counter())
            publisher.sendall(publish(topic, stamp, 1, packet_id=sent % 65_535 + 1))
            continue
        for fd, _ in poll.poll(max(due - now, 0) if now < begin + seconds else 0.05):
            data = (publisher if fd == publisher.fileno() else subscriber).recv(65_536)
            if fd == publisher.fileno():
                continue
            arrived, data = time.perf_counter(), rest + data
            whole = len(data) // (head + 8) * (head + 8)
            for at in range(head, whole, head + 8):
                delays.append((arrived - struct.unpack_from("d", data, at)[0]) * 1000)
            rest = data[whole:]
    used = time.process_time() - used
    delays.sort()
    assert delays, "nothing was delivered"
    p50, p99 = (delays[int(len(delays) * share)] for share in (0.5, 0.99))
    return {"sent": sent, "delivered": len(delays), "p50": p50, "p99": p99, "share": used / seconds}


def idle(port: int, connections: int) -> dict[str, float]:
    """Connect and do nothing; says `ready` once all are in."""
    begin = time.perf_counter()
    peers = joined(port, connections)
    print(json.dumps({"seconds": time.perf_counter() - begin}), flush=True)
    sys.stdin.read()
    return {"connections": len(peers)}


def main() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    what, port, *rest = sys.argv[1:]
    match what:
        case "flood":
            result = flood(int(port), float(rest[0]), int(rest[1]), int(rest[2]))
        case "paced":
            result = paced(int(port), float(rest[0]), float(rest[1]))
        case _:
            result = idle(int(port), int(rest[0]))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
