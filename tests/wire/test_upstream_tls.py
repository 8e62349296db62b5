"""TRIALS D8: upstreams over TLS. Who is not who the definition says gets no request, and the log says why."""

import json
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from functools import partial

import pytest

from tests.support.certificates import Authority, root, server
from tests.support.client import eventually, get
from tests.support.definition import INTEGRATION, openapi, proxy, several
from tests.support.nginx import Nginx
from tests.support.process import Gateway
from tests.support.tls_servers import raw_server, server_context
from tests.support.upstream import Exchange, Upstream
from tests.wire.test_balance import cut
from tests.wire.test_gil import DOORS

LOG = {"file": "access.log",
       "format": "$context.path $context.status $context.integrationErrorMessage $context.requestId"}
AUTHORITIES = {"ca.pem": root().pem.decode()}
TRUSTING = {"tls": {"ca_file": "ca.pem"}}
FAILED = "^fastgw_upstream_tls_failures_total"
BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
RESUMED = "^fastgw_upstream_tls_resumed_total"
HANDSHAKES = "^fastgw_upstream_tls_handshakes_total"


def to(authorities: dict[str, str], **fields: object) -> dict:
    """A path for each authority, over https. fields: of each integration."""
    paths = {}
    for name, authority in authorities.items():
        paths[f"/{name}"] = {"any": proxy(f"https://{authority}/x")}
        paths[f"/{name}"]["any"][INTEGRATION] |= fields
    return openapi(paths)


def files(authorities: dict[str, str], upstreams: dict[str, dict] | None = None, stages: dict | None = None,
          **sections: object) -> dict[str, object]:
    """One API of these paths. upstreams: by name in authorities; those without one trust root()."""
    given = {authority: (upstreams or {}).get(name, TRUSTING) for name, authority in authorities.items()}
    api = {"definition": "api.json", **({"stages": stages} if stages else {})}
    return {"fastgw.yaml": several({"a": api}, upstreams=given, log=LOG, **sections), "api.json": to(authorities),
            **AUTHORITIES}


def told(gateway: Gateway, path: str) -> list[str]:
    """What the access log says of a path: status and the integration's error."""
    file = gateway.folder / "access.log"
    lines = [line.rpartition(" ")[0] for line in file.read_text().splitlines()] if file.exists() else []
    return [line.removeprefix(f"{path} ") for line in lines if line.startswith(f"{path} ")]


# --- who is refused

def bad_servers(stack: ExitStack) -> dict[str, tuple[str, int, str]]:
    """Name -> authority, the status that it gets, the reason in the log."""
    stranger = Authority("Stranger")
    day = timedelta(days=1)
    bad = {
        "expired": (root().issue("127.0.0.1", start=-2 * day, end=-day), "certificate has expired"),
        "early": (root().issue("127.0.0.1", start=day, end=2 * day), "certificate is not yet valid"),
        "name": (server("other.example"), "IP address mismatch"),
        "self-signed": (Authority.self_signed("127.0.0.1"), "self-signed certificate"),
        "untrusted": (stranger.issue("127.0.0.1"), "unable to get local issuer certificate"),
        "client": (root().issue("127.0.0.1", client=True), "unsuitable certificate purpose"),
    }
    found = {}
    for name, (issued, why) in bad.items():
        stub = stack.enter_context(Upstream(tls=server_context(issued)))
        found[name] = (stub.authority, 502, why)
    plain = stack.enter_context(raw_server(lambda connection: connection.recv(1) and connection.sendall(BAD_REQUEST)))
    found["plain"] = (plain, 502, "wrong version number")
    closing = stack.enter_context(raw_server(lambda connection: connection.recv(1)))
    found["closing"] = (closing, 502, "the connection closed within the TLS handshake")
    slow = stack.enter_context(raw_server(lambda connection: connection.recv(1 << 16) and connection.recv(1)))
    found["slow"] = (slow, 504, "the TLS handshake took too long")
    for name, newest, why in (("wanting", ssl.TLSVersion.TLSv1_3, "tlsv13 alert certificate required"),
                              ("wanting-1.2", ssl.TLSVersion.TLSv1_2, "sslv3 alert handshake failure")):
        wanting = server_context(server(), clients=root(), newest=newest)
        shake = partial(wanting.wrap_socket, server_side=True)      # asyncio would send no alert
        found[name] = (stack.enter_context(raw_server(shake)), 502, why)
    return found


