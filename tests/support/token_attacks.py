"""Tokens that no verifier may take (TRIALS S1): name -> token. The keys are those of tokens.every_key().

Each would be taken by a verifier with one mistake; the mistakes are those of the public advisories of JWT libraries, of
RFC 8725 and of the OWASP and PortSwigger lists.
"""

import hashlib
import hmac
import json
import time
from collections.abc import Callable

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from tests.support.tokens import Signer, b64, claims, join, jwk, rsa_key

GOOD = Signer()
ES = Signer("ES256", "ES256")
ED = Signer("EdDSA", "EdDSA")
Attack = Callable[[str], bytes]
"""Given the URL of a server that no token may make anybody ask."""

NOW = time.time


def _unsigned(alg: str, end: str = "") -> Attack:
    def made(_: str) -> bytes:
        header, payload = json.dumps({"alg": alg, "kid": "RS256"}), json.dumps(claims())
        return f"{b64(header.encode())}.{b64(payload.encode())}.{end}".encode()

    return made


def _mac(size: str, secret: Callable[[], bytes], kid: str = "RS256", **header: object) -> Attack:
    """Signed with a public key as if it were a secret."""
    digest = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}[size]
    text = json.dumps({"alg": f"HS{size}", "kid": kid, **header})
    return lambda _: join(text, json.dumps(claims()), lambda signed: hmac.new(secret(), signed, digest).digest())


def _public(encoding: serialization.Encoding) -> Callable[[], bytes]:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return lambda: rsa_key().public_key().public_bytes(encoding, form)


def _claims(**changes: object) -> Attack:
    return lambda _: GOOD(**changes)


def _payload(text: str) -> Attack:
    """A payload that is put together by hand: {exp}, {iss} and {aud} are good ones."""
    good = claims()
    filled = text
    for name in ("exp", "iss", "aud"):
        filled = filled.replace(f"{{{name}}}", json.dumps(good[name]))
    return lambda _: GOOD(payload=filled)


def _header(**members: object) -> Attack:
    return lambda _: GOOD(header=members)


def _strange_key(**members: object) -> Attack:
    """Signed by a stranger whose key the header offers; "@" in a value stands for the recording server."""

    def made(url: str) -> bytes:
        own = {name: url + value[1:] if isinstance(value, str) and value.startswith("@") else value
               for name, value in members.items()}
        return Signer(name="stranger")(header=own)

    return made


def _offered() -> dict:
    return jwk(rsa_key("stranger"), "RS256")


def _changed(change: Callable[[bytes], bytes], signer: Signer = GOOD) -> Attack:
    return lambda _: change(signer())


def _signature(change: Callable[[bytes], bytes], signer: Signer = GOOD) -> Attack:
    """A good token whose signature is spelled or made otherwise."""

    def made(_: str) -> bytes:
        text = json.dumps({"alg": signer.algorithm, "kid": signer.kid})
        return join(text, json.dumps(claims()), lambda signed: change(signer.sign(signed)))

    return made


def _other(signing: Signer, alg: str, kid: str) -> Attack:
    """The header says one algorithm or key, another has signed."""
    text = json.dumps({"alg": alg, "kid": kid})
    return lambda _: join(text, json.dumps(claims()), signing.sign)


def _der(raw: bytes) -> bytes:
    half = len(raw) // 2
    return encode_dss_signature(int.from_bytes(raw[:half]), int.from_bytes(raw[half:]))


def _stray_bits(token: bytes) -> bytes:
    """The last character of the signature carries bits that are not used: another one decodes to the same."""
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + bytes([alphabet[alphabet.index(token[-1]) ^ 1]])


def _part(number: int, change: Callable[[bytes], bytes]) -> Attack:
    def made(_: str) -> bytes:
        parts = GOOD().split(b".")
        parts[number] = change(parts[number])
        return b".".join(parts)

    return made


_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def _past_order(raw: bytes) -> bytes:
    """r + n, where it fits; else r = 0: both stand outside of what a verifier may take."""
    r = int.from_bytes(raw[:32]) + _P256_ORDER
    return (r.to_bytes(32) if r < 1 << 256 else bytes(32)) + raw[32:]


def _wrong_salt(signed: bytes) -> bytes:
    scheme = padding.PSS(padding.MGF1(hashes.SHA256()), 20)
    return rsa_key().sign(signed, scheme, hashes.SHA256())


def _sha1(signed: bytes) -> bytes:
    return rsa_key().sign(signed, padding.PKCS1v15(), hashes.SHA1())


