"""A service under load, from Python; services listen on this machine only."""

from __future__ import annotations

import http.server
import json
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import festina
import pytest


class Service(http.server.BaseHTTPRequestHandler):
    """Answers with what it was sent, and counts."""

    protocol_version = "HTTP/1.1"
    seen: list[tuple[str, str, bytes]] = []  # noqa: RUF012

    def do_GET(self) -> None:
        self.answer(b'{"ok": true}')

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append((self.path, self.headers.get("X-Key", ""), body))
        self.answer(body)

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_load_counts_requests_and_holds_objectives(address: str) -> None:
    result = festina.load(address, rate=40, duration="1s", slo={"p50": 5.0, "errors": 0.5}, seed=3, progress=False)
    assert isinstance(result, festina.LoadResult)
    # Poisson arrivals: 40, give or take.
    assert 15 < result.requests["sent"] < 80 and result.requests["errors"] == {}
    assert result.slo == festina.load(address, rate=9, duration=0.3, slo="p50=5s,errors=50%", progress=False).slo
    assert all(objective["value"] is not None for objective in result.objectives)
    assert list(result.to_pandas().columns)[:3] == ["time_s", "sent", "good"]
    assert sum(row["sent"] for row in result.rows()) == result.requests["sent"]
    assert "data:image/svg+xml" in result._repr_html_() and "p99" in str(result)


def test_what_holds_is_told_only_by_a_generator_that_kept_up() -> None:
    def holds(is_valid: bool, *objectives: bool | None) -> bool | None:
        result = festina.LoadResult.__new__(festina.LoadResult)
        result._data = {"client": {"is_valid": is_valid}, "objectives": [{"holds": holds} for holds in objectives]}
        return result.holds

    assert holds(True) is True and holds(True, True) is True
    assert holds(True, None, False) is False and holds(True, None, True) is None
    assert holds(False, True) is None and holds(False, False) is None


def test_requests_are_filled_from_rows(address: str) -> None:
    Service.seen.clear()
    result = festina.load(
        address + "/item/{id}",
        trace=[0.0, 0.05, 0.1],
        headers={"X-Key": "k{id}"},
        body='{"x": {x}}',
        data=[{"id": "one", "x": 1}, {"id": "two", "x": 2}],
        check=["status=200", "json=/x"],
        progress=False,
    )
    assert result.requests["good"] == 3
    assert sorted(Service.seen) == sorted(
        [("/item/one", "kone", b'{"x": 1}'), ("/item/two", "ktwo", b'{"x": 2}'), ("/item/one", "kone", b'{"x": 1}')]
    )
    Service.seen.clear()
    import pandas

    frame = pandas.DataFrame({"n": [7]})
    festina.load(address + "/{n}", trace=[0.0], body={"a": [1]}, data=frame, keep_alive=False, progress=False)
    assert [(path, json.loads(body)) for path, _, body in Service.seen] == [("/7", {"a": [1]})]


def test_a_closed_loop(address: str) -> None:
    result = festina.load(address, concurrency=2, duration=0.4, connections=2, threads=1, progress=False)
    assert result.arrivals is None and result.requests["good"] > 10


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"slo": "p99=soon"}, "soon"),
        ({"concurrency": 0}, "concurrency cannot be 0"),
        ({"rate": 10, "concurrency": 2}, "closes the loop"),
        ({"find_knee": True}, "objective"),
        ({"duration": "ten"}, "duration"),
        ({"headers": ["none"]}, "not a header"),
        ({"data": [1, 2]}, "data are rows"),
        ({"arrivals": "poison"}, "poison"),
        ({"ca": __file__}, "certificate"),
    ],
)
def test_a_load_refuses_what_cannot_be_meant(address: str, options: dict[str, Any], part: str) -> None:
    with pytest.raises(festina.InputError, match=part):
        festina.load(address, progress=False, **options)


def test_nobody_else_is_loaded_and_nobody_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(festina.InputError, match="authorized"):
        festina.load("http://192.0.2.1/", progress=False)
    with pytest.raises(festina.UnavailableError):
        festina.load("http://127.0.0.1:1/", progress=False)
    with pytest.raises(FileNotFoundError):
        festina.load("http://127.0.0.1:1/", data=tmp_path / "none.csv", progress=False)


def test_ctrl_c_ends_a_load(address: str) -> None:
    threading.Timer(0.4, signal.raise_signal, [signal.SIGINT]).start()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        festina.load(address, rate=20, duration="10m", progress=False)
    assert time.monotonic() - started < 15