def test_d8_who_is_refused_and_why() -> None:
    with ExitStack() as stack:
        bad = bad_servers(stack)
        good = stack.enter_context(Upstream(tls=server_context(server())))
        authorities = {name: authority for name, (authority, _, _) in bad.items()} | {"good": good.authority}
        given = files(authorities, {"slow": TRUSTING | {"connect_timeout": 0.3}})
        with Gateway(given) as gateway:
            for name, (_, status, _) in bad.items():
                answer = gateway.fetch(get(f"/{name}"))
                assert answer.status == status, name
                expected = b"Endpoint request timed out" if status == 504 else b"Internal server error"
                assert json.loads(answer.body) == {"message": expected.decode()}, "the client is not told why"
                assert gateway.fetch(get("/good")).status == 200
            for name, (_, status, why) in bad.items():
                lines = eventually(lambda name=name: told(gateway, f"/{name}"), f"the line of /{name}")
                assert len(lines) == 1 and lines[0].startswith(f"{status} ") and why in lines[0], (name, lines)
            assert gateway.metric(FAILED) == len(bad), "one attempt for each request: nothing is tried again"
            eventually(lambda: all(f": {why}" in gateway.stderr() for _, _, why in bad.values()),
                       "a line for each in the gateway's log")


def test_a_storm_is_one_handshake_for_each_request_and_few_lines() -> None:
    with Upstream(tls=server_context(Authority("Stranger").issue("127.0.0.1"))) as stub, \
            Gateway(files({"x": stub.authority})) as gateway, gateway.wire() as wire:
        wire.send(get("/x") * 50)
        assert {answer.status for answer in wire.answers(["GET"] * 50)} == {502}
        assert gateway.metric(FAILED) == 50 and stub.requests == []
        eventually(lambda: "no TLS with" in gateway.stderr(), "the line")
        assert gateway.stderr().count("no TLS with") <= 2


def test_a_group_goes_on_with_the_endpoint_that_is_trusted() -> None:
    with Upstream(tls=server_context(server("shop.test"))) as good, \
            Upstream(tls=server_context(Authority("Stranger").issue("shop.test"))) as bad:
        upstream = {**TRUSTING, "addresses": [bad.authority, good.authority], "ejection": {"failures": 2}}
        given = files({"x": "shop.test"}, {"x": upstream})
        with Gateway(given) as gateway:
            assert [gateway.fetch(get("/x")).status for _ in range(8)] == [200] * 8
            assert bad.requests == []


# --- who is believed

def test_names_and_addresses() -> None:
    """Wildcards, IPv4 and IPv6 addresses; the name is sent, an address is not (RFC 6066 section 3)."""
    asked: list[str | None] = []
    context = server_context(root().issue("*.shop.test", "127.0.0.1", "::1"))
    context.sni_callback = lambda _, name, __: asked.append(name)
    with Upstream(tls=context) as stub, Upstream(tls=context, address="::1") as six:
        authorities = {"wild": "a.shop.test", "deep": "a.b.shop.test", "v4": stub.authority, "v6": six.authority,
                       "named": "other.test"}
        upstreams = {
            "wild": TRUSTING | {"address": stub.authority}, "deep": TRUSTING | {"address": stub.authority},
            "named": {"address": stub.authority, "tls": {"ca_file": "ca.pem", "server_name": "b.shop.test"}},
        }
        with Gateway(files(authorities, upstreams)) as gateway:
            statuses = {name: gateway.fetch(get(f"/{name}")).status for name in authorities}
            assert statuses == {"wild": 200, "deep": 502, "v4": 200, "v6": 200, "named": 200}
            assert asked == ["a.shop.test", "a.b.shop.test", None, None, "b.shop.test"]
            assert stub.requests[-1].request.get("Host") == "other.test"


@pytest.fixture(scope="module")
def stranger() -> Iterator[tuple[Upstream, dict[str, Upstream]]]:
    """A self-signed one, and others that only `private` tells apart."""
    day = timedelta(days=1)
    lone = Authority("Lone")
    whole = lone.issue("127.0.0.1")
    with ExitStack() as stack:
        def serve(issued) -> Upstream:
            return stack.enter_context(Upstream(tls=server_context(issued)))
        yield serve(Authority.self_signed("127.0.0.1")), {
            "chain": serve(type(whole)(whole.certificate, whole.key, (lone.certificate,))),
            "no-root": serve(type(whole)(whole.certificate, whole.key, ())),
            "expired": serve(lone.issue("127.0.0.1", start=-2 * day, end=-day)),
            "name": serve(lone.issue("other.test")),
        }


