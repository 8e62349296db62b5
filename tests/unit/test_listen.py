"""Listening sockets."""

import socket

import pytest

from fastgw.addresses import Address
from fastgw.runtime.listen import ListenError, listen


def connect(address):
    family = socket.AF_UNIX if address.path else socket.AF_INET6 if ":" in address.host else socket.AF_INET
    sock = socket.socket(family)
    sock.connect(address.path or (address.host, address.port))
    return sock


@pytest.mark.parametrize("text", ["127.0.0.1:0", "[::1]:0", "localhost:0"])
def test_each_worker_has_its_own_socket_on_one_port(text):
    listening = listen(Address.parse(text), 3)
    try:
        ports = {sock.getsockname()[1] for sock in listening.sockets}
        assert ports == {listening.address.port} and 0 not in ports
        assert len({listening.of(n, 3) for n in range(3)}) == 3
        connect(listening.address).close()
    finally:
        listening.close()


def test_workers_share_a_unix_socket_which_goes_with_the_listener(tmp_path):
    path = tmp_path / "g.sock"
    listening = listen(Address.parse(f"unix:{path}"), 3)
    assert listening.of(0, 3) == listening.of(2, 3)
    connect(listening.address).close()
    listening.close()
    assert not path.exists()


def test_a_dead_socket_file_is_replaced_and_a_live_one_is_not(tmp_path):
    path = str(tmp_path / "g.sock")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(path)
    first = listen(Address.parse(f"unix:{path}"), 1)
    try:
        with pytest.raises(ListenError, match=f"cannot listen on unix:{path}: address already in use"):
            listen(Address.parse(f"unix:{path}"), 1)
        connect(first.address).close()
    finally:
        first.close()


def test_a_file_that_is_no_socket_is_left_alone(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("mine")
    with pytest.raises(ListenError, match="address already in use"):
        listen(Address.parse(f"unix:{path}"), 1)
    assert path.read_text() == "mine"


def test_two_gateways_do_not_share_a_port():
    first = listen(Address.parse("127.0.0.1:0"), 2)
    try:
        with pytest.raises(ListenError, match=f"cannot listen on {first.address}: address already in use"):
            listen(first.address, 2)
    finally:
        first.close()
