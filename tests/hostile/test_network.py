"""Attacks that want to reach somebody: a listener outside must hear nothing."""

import socket
import uuid

import pytest


@pytest.fixture(params=["inet", "abstract", "path"])
def listener(request, ground):
    """A socket outside that listens; what was heard is looked at afterwards."""
    names = {"inet": ("127.0.0.1", 0), "abstract": f"\0yunque-{uuid.uuid4().hex}", "path": str(ground / "socket")}
    family = socket.AF_INET if request.param == "inet" else socket.AF_UNIX
    with socket.socket(family) as server:
        server.bind(names[request.param])
        server.listen()
        if request.param == "path":
            (ground / "socket").chmod(0o777)
        yield family, server.getsockname()
        server.settimeout(0.05)
        with pytest.raises(TimeoutError):
            server.accept()


def test_connecting_to_a_listener_outside(refused, listener):
    family, address = listener
    refused(f"""
def reach():
    s = socket.socket({int(family)}, socket.SOCK_STREAM)
    s.connect({address!r})
attempt(reach)
""")


KINDS = """AF_INET SOCK_DGRAM, AF_INET SOCK_RAW, AF_INET6 SOCK_STREAM, AF_UNIX SOCK_DGRAM, AF_NETLINK SOCK_RAW,
AF_PACKET SOCK_RAW, AF_VSOCK SOCK_STREAM, AF_ALG SOCK_SEQPACKET"""


@pytest.mark.parametrize("kind", KINDS.split(","))
def test_making_a_socket(refused, kind):
    refused("attempt(socket.socket, socket.{}, socket.{})".format(*kind.split()))


def test_asking_for_a_name(refused):
    refused('attempt(socket.getaddrinfo, "example.org", 80)\nattempt(socket.gethostbyname, "example.org")')


def test_datagram_pair_turned_on_a_stranger(refused, ground):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(f"\0yunque-{uuid.uuid4().hex}")
        server.setblocking(False)
        refused(f"""
attempt(socket.socketpair, socket.AF_UNIX, socket.SOCK_DGRAM)
near, far = socket.socketpair()
attempt(near.connect, {server.getsockname()!r})
attempt(near.sendto, b"leak", {server.getsockname()!r})
""")
        with pytest.raises(BlockingIOError):
            server.recv(100)


def test_stream_pairs_work(attack):
    """asyncio and multiprocessing need them."""
    seen = attack("near, far = socket.socketpair(); near.send(b'hello'); print(far.recv(9))")
    assert seen.stdout == b"b'hello'\n"


def test_asyncio_works(attack):
    seen = attack("import asyncio\nasync def f(): await asyncio.sleep(0); return 5\nprint(asyncio.run(f()))")
    assert seen.stdout == b"5\n"