def _nested(_: str) -> bytes:
    return GOOD(payload=GOOD().decode(), header={"cty": "JWT"})


def _second_half(_: str) -> bytes:
    """One token's claims under another's signature."""
    mine, other = GOOD(sub="me").split(b"."), GOOD(sub="admin").split(b".")
    return b".".join([mine[0], other[1], mine[2]])


def _json_form(_: str) -> bytes:
    """The JSON serialization of RFC 7515 section 7.2."""
    header, payload, signed = GOOD().decode().split(".")
    return json.dumps({"payload": payload, "protected": header, "signature": signed}, separators=(",", ":")).encode()


_FAR = 10**6

ATTACKS: dict[str, Attack] = {
    # No signature.
    **{f"alg {alg!r}": _unsigned(alg) for alg in ("none", "None", "NONE", "nOnE", "", "none ")},
    "alg none with a signature": lambda _: GOOD(header={"alg": "none"}),
    "RS256 without a signature": _unsigned("RS256"),
    "RS256 with a signature of zeros": _unsigned("RS256", b64(bytes(256))),
    "RS256 with a signature of ones": _unsigned("RS256", b64(b"\xff" * 256)),
    "ES256 with r = s = 0": _signature(lambda raw: bytes(64), ES),
    "ES256 with r = s = 1": _signature(lambda raw: bytes(31) + b"\1" + bytes(31) + b"\1", ES),
    "ES256 with r = order": _signature(lambda raw: _P256_ORDER.to_bytes(32) + raw[32:], ES),
    "EdDSA with zeros": _signature(lambda raw: bytes(64), ED),
    "no alg": _header(alg=None),
    "alg is a list": _header(alg=["RS256"]),
    "alg is null": lambda _: GOOD(header='{"alg":null,"kid":"RS256"}'),
    "alg in lower case": _header(alg="rs256"),
    "alg unknown": _header(alg="RS1"),
    # A public key used as a secret.
    "HS256 with the PEM": _mac("256", _public(serialization.Encoding.PEM)),
    "HS384 with the PEM": _mac("384", _public(serialization.Encoding.PEM)),
    "HS512 with the PEM": _mac("512", _public(serialization.Encoding.PEM)),
    "HS256 with the PEM without its last line end": _mac("256", lambda: _public(serialization.Encoding.PEM)().strip()),
    "HS256 with the DER": _mac("256", _public(serialization.Encoding.DER)),
    "HS256 with the JWK": _mac("256", lambda: json.dumps(jwk(rsa_key(), "RS256")).encode()),
    "HS256 with the modulus": _mac("256", lambda: rsa_key().public_key().public_numbers().n.to_bytes(256)),
    "HS256 with an empty secret": _mac("256", lambda: b""),
    "HS256 with a secret in its header": _mac("256", lambda: b"k", jwk={"kty": "oct", "k": b64(b"k")}),
    # Another key or algorithm than the one that is meant.
    "RS256 by a stranger's key": lambda _: Signer(name="stranger")(),
    "RS256 under the id of an EC key": _other(GOOD, "RS256", "ES256"),
    "ES256 under the id of an RSA key": _other(ES, "ES256", "RS256"),
    "ES256 by a P-384 key": _other(Signer("ES384", "ES384"), "ES256", "ES256"),
    "ES384 under the id of a P-256 key": _other(ES, "ES384", "ES256"),
    "EdDSA under the id of an RSA key": _other(ED, "EdDSA", "RS256"),
    "PS256 signed as RS256": _other(GOOD, "PS256", "RS256"),
    "RS256 signed as PS256": _other(Signer("PS256"), "RS256", "RS256"),
    "RS512 signed as RS256": _other(GOOD, "RS512", "RS256"),
    "RS256 over SHA-1": lambda _: join('{"alg":"RS256","kid":"RS256"}', json.dumps(claims()), _sha1),
    "PS256 with a short salt": lambda _: join('{"alg":"PS256","kid":"RS256"}', json.dumps(claims()), _wrong_salt),
    "ES256K": _other(Signer("ES256", "ES256", key=ec.generate_private_key(ec.SECP256K1())), "ES256K", "ES256"),
    # What a header may offer is never looked at.
    "jwk": lambda url: _strange_key(jwk=_offered())(url),
    "jwk without an id": lambda url: _strange_key(jwk=_offered(), kid=None)(url),
    "jku": _strange_key(jku="@/jwks.json"),
    "jku without an id": _strange_key(jku="@/jwks.json", kid=None),
    "jku with the issuer before an at sign": _strange_key(jku="http://issuer.test@127.0.0.1/jwks.json"),
    "x5u": _strange_key(x5u="@/cert.pem"),
    "x5c": _strange_key(x5c=[b64(b"certificate")]),
    "x5t": _strange_key(x5t=b64(bytes(20)), kid="x5t"),
    "crit without meaning": _header(crit=["exp"], exp=1),
    "crit empty": _header(crit=[]),
    "crit unknown": _header(crit=["http://example.com/UNDEFINED"], **{"http://example.com/UNDEFINED": True}),
    "b64 false": _header(b64=False, crit=["b64"]),
    "b64 false without crit": _header(b64=False),
    "kid is a path": _strange_key(kid="../../../../dev/null"),
    "kid is a URL": _strange_key(kid="@/jwks.json"),
    "kid is SQL": _strange_key(kid="x' UNION SELECT 'key' --"),
    "kid is a command": _strange_key(kid="RS256|whoami"),
    "kid with a NUL": _strange_key(kid="RS256\0"),
    "kid is a list": _header(kid=["RS256"]),
    "kid is a number": _header(kid=0),
    "kid empty": _header(kid=""),
    "no kid": _header(kid=None),
    "kid unknown": _strange_key(kid="unknown"),
    # Two readings of one token.
    "issuer twice": _payload('{"iss":"http://evil.test","iss":{iss},"aud":{aud},"exp":{exp}}'),
    "exp twice": _payload('{"iss":{iss},"aud":{aud},"exp":1,"exp":{exp}}'),
    "audience twice": _payload('{"iss":{iss},"aud":{aud},"aud":"other","exp":{exp}}'),
    "a member twice below": _payload('{"iss":{iss},"aud":{aud},"exp":{exp},"a":{"b":1,"b":2}}'),
    "alg twice": lambda _: GOOD(header='{"alg":"none","alg":"RS256","kid":"RS256"}'),
    "kid twice": lambda _: GOOD(header='{"alg":"RS256","kid":"x","kid":"RS256"}'),
    "a byte order mark": _payload('\ufeff{"iss":{iss},"aud":{aud},"exp":{exp}}'),
    "something after the claims": _payload('{"iss":{iss},"aud":{aud},"exp":{exp}}{}'),
    "claims in a list": _payload('[{"iss":{iss},"aud":{aud},"exp":{exp}}]'),
    "claims are a text": _payload('"claims"'),
    "claims are nothing": _payload(""),
    "half a surrogate": _payload('{"iss":{iss},"aud":{aud},"exp":{exp},"a":"\\ud800"}'),
    "claims in Latin-1": lambda _: join('{"alg":"RS256","kid":"RS256"}', b'{"a":"\xe9"}', GOOD.sign),
    "5,000 deep": lambda _: GOOD(payload="[" * 5_000 + "]" * 5_000),
    "NaN": _payload('{"iss":{iss},"aud":{aud},"exp":NaN}'),
    # Time.
    "expired": lambda _: GOOD(exp=int(NOW()) - 61, iat=None),
    "expired long ago": _claims(exp=1, iat=None),
    "exp missing": _claims(exp=None),
    "exp is a text": lambda _: GOOD(exp=str(int(NOW()) + _FAR)),
    "exp is 1e400": _payload('{"iss":{iss},"aud":{aud},"exp":1e400}'),
    "exp is infinite": _payload('{"iss":{iss},"aud":{aud},"exp":Infinity}'),
    "exp has 5,000 digits": _payload('{"iss":{iss},"aud":{aud},"exp":' + "9" * 5_000 + "}"),
    "exp is beyond 2**53": _claims(exp=2**60),
    "exp is true": _claims(exp=True),
    "exp is null": _payload('{"iss":{iss},"aud":{aud},"exp":null}'),
    "exp is a list": lambda _: GOOD(exp=[int(NOW()) + _FAR]),
    "exp is negative": _claims(exp=-1, iat=None),
    "nbf in the future": lambda _: GOOD(nbf=int(NOW()) + 120),
    "nbf is a text": _claims(nbf="0"),
    "nbf is null": _payload('{"iss":{iss},"aud":{aud},"exp":{exp},"nbf":null}'),
    "iat in the future": lambda _: GOOD(iat=int(NOW()) + 120),
    "iat is a text": _claims(iat="1"),
    "iat is false": _claims(iat=False),
    # Issuer and audience.
    "issuer missing": lambda _: GOOD(payload=claims(iss=None)),
    "another issuer": _claims(iss="http://evil.test"),
    "the issuer with a slash": lambda _: GOOD(iss=claims()["iss"] + "/"),
    "the issuer in capitals": lambda _: GOOD(iss=claims()["iss"].upper()),
    "the issuer in a list": lambda _: GOOD(iss=[claims()["iss"]]),
    "the issuer as a beginning": lambda _: GOOD(iss=claims()["iss"] + ".evil.test"),
    "audience missing": _claims(aud=None),
    "another audience": _claims(aud="other"),
    "audience empty": _claims(aud=""),
    "audience an empty list": _claims(aud=[]),
    "audience null": _payload('{"iss":{iss},"aud":null,"client_id":{aud},"exp":{exp}}'),
    "audience a list of others": _claims(aud=["other", "another"]),
    "audience in a list of lists": lambda _: GOOD(aud=[[claims()["aud"]]]),
    "audience as a member": lambda _: GOOD(aud={claims()["aud"]: True}),
    "audience beside a number": lambda _: GOOD(aud=[claims()["aud"], 7]),
    "audience as a part": lambda _: GOOD(aud=claims()["aud"] + "-2"),
    "another audience, right client_id": lambda _: GOOD(aud="other", client_id=claims()["aud"]),
    "client_id in a list": lambda _: GOOD(aud=None, client_id=[claims()["aud"]]),
    "another client_id": _claims(aud=None, client_id="other"),
    # A good signature spelled otherwise, or changed.
    "ES256 in DER": _signature(_der, ES),
    "ES256 with zeros before": _signature(lambda raw: b"\0" + raw[:32] + b"\0" + raw[32:], ES),
    "ES256 cut": _signature(lambda raw: raw[:-1], ES),
    "ES256 longer": _signature(lambda raw: raw + b"\0", ES),
    "ES256 r and s exchanged": _signature(lambda raw: raw[32:] + raw[:32], ES),
    "ES256 r past the order": _signature(_past_order, ES),
    "ES512 of 128 bytes": _signature(lambda raw: raw[2:66] + raw[68:], Signer("ES512", "ES512")),
    "RS256 with a zero before": _signature(lambda raw: b"\0" + raw),
    "RS256 with a zero behind": _signature(lambda raw: raw + b"\0"),
    "RS256 cut": _signature(lambda raw: raw[:-1]),
    "RS256 one bit": _signature(lambda raw: raw[:-1] + bytes([raw[-1] ^ 1])),
    "EdDSA longer": _signature(lambda raw: raw + b"\0", ED),
    "EdDSA s past the order": _signature(lambda raw: raw[:63] + bytes([raw[63] | 0xF0]), ED),
    "stray bits": _changed(_stray_bits),
    "padding": _changed(lambda token: token + b"=="),
    "padding in the header": _part(0, lambda part: part + b"=" * (-len(part) % 4 or 4)),
    "the other alphabet": lambda _: GOOD(sub="\u00ff\u00fb?>" * 9).replace(b"-", b"+").replace(b"_", b"/"),
    "a blank within": _part(1, lambda part: part[:8] + b" " + part[8:]),
    "a tab within": _part(1, lambda part: part[:8] + b"\t" + part[8:]),
    "a stranger's character": _part(1, lambda part: part[:8] + b"!" + part[8:]),
    "claims of another token": _second_half,
    "a claim changed": _part(1, lambda part: part[:20] + (b"A" if part[20:21] != b"A" else b"B") + part[21:]),
    # Another form.
    "two parts": _changed(lambda token: token.rpartition(b".")[0]),
    "four parts": _changed(lambda token: token + b".x"),
    "five parts": _changed(lambda token: token + b".x.y"),
    "a point before": _changed(lambda token: b"." + token),
    "points alone": lambda _: b"..",
    "the JSON form": _json_form,
    "a token in a token": _nested,
    "twice": _changed(lambda token: token + b"," + token),
    "in quotes": _changed(lambda token: b'"' + token + b'"'),
    "a wrong scheme": _changed(lambda token: b"Basic " + token),
    "the scheme twice": _changed(lambda token: b"Bearer Bearer " + token),
    "no token at all": lambda _: b"Bearer",
    "words": lambda _: b"not-a-token",
    "an encrypted token": lambda _: b".".join(b64(part).encode() for part in (
        b'{"alg":"RSA-OAEP","enc":"A128GCM","kid":"RS256"}', b"key", b"iv", b"text", b"tag")),
    "9 KB of claims under a stranger's key": lambda _: Signer(name="stranger")(filler="x" * 6_000),
}


TOO_LARGE = b"a" * (1 << 20)
"""One that is refused before anything else is done with it."""
