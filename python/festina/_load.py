"""`festina.load`: how a service does under requests that come whether it is ready or not."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from festina import _festina
from festina._errors import InputError
from festina._options import positive, seconds
from festina._result import KneeResult, LoadResult

if TYPE_CHECKING:
    from festina._options import Duration

    Path = str | os.PathLike[str]
    Slo = str | Mapping[str, str | float]


def load(
    url: str,
    *,
    rate: float | None = None,
    duration: Duration | None = None,
    profile: str | None = None,
    arrivals: str | None = None,
    trace: Path | Iterable[float] | None = None,
    concurrency: int | None = None,
    seed: int = 1,
    method: str | None = None,
    headers: Mapping[str, str] | Iterable[str] = (),
    body: str | Mapping[str, Any] | list[Any] | None = None,
    data: Any = None,
    keep_alive: bool = True,
    http2: bool = False,
    timeout: Duration | None = None,
    ca: Path | None = None,
    accept_any_certificate: bool = False,
    check: str | Iterable[str] = (),
    slo: Slo | None = None,
    find_knee: bool = False,
    threads: int | None = None,
    connections: int | None = None,
    pid: int | None = None,
    authorized_for: str | Iterable[str] = (),
    progress: bool | None = None,
) -> LoadResult | KneeResult:
    """Send requests to a service when its users would, whether it is ready or not, and tell what they would have seen.

    Latency counts from the time at which a request should have been sent. Requests are sent by threads that do not wait
    for Python.

    Parameters
    ----------
    url : str
        The address; ``http://`` is meant where nothing is said.
    rate : float, optional
        Requests a second; 20 by default.
    duration : seconds
        For how long; 10 s by default.
    profile : str, optional
        Rates over time instead: ``"10s@50,30s@50..500"``.
    arrivals : str, optional
        ``"poisson"`` (the default), ``"constant"``, ``"gamma:CV"``.
    trace : path or iterable of float, optional
        Send them at these times instead, in seconds.
    concurrency : int, optional
        A closed loop instead: so many users send their next request when the last is answered.
    seed : int
        The seed of the arrivals.
    method : str, optional
        GET by default, POST with a body.
    headers : mapping, or texts "Name: value"
        Headers of each request.
    body : str, or what becomes JSON
        The body; ``{column}`` is filled from `data`.
    data : path, data frame or iterable of mappings, optional
        Rows, one for each request, which fill ``{column}`` in path, headers and body; without a body, each is one.
    keep_alive : bool
        Whether connections are used again.
    http2 : bool
        Whether HTTP/2 is spoken: requests share connections.
    ca : path, optional
        A file of certificates (PEM) to trust, with whom they signed, instead of the authorities this machine trusts.
    accept_any_certificate : bool
        Whether any certificate is taken for good: whoever is on the way may then read and change everything.
    timeout : seconds
        The limit of a request; 30 s by default.
    check : str or several
        What a good response is: ``"status=200"``, ``"json=/ok:true"``, ``"body=TEXT"``; a status below 400 by default.
    slo : str or mapping, optional
        What users may expect: ``"p99=50ms,errors=0.1%"``, or ``{"p99": 0.05, "errors": 0.001}``.
    find_knee : bool
        Whether to find the highest rate that meets `slo` instead, in about 18 s or `duration`.
    threads, connections : int, optional
        Threads of the generator; the most connections.
    pid : int, optional
        A process of the service; found by its port on this machine.
    authorized_for : str or several
        Hosts other than this machine that you may load.
    progress : bool, optional
        Whether to show progress; by default on a terminal and in a notebook.

    Returns
    -------
    LoadResult, or KneeResult with `find_knee`

    Raises
    ------
    InputError
        For what cannot be meant, or a host that may not be loaded.
    UnavailableError
        If nothing answers there.
    KeyboardInterrupt
        After Ctrl-C.

    Examples
    --------
    >>> import festina, http.server, threading
    >>> class Quiet(http.server.BaseHTTPRequestHandler):
    ...     def do_GET(self):
    ...         self.send_response(200)
    ...         self.send_header("Content-Length", "0")
    ...         self.end_headers()
    ...     def log_message(self, *_):
    ...         pass
    >>> server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    >>> threading.Thread(target=server.serve_forever, daemon=True).start()
    >>> result = festina.load(f"127.0.0.1:{server.server_port}", rate=50, duration=0.5, progress=False)
    >>> server.shutdown(), server.server_close()
    (None, None)
    >>> result.requests["good"] > 0
    True
    """
    from festina import _progress

    options = {
        "url": url,
        "authorized": _several(authorized_for),
        "rate": None if rate is None else float(rate),
        "profile": profile,
        "duration_s": seconds(duration),
        "arrivals": arrivals,
        "trace": _trace(trace),
        "concurrency": None if concurrency is None else positive("concurrency", concurrency),
        "method": method,
        "headers": _headers(headers),
        "body": body if body is None or isinstance(body, str) else json.dumps(body),
        "rows": _rows(data),
        "checks": _several(check),
        "slo": _slo(slo),
        "threads": None if threads is None else positive("threads", threads),
        "connections": None if connections is None else positive("connections", connections),
        "keep_alive": keep_alive,
        "http2": http2,
        "timeout_s": seconds(timeout),
        "authorities": None if ca is None else _text(ca),
        "accepts_any_certificate": accept_any_certificate,
        "seed": seed,
        "pid": pid,
        "find_knee": find_knee,
    }
    with _progress.Bar("load", progress) as bar:
        answer = _festina.load(options, bar.loaded)
    return KneeResult(answer) if find_knee else LoadResult(answer)


def _several(given: str | Iterable[str]) -> list[str]:
    return [given] if isinstance(given, str) else list(given)


def _headers(headers: Mapping[str, str] | Iterable[str]) -> list[str]:
    if isinstance(headers, Mapping):
        return [f"{name}: {value}" for name, value in headers.items()]
    return _several(headers)


def _slo(slo: Slo | None) -> str | None:
    """Return objectives as text: numbers are seconds, for errors a share."""
    if slo is None or isinstance(slo, str):
        return slo
    return ",".join(f"{name}={_bound(name, value)}" for name, value in slo.items())


def _bound(name: str, value: str | float) -> str:
    if isinstance(value, str):
        return value
    return f"{100.0 * value:.12g}%" if name == "errors" else f"{value:.12g}s"


def _text(path: Path) -> tuple[str, str]:
    name = os.fspath(path)
    with open(name, encoding="utf-8") as file:
        return name, file.read()


def _trace(trace: Path | Iterable[float] | None) -> tuple[str, str] | None:
    if trace is None:
        return None
    if isinstance(trace, (str, os.PathLike)):
        return _text(trace)
    return "the trace", "\n".join(f"{float(time)!r}" for time in trace)


def _rows(data: Any) -> tuple[str, str] | None:
    if data is None:
        return None
    if isinstance(data, (str, os.PathLike)):
        return _text(data)
    if hasattr(data, "to_csv"):
        return "the data.csv", data.to_csv(index=False)
    rows = list(data)
    if not all(isinstance(row, Mapping) for row in rows):
        raise InputError("data are rows, each with its columns\nhint: a list of dictionaries, a data frame, or a file")
    return "the data.jsonl", "\n".join(json.dumps(dict(row)) for row in rows)
