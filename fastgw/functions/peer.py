"""Whose a connection over loopback is: any user of the machine can connect, only the gateway's own may be served.

Source: sock_diag(7).
"""

import os
import socket
import struct

_NETLINK_SOCK_DIAG, _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST = 4, 20, 1
_HEADER = struct.Struct("=IHHII")
_REQUEST = struct.Struct("=BBBxI")
_ANY_STATE = 0xFFFFFFFF
_NO_COOKIE = b"\xff" * 8
_UID_AT = _HEADER.size + 4 + 48 + 12
"""Of the answer's inet_diag_msg: after the state and the socket's id, three counts before it."""


def same_user(theirs: tuple[str, int], ours: tuple[str, int]) -> bool:
    """Whether the other end of a connection (its address, our own; both IPv4) is a socket of this process's user.

    False where the kernel does not say.
    """
    id_ = struct.pack("!HH4s12x4s12x", theirs[1], ours[1], socket.inet_aton(theirs[0]), socket.inet_aton(ours[0]))
    asked = _REQUEST.pack(socket.AF_INET, socket.IPPROTO_TCP, 0, _ANY_STATE) + id_ + struct.pack("=I", 0) + _NO_COOKIE
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG) as kernel:
            kernel.settimeout(1)
            kernel.send(_HEADER.pack(_HEADER.size + len(asked), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 1, 0) + asked)
            answer = kernel.recv(4096)
    except OSError:
        return False
    if len(answer) < _UID_AT + 4 or _HEADER.unpack_from(answer)[1] != _SOCK_DIAG_BY_FAMILY:
        return False
    return struct.unpack_from("=I", answer, _UID_AT)[0] == os.geteuid()
