"""What the worker's log says of TLS handshakes with upstreams that failed."""

import pytest

from fastgw.runtime.tls_log import AGAIN, TlsLog

GROUP, ADDRESS = "https://shop#name=shop,ca=1", "10.0.0.1:443"


def test_a_new_reason_at_once_and_an_old_one_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    log = TlsLog(lambda: now[0])

    def look(reason: str, count: int, after: float = 1.0) -> list[str]:
        now[0] += after
        caplog.clear()
        log.look([(GROUP, ADDRESS, reason, count)])
        return [record.getMessage() for record in caplog.records]

    line = "upstream https://shop: no TLS with 10.0.0.1:443: certificate has expired"
    assert look("certificate has expired", 1) == [line]
    assert look("certificate has expired", 1) == []
    assert look("certificate has expired", 900) == []
    assert look("certificate has expired", 1000, AGAIN) == [f"{line} (999 times)"]
    assert look("hostname mismatch", 1001) == [line.replace("certificate has expired", "hostname mismatch")]
    assert look("hostname mismatch", 1001, AGAIN) == []
    log.look([])
    assert look("hostname mismatch", 1) != [], "an endpoint that was away is told anew"