def test_insecure_skip_verification_still_looks_at_dates_and_names(stranger) -> None:
    stub, others = stranger
    authorities = {"self-signed": stub.authority} | {name: each.authority for name, each in others.items()}
    given = files(authorities)
    given["api.json"] = to(authorities, tlsConfig={"insecureSkipVerification": True})
    with Gateway(given) as gateway:
        statuses = {name: gateway.fetch(get(f"/{name}")).status for name in authorities}
        assert statuses == {"self-signed": 200, "chain": 200, "no-root": 502, "expired": 502, "name": 502}


def test_verify_none_believes_anybody(stranger) -> None:
    stub, others = stranger
    authorities = {"self-signed": stub.authority} | {name: each.authority for name, each in others.items()}
    upstreams = {name: {"tls": {"verify": "none"}} for name in authorities}
    with Gateway(files(authorities, upstreams)) as gateway:
        assert {gateway.fetch(get(f"/{name}")).status for name in authorities} == {200}


def test_the_operators_word_goes_before_the_uris_scheme() -> None:
    with Upstream() as plain, Upstream(tls=server_context(server())) as secure:
        given = files({"off": plain.authority}, {"off": {"tls": False}})
        given["api.json"]["paths"]["/on"] = {"get": proxy(f"http://{secure.authority}/x")}
        given["fastgw.yaml"]["upstreams"][secure.authority] = TRUSTING
        with Gateway(given) as gateway:
            assert [gateway.fetch(get(path)).status for path in ("/off", "/on")] == [200, 200]


# --- who we are

def test_client_certificates_of_an_upstream_and_of_a_stage(tmp_path) -> None:
    """Two stages and two identities: each connection shows its own, and never serves the other's request."""
    shown: list[str | None] = []

    async def who(exchange: Exchange) -> None:
        subject = exchange.writer.get_extra_info("peercert") or {}
        shown.append(dict(pair[0] for pair in subject.get("subject", ())).get("commonName"))
        await exchange.reply(200)

    context = server_context(server(), clients=root())
    context.verify_mode = ssl.CERT_OPTIONAL
    certificates = {}
    for name in ("one", "two", "own"):
        issued = root().issue(name, client=True)
        certificates |= {f"{name}.pem": issued.chain.decode(), f"{name}.key": issued.key_pem.decode()}
    with Upstream(who, tls=context) as stub, Upstream(who, tls=context) as other:
        own = {"ca_file": "ca.pem", "certificate": "own.pem", "key": "own.key"}
        given = files(
            {"x": stub.authority, "own": other.authority}, {"own": {"tls": own}},
            stages={"one": {"client_certificate": "one"}, "two": {"client_certificate": "two"}, "none": {}},
            client_certificates={name: {"certificate": f"{name}.pem", "key": f"{name}.key"} for name in ("one", "two")})
        with Gateway(given | certificates) as gateway:
            for _ in range(2):
                for path in ("/one/x", "/two/x", "/none/x", "/one/own"):
                    assert gateway.fetch(get(path)).status == 200
            assert shown == ["one", "two", None, "own"] * 2
            assert len(stub.connections) == 3


# --- connections

@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_kept_connections_and_resumed_sessions(version: ssl.TLSVersion) -> None:
    reused: list[bool] = []

    async def once(exchange: Exchange) -> None:
        reused.append(exchange.writer.get_extra_info("ssl_object").session_reused)
        await exchange.reply(200, b"", "Connection: close")
        exchange.close()

    with Upstream(tls=server_context(server(), newest=version)) as stub:
        stub.on("/once", once)
        given = files({"x": stub.authority})
        given["api.json"]["paths"]["/once"] = {"get": proxy(f"https://{stub.authority}/once")}
        with Gateway(given) as gateway, gateway.wire() as wire:
            for _ in range(20):
                assert wire.request(get("/x")).status == 200
            assert len(stub.connections) == 1, "a ticket behind the handshake is no stray byte"
            assert [wire.request(get("/once")).status for _ in range(4)] == [200] * 4
            assert reused == [False, True, True, True] or reused == [True] * 4
            assert gateway.metric(RESUMED) == sum(reused)
            assert gateway.metric(HANDSHAKES) == len(stub.connections)
            assert gateway.metric(FAILED) == gateway.metric(DOORS) == 0


