"""Which TLS a group of upstreams is spoken to with, and what tells its connections from those of every other."""

import hashlib
import os
import ssl
import weakref
from dataclasses import dataclass, field

from fastgw._core.tls import ClientContext
from fastgw.model.gateway import Upstream
from fastgw.model.upstream_tls import ClientCertificate, TlsConfig, UpstreamTls, Verify
from fastgw.parts.uri import AUTHORITY, Uri

_contexts: "weakref.WeakValueDictionary[str, ClientContext]" = weakref.WeakValueDictionary()
"""Of this process, by what they are made of: the trust store of a system is read once, not at every reload."""


@dataclass(frozen=True, slots=True)
class Secured:
    """One TLS identity.

    name      server name: sent where it is no IP address, and verified
    identity  name, trust, verification, own certificate and protocols in few letters: part of the group's key, so that
              a connection never serves another identity
    """

    name: str
    tls: UpstreamTls
    identity: str
    context: ClientContext = field(compare=False)


class Trust:
    """Makes them. ca_file: PEM of the authorities that are trusted where an upstream names none; "": the system's."""

    def __init__(self, ca_file: str) -> None:
        self._ca_file = ca_file
        self._common: tuple[bytes | None, str] | None = None

    def secured(
        self, uri: Uri, host: str, upstream: Upstream, config: TlsConfig | None, certificate: ClientCertificate | None
    ) -> Secured | None:
        """host: host:port that the group's Host is; certificate: the stage's. None: the group is spoken to in clear.

        Raises ValueError for certificates that cannot be used.
        """
        if upstream.clear or (uri.scheme == "http" and upstream.tls is None):
            return None
        tls, config = upstream.tls or UpstreamTls(), config or TlsConfig()
        verify = Verify.PRIVATE if config.skip_issuer and tls.verify is Verify.FULL else tls.verify
        name = tls.name or config.name or AUTHORITY.fullmatch(host)[1].strip("[]")
        own = tls.certificate or certificate
        authorities, trusted = (None, "") if verify is Verify.NONE else self._authorities(tls)
        shown = (own.chain, own.key) if own is not None else ()
        marks = [f"ca={trusted}"] if trusted else []
        marks += [f"verify={verify.value}"] if verify is not Verify.FULL else []
        marks += [f"certificate={_digest(*shown)}"] if shown else []
        marks += [f"alpn={'/'.join(tls.alpn) or 'none'}"] if tls.alpn != UpstreamTls().alpn else []
        made_of = ",".join(marks)
        context = _contexts.get(made_of)
        if context is None:
            context = _contexts[made_of] = ClientContext(
                authorities, verify is not Verify.NONE, verify is Verify.PRIVATE, *(shown or (None, None)),
                tuple(one.encode() for one in tls.alpn))
        return Secured(name, UpstreamTls(name, authorities, verify, own, tls.alpn), f"name={name},{made_of}", context)

    def _authorities(self, tls: UpstreamTls) -> tuple[bytes | None, str]:
        """PEM, None for the system's, and a digest of it."""
        if tls.authorities is not None:
            return tls.authorities, _digest(tls.authorities)
        if self._common is None:
            self._common = self._read()
        return self._common

    def _read(self) -> tuple[bytes | None, str]:
        if not self._ca_file:
            return None, _system()
        try:
            with open(self._ca_file, "rb") as file:
                data = file.read()
        except OSError as error:
            raise ValueError(f"FASTGW_UPSTREAM_CA_FILE: cannot read {self._ca_file}: "
                             f"{(error.strerror or str(error)).lower()}") from None
        return data, _digest(data)


def _system() -> str:
    """Changes with the system's trust store: a reload after its update makes new connections."""
    paths = ssl.get_default_verify_paths()
    seen = []
    for path in (paths.cafile, paths.capath):
        if path:
            found = os.stat(path)
            seen.append(f"{path} {found.st_mtime_ns} {found.st_size}".encode())
    return _digest(*seen)


def _digest(*parts: bytes) -> str:
    whole = hashlib.sha256()
    for part in parts:
        whole.update(len(part).to_bytes(8, "big") + part)
    return whole.hexdigest()[:16]
