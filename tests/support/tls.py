"""Files, definitions and clients of gateways that speak TLS."""

import shutil
import ssl
import subprocess
from collections.abc import Mapping

import pytest

from tests.support.certificates import Issued, root
from tests.support.client import Wire
from tests.support.process import Gateway


def trusting(version: str | None = None, own: tuple[str, str] | None = None) -> ssl.SSLContext:
    """Trusts root(), whatever the name. version: that one only; own: files of our own certificate and key."""
    made = ssl.create_default_context(cadata=root().pem.decode())
    made.check_hostname = False
    if version:
        made.minimum_version = made.maximum_version = ssl.TLSVersion[version]
    if own:
        made.load_cert_chain(*own)
    return made


def files(**issued: Issued) -> dict[str, bytes]:
    """NAME.pem and NAME.key of each."""
    found = {}
    for name, each in issued.items():
        found |= {f"{name}.pem": each.chain, f"{name}.key": each.key_pem}
    return found


def entry(name: str, **more: object) -> dict[str, object]:
    """A domain of the section tls with the files of a name."""
    return {"certificate": f"{name}.pem", "key": f"{name}.key", **more}


def native(domains: Mapping[str, object], **sections: object) -> dict[str, object]:
    """A fastgw.yaml of the API in api.json; domains of the section tls."""
    return {"fastgw": 1, "apis": {"api": {"definition": "api.json"}}, "tls": {"domains": dict(domains)}, **sections}


def curl(gateway: Gateway, url: str, *more: str) -> str:
    """Status, HTTP version and body of an answer; skips where curl or a protocol of it is missing."""
    found = shutil.which("curl")
    if not found:
        pytest.skip("curl is not installed")
    if "--http2" in more and "HTTP2" not in subprocess.run([found, "-V"], capture_output=True, text=True).stdout:
        pytest.skip("this curl does not speak HTTP/2")
    gateway.write("root.pem", root().pem)
    host, _, port = url.split("/")[2].partition(":")
    ran = subprocess.run(
        [found, "-sS", "--noproxy", "*", "--resolve", f"{host}:{port}:127.0.0.1", "--cacert",
         str(gateway.folder / "root.pem"), "-w", "\\n%{http_code} %{http_version}", *more, url],
        capture_output=True, text=True, timeout=30,
    )
    body, _, told = ran.stdout.rpartition("\n")
    assert told, ran.stderr
    return f"{told} {body}"


class SecureWire(Wire):
    """One client connection that speaks TLS."""

    def __init__(self, port: int, name: str = "localhost", context: ssl.SSLContext | None = None,
                 session: ssl.SSLSession | None = None, **options: object) -> None:
        super().__init__(port, **options)  # type: ignore[arg-type]
        made = context or trusting()
        self.socket = made.wrap_socket(self.socket, server_hostname=name, session=session)

    def reset(self) -> None:
        raise NotImplementedError("reset the plain socket")
