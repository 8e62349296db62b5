"""The section tls of a fastgw.yaml -> model.TlsDomain: files are read and looked into before they are served."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from os.path import dirname, join
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from msgspec import UNSET

from fastgw.load import schema
from fastgw.load.document import View
from fastgw.load.problem import Problems, did_you_mean, one_of, shown
from fastgw.model.api import Api
from fastgw.model.gateway import Domain
from fastgw.model.tls import ANY_NAME, DEFAULT_POLICY, POLICIES, TlsDomain, policy_fault

if TYPE_CHECKING:
    from cryptography import x509

Read = TypeVar("Read")

RSA_BITS, EC_BITS, DIGEST_BITS = 2048, 256, 256
"""What a certificate of a truststore has at least. Source: SPEC, "Domains"."""


def check_policy(name: str, view: View, problems: Problems) -> bool:
    """Whether this is a policy that can be had; told where not."""
    if name in POLICIES:
        return True
    why = policy_fault(name)
    if why:
        problems.error(view.place, "unserved", f"security policy {shown(name)}: {why}; served are {one_of(POLICIES)}")
    else:
        problems.error(view.place, "unknown-value", f"{shown(name)} is no security policy; served are "
                       f"{one_of(POLICIES)}{did_you_mean(name, POLICIES)}")
    return False


def read_tls(given: schema.TlsFile, section: View | None, domains: Sequence[Domain], apis: Sequence[Api],
             problems: Problems) -> tuple[TlsDomain, ...]:
    """given may be UNSET. domains and apis: a definition's own policy is that of the names it is served under."""
    if given is UNSET:
        return ()
    if given.policy is not UNSET:
        check_policy(given.policy, section.get("policy"), problems)
    asked = _asked(given, domains, apis)
    found = []
    for name, one in given.domains.items():
        view = section.get("domains").get(name)
        policy = _policy(name, one, given, asked.get(name.lower(), {}), view, problems)
        read = _Files(view, problems).domain(name.lower(), one, policy)
        if read is not None:
            found.append(read)
    if len({domain.name for domain in found}) < len(found):
        problems.error(section.get("domains").place, "conflict", "a name is given twice, in other letters")
    return tuple(found)


def entry_of(host: str, names: Mapping[str, object]) -> str | None:
    """Which entry answers for a host, as the engine finds it."""
    for name in (host, "*." + host.partition(".")[2], ANY_NAME):
        if name in names:
            return name
    return None


def _asked(given: schema.TlsFile, domains: Sequence[Domain], apis: Sequence[Api]) -> dict[str, dict[str, str]]:
    """Entry -> policy that a definition asks for -> name of its API."""
    policies = {api.name: api.security_policy for api in apis if api.security_policy}
    names = {name.lower(): None for name in given.domains}
    found: dict[str, dict[str, str]] = {}
    for domain in domains:
        entry = entry_of(domain.host, names)
        for mapping in domain.mappings:
            if entry is not None and mapping.api in policies:
                found.setdefault(entry, {})[policies[mapping.api]] = mapping.api
    return found


def _policy(name: str, one: schema.TlsDomainFile, given: schema.TlsFile, asked: Mapping[str, str], view: View,
            problems: Problems) -> str:
    if one.policy is not UNSET:
        check_policy(one.policy, view.get("policy"), problems)
        return one.policy
    if len(asked) > 1:
        told = " and ".join(f"{policy} ({api})" for policy, api in asked.items())
        problems.error(view.place, "conflict", f"the APIs of {name} ask for {told}; give it a policy")
    if asked:
        return next(iter(asked))
    return DEFAULT_POLICY if given.policy is UNSET else given.policy


