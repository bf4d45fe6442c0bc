"""How many may come, and who comes in without a password."""

import pytest

from homestream.door.listen import Places, nameless
from homestream.errors import ConfigError
from homestream.home import DoorConfig, HomeConfig
from homestream.homefile import parse
from homestream.wire import packets
from homestream.wire.packets import Connect, Ping, encode

HELLO = packets.connack(packets.ACCEPTED)
HERE = ("127.0.0.1", "::1", "::ffff:127.0.0.1", "127.8.8.8")
ELSEWHERE = ("192.168.1.5", "fe80::1%eth0", "?", "", "::ffff:10.0.0.1")


def let_in(anonymous: object, *addresses: str, tls: bool = False) -> list[bool]:
    config = HomeConfig(id="h", door=DoorConfig(anonymous=anonymous))
    return [nameless(config, address, tls=tls) is not None for address in addresses]


def test_without_a_name_only_this_machine_and_tls_come_in_and_all_only_by_the_word() -> None:
    assert let_in(True, *HERE) == [True] * 4
    assert let_in(True, *ELSEWHERE) == [False] * 5
    assert let_in(True, *ELSEWHERE, tls=True) == [True] * 5
    assert let_in("anywhere", *ELSEWHERE) == [True] * 5
    assert let_in(False, *HERE, *ELSEWHERE, tls=True) == [False] * 9


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "hub.local"])
def test_anonymous_beyond_this_machine_needs_tls_or_the_word(host: str) -> None:
    with pytest.raises(ConfigError, match=r'home\.toml:1: door: anonymous = true with host.*"anywhere"'):
        parse(f'[door]\nhost = "{host}"\nanonymous = true\n')
    parse(f'[door]\nhost = "{host}"\nanonymous = "anywhere"\n')
    parse(f'[door]\nhost = "{host}"\nanonymous = true\ncertificate = "c.pem"\nkey = "c.key"\n')
    parse('[door]\nhost = "localhost"\nanonymous = true\n')


def test_a_key_alone_or_an_authority_alone_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match="certificate and key go together"):
        parse('[door]\nkey = "c.key"\n')
    with pytest.raises(ConfigError, match="client_ca needs a certificate"):
        parse('[door]\nclient_ca = "ca.pem"\n')


def test_places_are_counted_in_all_and_by_address() -> None:
    places = Places(DoorConfig(max_connections=3, max_per_address=2))
    assert [places.take("10.0.0.1") for _ in range(3)] == [True, True, False]
    assert [places.take("10.0.0.2") for _ in range(2)] == [True, False]
    places.leave("10.0.0.1")
    assert places.take("10.0.0.2")
    assert not places.take("10.0.0.3")


async def test_too_many_connections_are_turned_away_and_a_free_place_is_given_again(
    open_doors, join, until
) -> None:
    async with open_doors(max_per_address=2) as doors:
        inside = [await join(doors, Connect(f"c{n}", True, 0)) for n in range(2)]
        for peer in inside:
            await peer.expect(HELLO)
        await (await join(doors, Connect("more", True, 0))).closed()
        inside[0].send(encode(Ping()))
        await inside[0].expect(b"\xd0\x00")
        await inside[0].close()
        await until(lambda: len(doors.mqtt.clients) == 1)
        again = await join(doors, Connect("more", True, 0))
        await again.expect(HELLO)
        await again.close()
        await inside[1].close()
