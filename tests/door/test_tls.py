"""TLS by certificate files, renewed without a restart; certificates in the place of passwords."""

import asyncio
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from certificates import authority, signed
from homestream.door.tls import Tls, common_name
from homestream.errors import ConfigError
from homestream.home import DoorConfig
from homestream.wire import packets
from homestream.wire.packets import Connect, encode

HELLO = packets.connack(packets.ACCEPTED)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority and what it signed."""
    folder = tmp_path_factory.mktemp("certificates")
    ca = authority(folder)
    signed(folder, "hub", ca)
    signed(folder, "renewed", ca)
    signed(folder, "sensor", ca)
    signed(folder, "nobody", ca)
    signed(folder, "sensor", authority(folder, "other"), "forged")
    return folder


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    """A folder with the certificate `hub` as server.pem and server.key, and ca.pem."""
    use(made, tmp_path, "hub")
    shutil.copy(made / "ca.pem", tmp_path / "ca.pem")
    return tmp_path


def use(made: Path, home: Path, name: str) -> None:
    for end in ("pem", "key"):
        shutil.copy(made / f"{name}.{end}", home / f"server.{end}")


def tls(home: Path, client_ca: str = "") -> Tls:
    return Tls(home, DoorConfig(certificate="server.pem", key="server.key", client_ca=client_ca))


def client(made: Path, name: str = "") -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=made / "ca.pem")
    if name:
        context.load_cert_chain(made / f"{name}.pem", made / f"{name}.key")
    return context


async def hello(port: int, context: ssl.SSLContext, user: str | None = None) -> tuple[bytes, str]:
    """What CONNECT is answered with, and the server's name in its certificate."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    try:
        writer.write(encode(Connect("c", True, 0, user=user, password=b"wrong" if user else None)))
        answer = await asyncio.wait_for(reader.readexactly(4), 5)
        return answer, str(common_name(writer.get_extra_info("peercert")))
    finally:
        writer.close()


async def test_a_client_of_another_maker_speaks_over_tls(open_doors, made: Path, home: Path, until) -> None:
    async with open_doors(tls=tls(home).context) as doors:
        plain, secure = doors.mqtt.ports
        assert plain != secure
        command = ["mosquitto_pub", "-h", "localhost", "-p", str(secure), "--cafile", str(made / "ca.pem")]
        command += ["-t", "home/hall/lamp/power", "-m", "7", "-q", "1"]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=20)
        assert done.returncode == 0, done.stderr
        assert doors.messages == [("home/hall/lamp/power", b"7")]


async def test_only_tls_of_this_decade_is_spoken(open_doors, made: Path, home: Path) -> None:
    context = tls(home).context
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    async with open_doors(tls=context) as doors:
        reader, writer = await asyncio.open_connection("127.0.0.1", doors.mqtt.ports[1])
        writer.write(encode(Connect("plain", True, 0)))
        assert await asyncio.wait_for(reader.read(), 5) != HELLO
        writer.close()


async def test_a_renewed_certificate_is_taken_and_a_broken_one_is_not(
    open_doors, made: Path, home: Path
) -> None:
    server = tls(home)
    async with open_doors(tls=server.context) as doors:
        port = doors.mqtt.ports[1]
        assert await hello(port, client(made)) == (HELLO, "hub")
        shutil.copy(made / "renewed.pem", home / "server.pem")
        with pytest.raises(ConfigError, match=r"server\.pem, server\.key: .*MISMATCH.*the key that fits it"):
            server.reload()
        assert await hello(port, client(made)) == (HELLO, "hub")
        (home / "server.key").unlink()
        with pytest.raises(ConfigError, match=r"server\.key is missing"):
            server.reload()
        assert await hello(port, client(made)) == (HELLO, "hub")
        use(made, home, "renewed")
        server.reload()
        assert await hello(port, client(made)) == (HELLO, "renewed")


async def test_a_certificate_of_our_authority_stands_for_a_password(
    open_doors, made: Path, home: Path
) -> None:
    context = tls(home, "ca.pem").context
    async with open_doors(anonymous=False, tls=context) as doors:
        port = doors.mqtt.ports[1]
        assert (await hello(port, client(made, "sensor")))[0] == HELLO
        assert (await hello(port, client(made, "sensor"), "sensor"))[0] == HELLO
        assert [client.name for client in doors.mqtt.clients][:1] == ["sensor"]
        for refused in (
            hello(port, client(made, "nobody")),
            hello(port, client(made)),
            hello(port, client(made, "sensor"), "guessed"),
        ):
            assert (await refused)[0] != HELLO
        with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
            await hello(port, client(made, "forged"))


async def test_who_is_taken_out_is_disconnected(open_doors, join, until) -> None:
    async with open_doors(anonymous=False) as doors:
        peers = {
            user: await join(doors, Connect(user, True, 0, user=user, password=b"correct horse"))
            for user in ("sensor", "stranger")
        }
        for peer in peers.values():
            await peer.expect(HELLO)
        doors.mqtt.part({"sensor"})
        await peers["sensor"].closed()
        assert [client.name for client in doors.mqtt.clients if client.name != "sensor"] == ["stranger"]
        await peers["stranger"].close()


@pytest.mark.parametrize("lost", ["server.pem", "server.key", "ca.pem"])
def test_a_missing_file_is_named(home: Path, lost: str) -> None:
    (home / lost).unlink()
    with pytest.raises(ConfigError, match=rf"{lost} is missing"):
        tls(home, "ca.pem")


def test_a_file_that_is_no_certificate_is_said(home: Path) -> None:
    (home / "server.pem").write_text("hello")
    with pytest.raises(ConfigError, match=r"server\.pem, server\.key: .*PEM"):
        tls(home)