@dataclass(frozen=True, slots=True)
class _Files:
    """The files of one entry, each told at its own place. Nothing of a key is ever told."""

    view: View
    problems: Problems

    def domain(self, name: str, one: schema.TlsDomainFile, policy: str) -> TlsDomain | None:
        certificate, key = self._file("certificate", one.certificate), self._file("key", one.key)
        if one.crl is not UNSET and one.truststore is UNSET:
            self._error("crl", "no-effect", "crl is for a truststore, and there is none")
        truststore, revoked = self._file("truststore", one.truststore), self._file("crl", one.crl)
        staple = self._file("ocsp", one.ocsp)
        good = certificate is not None and key is not None and self._pair(name, certificate, key)
        for field, content, check in (("truststore", truststore, self._truststore), ("crl", revoked, self._revoked)):
            good = (content is None or check(field, content)) and good
        if staple is not None and not self._staple_is_good(staple):
            staple = None
        return TlsDomain(name, certificate, key, policy, staple, truststore, revoked, self.view.key_place) \
            if good else None

    def _error(self, field: str, code: str, message: str) -> None:
        self.problems.error(self.view.get(field).place, code, message)

    def _file(self, field: str, name: str) -> bytes | None:
        if name is UNSET:
            return None
        try:
            return Path(join(dirname(self.view.place.file), name)).read_bytes()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            self._error(field, "unreadable", f"{shown(name)} cannot be read: {reason}")
            return None

    def _parsed(self, field: str, what: str, parse: Callable[[bytes], Read], content: bytes) -> Read | None:
        try:
            return parse(content)
        except (ValueError, TypeError):
            self._error(field, "bad-value", f"this is not {what}")
            return None

    def _pair(self, name: str, certificate: bytes, key: bytes) -> bool:
        from cryptography import x509
        from cryptography.hazmat.primitives import serialization

        chain = self._parsed("certificate", "a PEM file of certificates", x509.load_pem_x509_certificates, certificate)
        own = self._parsed("key", "a private key in PEM without a password",
                           lambda text: serialization.load_pem_private_key(text, None), key)
        if not chain or own is None:
            return False
        if own.public_key() != chain[0].public_key():
            self._error("key", "conflict", "the key does not belong to the certificate")
            return False
        ends = chain[0].not_valid_after_utc
        if ends < datetime.now(UTC):
            self.problems.warning(self.view.get("certificate").place, "expired", f"the certificate ended on {ends:%F}")
        if name != ANY_NAME and not _is_for(chain[0], name):
            place = self.view.get("certificate").place
            self.problems.warning(place, "other-name", f"the certificate is not for {name}")
        return True

    def _truststore(self, field: str, content: bytes) -> bool:
        from cryptography import x509

        trusted = self._parsed(field, "a PEM file of certificates", x509.load_pem_x509_certificates, content)
        weak = [why for certificate in trusted or () if (why := _weakness(certificate))]
        for why in weak:
            self._error(field, "bad-value", why)
        return bool(trusted) and not weak

    def _revoked(self, field: str, content: bytes) -> bool:
        from cryptography import x509

        mark = b"-----BEGIN X509 CRL-----"
        lists = [mark + text for text in content.split(mark)[1:]] or [content]
        good = [self._parsed(field, "a PEM file of lists of revoked certificates", x509.load_pem_x509_crl, text)
                for text in lists]
        for each in good:
            if each is not None and each.next_update_utc and each.next_update_utc < datetime.now(UTC):
                ends = f"{each.next_update_utc:%F}"
                self.problems.warning(self.view.get(field).place, "expired", "a list of revoked certificates ended on "
                                      f"{ends}: until it is renewed no certificate of that authority is taken")
        return None not in good

    def _staple_is_good(self, content: bytes) -> bool:
        from cryptography.x509 import ocsp

        response = self._parsed("ocsp", "an OCSP response in DER", ocsp.load_der_ocsp_response, content)
        if response is None:
            return False
        if response.response_status != ocsp.OCSPResponseStatus.SUCCESSFUL:
            self._error("ocsp", "bad-value", "this OCSP response says that there was none")
            return False
        ends = response.next_update_utc
        if ends and ends < datetime.now(UTC):
            self.problems.warning(self.view.get("ocsp").place, "expired",
                                  f"the OCSP response ended on {ends:%F}; it is left out")
            return False
        return True


def _is_for(certificate: "x509.Certificate", name: str) -> bool:
    from cryptography import x509

    try:
        given = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    names = {each.lower() for each in given.get_values_for_type(x509.DNSName)}
    return name in names or "*." + name.partition(".")[2] in names


def _weakness(certificate: "x509.Certificate") -> str:
    """What is wrong with an authority's certificate; "" where it is strong enough."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    name = shown(certificate.subject.rfc4514_string())
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        strong = key.key_size >= RSA_BITS
    else:
        strong = isinstance(key, ec.EllipticCurvePublicKey) and key.key_size >= EC_BITS
    if not strong:
        return f"the key of {name} is weak; allowed are RSA from {RSA_BITS} bits and ECDSA from {EC_BITS}"
    digest = certificate.signature_hash_algorithm
    if digest is None or digest.digest_size * 8 < DIGEST_BITS:
        return f"the signature of {name} is weak; allowed is SHA-256 and better"
    return ""
