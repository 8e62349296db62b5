"""What a request leaves in the counters: bytes, phases, failures; with an access log on, without a door."""

import json

from tests.support.client import Wire, eventually, get
from tests.support.definition import mock, openapi, proxy, several
from tests.support.process import Gateway
from tests.support.upstream import Upstream, pause

DOORS = "^fastgw_(door_[a-z_]+|doors)_total"


def gateway(stub: Upstream) -> Gateway:
    document = openapi(
        {
            "/proxied": {"any": proxy(f"{stub.url}/up")},
            "/slow": {"get": proxy(f"{stub.url}/slow", timeout_ms=300)},
            "/fixed": {"get": mock(200, "{}")},
        }
    )
    file = several({"pets": {"definition": "api.json"}}, log={"preset": "json", "file": "a.log"})
    return Gateway({"fastgw.yaml": file, "api.json": document})


def row(served: Gateway, name: str, resource: str, *labels: str) -> float:
    return served.metric(f'^{name}{{.*resource="{resource}"' + "".join(f".*{label}" for label in labels))


def test_bytes_phases_and_the_services_metrics() -> None:
    with Upstream(record=False) as stub, gateway(stub) as served:
        request = get("/proxied", method="POST", body=b"x" * 3000)
        answers = [served.fetch(request) for _ in range(3)]
        assert [answer.status for answer in answers] == [200] * 3
        assert row(served, "fastgw_request_bytes_total", "/proxied") == 3 * len(request)
        sent = row(served, "fastgw_response_bytes_total", "/proxied")
        assert sent == served.metric("^fastgw_sent_bytes_total") >= 3 * 3000
        assert row(served, "aws_apigateway_data_processed_bytes_total", "/proxied") == sent + 3 * len(request)
        assert row(served, "aws_apigateway_count_total", "/proxied") == 3
        phases = row(served, "fastgw_phase_seconds_total", "/proxied")
        assert abs(phases - row(served, "fastgw_request_duration_seconds_sum", "/proxied")) < 1e-5
        upstream = row(served, "fastgw_phase_seconds_total", "/proxied", 'phase="upstream"')
        assert upstream == row(served, "aws_apigateway_integration_latency_seconds_sum", "/proxied") > 0


def test_a_slow_head_and_a_slow_upstream_are_told_apart() -> None:
    with Upstream(record=False) as stub, gateway(stub) as served:
        stub.behaviours["/slow"] = pause(5)
        with Wire(served.port) as wire:
            wire.send(b"GET /fixed HTTP/1.1\r\n")
            eventually(lambda: served.live()["exchanges"] == 1, "the first piece")
            wire.send(b"Host: a\r\n\r\n")
            assert wire.answer().status == 200
        assert served.fetch(get("/slow")).status == 504
        read, decide = (row(served, "fastgw_phase_seconds_total", "/fixed", f'phase="{p}"') for p in ("read", "decide"))
        assert read > decide
        assert row(served, "fastgw_phase_seconds_total", "/slow", 'phase="upstream"') >= 0.29
        assert row(served, "aws_apigateway_5xx_error_total", "/slow") == 1
        assert served.metric('^fastgw_failures_total{failure="INTEGRATION_TIMEOUT"}') == 1
        assert served.metric("^fastgw_failures_total") == 1


def test_the_pools_of_upstreams_are_told() -> None:
    with Upstream(record=False) as stub, gateway(stub) as served:
        assert served.fetch(get("/proxied")).status == 200
        assert served.metric('^fastgw_upstream_target_connections{.*state="idle"') == 1
        assert served.metric("^fastgw_upstream_target_pending") == 0


def test_no_door_is_opened_for_a_line() -> None:
    """The engine rule, with the log on: fixed, proxied, refused."""
    kinds = [("/fixed", 200), ("/proxied", 200), ("/nowhere", 403)]
    with Upstream(record=False) as stub, gateway(stub) as served:
        with Wire(served.port) as wire:
            for _ in range(300):
                wire.send(b"".join(get(path) for path, _ in kinds))
                assert [wire.answer().status for _ in kinds] == [status for _, status in kinds]
        log = served.folder / "a.log"
        eventually(lambda: log.read_bytes().count(b"\n") == 900, "a line for each")
        assert [json.loads(line)["status"] for line in log.read_text().splitlines()] == [200, 200, 403] * 300
        assert served.metric("^fastgw_log_lines_total") == 900
        assert served.metric(DOORS) == 0
