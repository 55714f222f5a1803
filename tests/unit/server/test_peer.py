"""Whose connection it is, as the kernel lists it."""

from __future__ import annotations

import os
import socket
import sys

import pytest

from backtrail.server import peer

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout"


def line(local: str, remote: str, uid: int) -> str:
    return f"   0: {local} {remote} 01 00000000:00000000 00:00000000 00000000 {uid:5} 0 287946 1 0"


@pytest.mark.skipif(sys.byteorder != "little", reason="the lines are those of such a machine")
def test_an_owner_is_found_by_both_ends() -> None:
    lines = [
        HEAD,
        "",
        line("0100007F:AAA3", "00000000:0000", 101),
        line("0100007F:1F90", "0100007F:8002", 7),  # the server's own end
        line("0100007F:8002", "0100007F:1F90", 1000),
        line("0200007F:8002", "0100007F:1F90", 1001),
    ]

    def owner(client: tuple[str, int], server: tuple[str, int] = ("127.0.0.1", 8080)) -> int | None:
        return peer.owner_in(lines, client, server)

    assert owner(("127.0.0.1", 0x8002)) == 1000
    assert owner(("127.0.0.2", 0x8002)) == 1001
    assert owner(("127.0.0.1", 0x8003)) is None
    assert owner(("127.0.0.1", 0x8002), ("127.0.0.1", 8081)) is None


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_a_socket_of_this_process_is_ours(family: socket.AddressFamily) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(family) as client,
    ):
        host = "127.0.0.1" if family == socket.AF_INET else "::ffff:127.0.0.1"
        client.connect((host, server.getsockname()[1]))
        other, address = server.accept()
        with other:
            assert peer.user_of(address, server.getsockname()) == os.getuid()
            assert peer.user_of((address[0], 1), server.getsockname()) is None