def answers(text: bytes, *, honest: bool = False) -> Callable[[socket.socket], None]:
    """One answer, then FIN; honest: close_notify before it."""
    context = server_context(server())

    def serve(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            secured.recv(1 << 16)
            secured.sendall(text)
            if honest:
                secured.unwrap()

    return serve


def garbage(connection: socket.socket) -> None:
    """Plain text behind the handshake."""
    secured = server_context(server()).wrap_socket(connection, server_side=True)
    secured.recv(1 << 16)
    with socket.socket(fileno=secured.detach()) as raw:
        raw.sendall(b"HTTP/1.1 200 OK\r\n\r\n" * 2)


@pytest.fixture(scope="module")
def shop() -> Iterator[Gateway]:
    """Paths by what their upstreams do; below /step the same as steps in Python."""
    with ExitStack() as stack:
        authorities = {
            "good": stack.enter_context(Upstream(tls=server_context(server()))).authority,
            "bad": stack.enter_context(
                Upstream(tls=server_context(Authority("Stranger").issue("127.0.0.1")))).authority,
            "reset": stack.enter_context(Upstream(cut, tls=server_context(server()))).authority,
        }
        open_end = b"HTTP/1.1 200 OK\r\n\r\nall of it"
        for name, serve in {
            "honest": answers(open_end, honest=True),
            "cut": answers(open_end),
            "length": answers(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nall of it"),
            "garbage": garbage,
        }.items():
            authorities[name] = stack.enter_context(raw_server(serve))
        given = files(authorities)
        steps = to(authorities, type="http", responses={"default": {"statusCode": "200"}})["paths"]
        given["api.json"]["paths"] |= {f"/step{path}": item for path, item in steps.items()}
        yield stack.enter_context(Gateway(given))


def test_a_body_without_an_end_of_its_own_must_be_closed_by_tls(shop: Gateway) -> None:
    """RFC 9112 section 9.8: without close_notify nobody knows whether it was cut."""
    whole = shop.fetch(get("/honest"))
    assert (whole.status, whole.body, whole.complete) == (200, b"all of it", True)
    half = shop.fetch(get("/cut"))
    assert half.status == 502 or not half.complete
    (line,) = eventually(lambda: told(shop, "/cut"), "its line")
    assert "the connection closed without close_notify" in line
    assert shop.fetch(get("/step/honest")).body == b"all of it"
    assert shop.fetch(get("/step/cut")).status == 502


def test_a_length_needs_no_close_notify(shop: Gateway) -> None:
    assert [shop.fetch(get("/length")).body for _ in range(3)] == [b"all of it"] * 3


def test_what_breaks_behind_the_handshake(shop: Gateway) -> None:
    """A reset before an answer, bytes that are no record: 502, as without TLS."""
    assert [shop.fetch(get(path)).status for path in ("/reset", "/garbage")] == [502, 502]


def test_large_bodies_both_ways(shop: Gateway) -> None:
    body = bytes(range(256)) * 8192
    answer = shop.fetch(get("/good", method="POST", body=body))
    assert answer.status == 200 and answer.body == body


def test_a_step_in_python_is_told_the_same(shop: Gateway) -> None:
    """HTTP, whose answer a template makes: over the engine's pools too."""
    assert [shop.fetch(get(f"/step/{name}")).status for name in ("good", "bad")] == [200, 502]
    (line,) = eventually(lambda: told(shop, "/step/bad"), "its line")
    assert line == "502 unable to get local issuer certificate"


def test_one_authority_with_two_trusts_has_two_pools(stranger) -> None:
    """What was allowed on one route opens no door for the other."""
    stub, _ = stranger
    given = files({"strict": stub.authority})
    given["api.json"]["paths"]["/lax"] = to({"lax": stub.authority},
                                            tlsConfig={"insecureSkipVerification": True})["paths"]["/lax"]
    with Gateway(given) as gateway:
        for _ in range(3):
            assert [gateway.fetch(get(path)).status for path in ("/lax", "/strict")] == [200, 502]


def test_a_reload_reads_the_authorities_again() -> None:
    later = Authority("Later")
    with Upstream(tls=server_context(server())) as stub, Gateway(files({"x": stub.authority})) as gateway:
        assert gateway.fetch(get("/x")).status == 200
        gateway.write("ca.pem", later.pem.decode())
        assert gateway.reload().returncode == 0
        assert gateway.fetch(get("/x")).status == 502, "no connection that the old ones vouched for is used"
        gateway.write("ca.pem", (later.pem + root().pem).decode())
        assert gateway.reload().returncode == 0
        assert gateway.fetch(get("/x")).status == 200
        gateway.write("ca.pem", "nothing")
        refused = gateway.reload()
        assert refused.returncode != 0 and "holds no certificate in PEM" in refused.stderr + refused.stdout
        assert gateway.fetch(get("/x")).status == 200


def test_the_gateway_wide_authorities(tmp_path) -> None:
    (tmp_path / "all.pem").write_bytes(root().pem)
    with Upstream(tls=server_context(server())) as stub:
        given = files({"x": stub.authority}, {"x": {}})
        with Gateway(given) as gateway:
            assert gateway.fetch(get("/x")).status == 502, "the system does not know them"
        with Gateway(given, env={"FASTGW_UPSTREAM_CA_FILE": str(tmp_path / "all.pem")}) as gateway:
            assert gateway.fetch(get("/x")).status == 200


def test_private_integrations() -> None:
    listener = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/app/a/1/2"
    with Upstream(tls=server_context(server("shop.internal"))) as stub:
        integration = {"type": "HTTP_PROXY", "httpMethod": "ANY", "uri": listener, "connectionType": "VPC_LINK",
                       "connectionId": "link", "payloadFormatVersion": "1.0"}
        given = files({})
        given["fastgw.yaml"]["apis"]["a"]["kind"] = "HTTP"
        given["fastgw.yaml"]["upstreams"][listener] = {"address": stub.authority, "tls": {"ca_file": "ca.pem"}}
        given["api.json"] = openapi({f"/{name}": {"get": {INTEGRATION: integration | {
            "tlsConfig": {"serverNameToVerify": name}}}} for name in ("shop.internal", "other.internal")})
        with Gateway(given) as gateway:
            assert gateway.fetch(get("/shop.internal")).status == 200
            assert gateway.fetch(get("/other.internal")).status == 502


def test_health_checks_speak_tls() -> None:
    async def sick(exchange: Exchange) -> None:
        await exchange.reply(503)
        exchange.close()

    context = server_context(server("shop.test"), clients=root())
    issued = root().issue("gateway", client=True)
    with Upstream(tls=context) as good, Upstream(tls=context) as bad:
        bad.on("/health", sick)
        tls = {"ca_file": "ca.pem", "certificate": "gw.pem", "key": "gw.key"}
        group = {"addresses": [good.authority, bad.authority], "tls": tls,
                 "health": {"path": "/health", "interval": 0.2, "fall": 1, "rise": 1}}
        given = files({"x": "shop.test"}, {"x": group})
        given |= {"gw.pem": issued.chain.decode(), "gw.key": issued.key_pem.decode()}
        with Gateway(given) as gateway:
            def states() -> dict[str, str]:
                (found,) = json.loads(gateway.ops("/upstreams")[1])["workers"]["0"]
                return {one["address"]: one["state"] for one in found["endpoints"]}
            eventually(lambda: states() == {good.authority: "healthy", bad.authority: "down"}, "as checked")
            assert good.to("/health")
            assert [gateway.fetch(get("/x")).status for _ in range(4)] == [200] * 4
            assert not bad.to("/x")


def test_nginx_is_an_upstream(tmp_path) -> None:
    certificate, key = server().write(tmp_path, "nginx")
    block = f"listen 127.0.0.1:PORT ssl; ssl_certificate {certificate}; ssl_certificate_key {key}; "
    block += "ssl_protocols TLSv1.3;"
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    with Nginx(block.replace("PORT", str(port)) + " location / { return 200 $ssl_protocol; }"), \
            Gateway(files({"x": f"127.0.0.1:{port}"})) as gateway, gateway.wire() as wire:
        assert {wire.request(get("/x")).body for _ in range(10)} == {b"TLSv1.3"}
        assert gateway.metric(HANDSHAKES) == 1
