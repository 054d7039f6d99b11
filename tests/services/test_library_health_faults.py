"""Faults of real servers behind a running application: status, message, metric and code of each, and recovery.

The application answers over HTTP, through Flask or through ASGI. While a fault lasts `/health/live` is asked again and
again; what it took is printed with the test (`pytest -rP`).

The checks have more time than they need by far, so that on a busy machine too a fault is the one that the test makes.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from services_kit import Api, Program, Proxy, api, conninfo, driver, postgres, redis_server
from waiting import DEADLINE, until
from watchstack import Monitoring, Settings
from watchstack.health.check import Check, Result, Status
from watchstack.health.database import SqlalchemyDatabase

__all__ = ["api", "postgres", "redis_server"]  # the fixtures
pytestmark = pytest.mark.services
TIMEOUT = 4.0
SLOW = 1000.0  # milliseconds
ENVIRON = {
    "HEALTH_CHECK_TIMEOUT": str(TIMEOUT), "HEALTH_CHECK_INTERVAL": "0.2", "DB_QUERY_SLOW_THRESHOLD_MS": str(SLOW),
    "EXTERNAL_API_TIMEOUT_THRESHOLD_MS": str(SLOW), "CPU_USAGE_THRESHOLD_PERCENT": "100", "HEALTH_CPU_PER_CORE": "true",
    "DB_CONNECTION_TIMEOUT_THRESHOLD_MS": "30000", "REDIS_CONNECTION_TIMEOUT_THRESHOLD_MS": "30000",
}  # fmt: skip


class Shop:
    """A running application with a pool of two connections, Redis and another service's API behind it."""

    def __init__(self, kind: str, postgres: Program, redis_server: Program, url: str) -> None:
        sqlalchemy = driver("sqlalchemy")
        self.database, self.redis = Proxy(postgres.port), redis_server
        address = conninfo(self.database.port).replace("postgresql://", "postgresql+psycopg://")
        self.engine = sqlalchemy.create_engine(
            address, pool_size=2, max_overflow=0, pool_timeout=0.3, pool_pre_ping=True
        )
        environ = {
            **ENVIRON,
            "REDIS_URL": f"redis://127.0.0.1:{redis_server.port}",
            "HEALTH_EXTERNAL_APIS": f"pay={url}",
        }
        self.monitoring = Monitoring(settings=Settings.from_environ(environ))
        self.monitoring.health.watch_database(SqlalchemyDatabase(self.engine))
        self.port, self._stop = (_flask if kind == "flask" else _asgi)(self.monitoring)

    def get(self, path: str) -> tuple[int, bytes, float]:
        """Code, body, seconds."""
        began = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read(), time.perf_counter() - began
        finally:
            connection.close()

    def check(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.get(f"/api/health/{name}")[1])
        return found

    def whole(self) -> tuple[int, str]:
        code, body, _ = self.get("/health")
        return code, json.loads(body)["status"]

    def metric(self, line: str) -> float:
        text = self.get("/metrics")[1].decode()
        return next((float(one.rsplit(" ", 1)[1]) for one in text.splitlines() if one.startswith(line)), 0.0)

    def failures(self, name: str) -> float:
        text = self.get("/metrics")[1].decode().splitlines()
        wanted = f'health_check_failures_total{{component="{name}",endpoint="background"'
        return sum(float(one.rsplit(" ", 1)[1]) for one in text if one.startswith(wanted))

    def stop(self) -> None:
        self.monitoring.stop()
        self._stop()
        self.database.close()
        self.engine.dispose()


def _flask(monitoring: Monitoring) -> tuple[int, Callable[[], None]]:
    from werkzeug.serving import make_server

    app = Flask("shop")
    monitoring.init_app(app)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()

    def stop() -> None:
        server.shutdown()
        thread.join()
        server.server_close()

    return server.server_port, stop


def _asgi(monitoring: Monitoring) -> tuple[int, Callable[[], None]]:
    import uvicorn
    from starlette.applications import Starlette
    from support import choose_ports

    port = choose_ports(1)[0]
    app: Any = monitoring.init_asgi(Starlette())  # type: ignore[arg-type]
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    until(lambda: server.started)

    def stop() -> None:
        server.should_exit = True
        thread.join()

    return port, stop


@pytest.fixture(params=["flask"])
def shop(
    request: pytest.FixtureRequest, postgres: Program, redis_server: Program, api: tuple[type[Api], str]
) -> Iterator[Shop]:
    one = Shop(request.param, postgres, redis_server, api[1])
    try:
        until(lambda: one.whole() == (200, "healthy"))
        yield one
    finally:
        one.stop()


class Fault:
    """A fault while it lasts: the probe is asked all the time, and the numbers of failures are compared."""

    def __init__(self, shop: Shop, component: str) -> None:
        self.shop, self.component = shop, component
        self.before = shop.failures(component)
        self.taken: list[float] = []

    def seen(self, status: str, message: str) -> dict[str, Any]:
        """Waits until the background has seen it, and gives what it says then."""

        def there() -> dict[str, Any] | None:
            found = self.shop.check(self.component)
            self.live()
            return found if found["status"] == status and found["message"].startswith(message) else None

        return until(there)

    def live(self) -> None:
        code, body, seconds = self.shop.get("/health/live")
        assert (code, json.loads(body)["status"]) == (200, "healthy")
        self.taken.append(seconds)

    def told(self, code: int, status: str, *, gauge: float) -> None:
        """The whole's code and status, the metrics of the check, and the probe meanwhile."""
        shop = self.shop
        until(lambda: shop.whole() == (code, status) and shop.get("/health/ready")[0] == code, why=shop.whole)
        labels = f'{{component="{self.component}",endpoint="background"}}'
        until(lambda: shop.metric(f"health_check_status{labels}") == gauge)
        for _ in range(20):
            self.live()
        taken = sorted(self.taken)
        print(f"/health/live x{len(taken)}: median {1000 * statistics.median(taken):.1f} ms, "
              f"p95 {1000 * taken[int(0.95 * len(taken))]:.1f} ms, longest {1000 * taken[-1]:.1f} ms")  # fmt: skip
        assert statistics.median(taken) < TIMEOUT / 4  # it waits for nothing that hangs

    def over(self) -> None:
        """Recovery is seen without a restart."""
        until(lambda: self.shop.whole() == (200, "healthy") and self.shop.check(self.component)["status"] == "healthy")
        labels = f'{{component="{self.component}",endpoint="background"}}'
        until(lambda: self.shop.metric(f"health_check_status{labels}") == 1.0)


def at_once(shop: Shop) -> tuple[int, float]:
    """The load balancer's check, which asks the database at once."""
    code, _, seconds = shop.get("/api/health/simple")
    return code, seconds


# C-45 C-62 Y-10
@pytest.mark.parametrize("shop", ["flask", "asgi"], indirect=True)
def test_the_database_is_down(shop: Shop, postgres: Program) -> None:
    fault = Fault(shop, "database")
    postgres.stop()
    found = fault.seen("critical", "Database error: ")
    assert found["response_time_ms"] == -1
    fault.told(503, "unhealthy", gauge=0.0)
    assert shop.failures("database") > fault.before
    assert at_once(shop)[0] == 503
    postgres.start()
    fault.over()
    assert at_once(shop)[0] == 200


def test_the_database_is_slow(shop: Shop) -> None:  # C-41
    fault = Fault(shop, "database")
    shop.database.seconds = 0.2  # on the way there and on the way back
    found = fault.seen("degraded", "Database slow: ")
    assert SLOW < found["response_time_ms"] < 1000 * TIMEOUT
    fault.told(200, "degraded", gauge=1.0)  # Y-09
    assert at_once(shop)[0] == 200
    shop.database.seconds = 0.0
    fault.over()


@pytest.mark.parametrize("shop", ["flask", "asgi"], indirect=True)
def test_the_database_hangs(shop: Shop, postgres: Program) -> None:  # C-44
    fault = Fault(shop, "database")
    shop.database.seconds = 600.0
    found = fault.seen("critical", "Database timeout after 4s")
    assert found["response_time_ms"] == 1000 * TIMEOUT
    fault.told(503, "unhealthy", gauge=0.0)
    assert shop.failures("database") > fault.before
    code, seconds = at_once(shop)
    assert code == 503
    assert seconds < TIMEOUT + DEADLINE / 2
    shop.database.seconds = 0.0
    fault.over()


def test_the_pool_is_exhausted(shop: Shop) -> None:  # C-42
    fault = Fault(shop, "database")
    held: list[Any] = []

    def taken() -> bool:
        with contextlib.suppress(driver("sqlalchemy").exc.TimeoutError):  # the check has it just now
            held.append(shop.engine.connect())
        return len(held) == 2

    until(taken)
    fault.seen("critical", "Database error: QueuePool limit")
    fault.told(503, "unhealthy", gauge=0.0)
    for connection in held:
        connection.close()
    fault.over()


@pytest.mark.parametrize("how", ["gone", "hangs"])
def test_redis_is_gone_or_hangs(shop: Shop, how: str) -> None:  # C-56
    fault = Fault(shop, "redis")
    if how == "gone":
        shop.redis.stop()
    else:
        shop.redis.process.send_signal(signal.SIGSTOP)
    fault.seen("degraded", "Redis error: ")
    fault.told(200, "degraded", gauge=1.0)
    assert shop.failures("redis") > fault.before
    if how == "gone":
        shop.redis.start()
    else:
        shop.redis.process.send_signal(signal.SIGCONT)
    fault.over()


# C-03 C-04 F-18 F-19
@pytest.mark.parametrize(
    ("behaviour", "status", "message"),
    [((500, 0.0), "critical", "pay answered 500"), ((200, 1.5 * SLOW / 1000), "degraded", "pay slow: "),
     ((200, 60.0), "critical", "pay ")],
    ids=["answers 500", "is slow", "hangs"],
)  # fmt: skip
def test_another_service_s_api(
    shop: Shop, api: tuple[type[Api], str], behaviour: tuple[int, float], status: str, message: str
) -> None:
    fault = Fault(shop, "pay")
    api[0].code, api[0].seconds = behaviour
    found = fault.seen(status, message)
    assert status == "degraded" or found["details"].get("failures", 2) >= 2  # not after the first failure
    fault.told(200, "degraded", gauge=0.0 if status == "critical" else 1.0)
    assert (shop.failures("pay") > fault.before) == (status == "critical")
    api[0].code, api[0].seconds = 200, 0.0
    fault.over()


def test_a_name_that_is_not_resolved(shop: Shop) -> None:  # C-12
    health = shop.monitoring.health
    health.watch_web("nowhere", "http://no-such-host.invalid/")
    health.watch_network([("no-such-host.invalid", 443)])
    for name in ("nowhere", "network"):
        fault = Fault(shop, name)
        until(lambda name=name: shop.check(name)["status"] == "critical")  # type: ignore[misc]
        fault.told(200, "degraded", gauge=0.0)
        until(lambda name=name: shop.failures(name) > 0)  # type: ignore[misc]
    until(lambda: shop.check("database")["status"] == "healthy")


class Loud:
    def __str__(self) -> str:
        raise KeyError("no words")


def hangs() -> Result:
    time.sleep(5.0)
    return Result(Status.HEALTHY)


def raises() -> Result:
    raise LookupError("gone")


def test_checks_that_misbehave_harm_nothing_else(shop: Shop) -> None:  # C-58
    bad: dict[str, Any] = {
        "raises": raises,
        "hangs": hangs,
        "nonsense": lambda: "healthy",
        "unreadable": lambda: Result(Status.HEALTHY, details={"a": Loud()}),
        "exits": lambda: (_ for _ in ()).throw(SystemExit(3)),
    }
    for name, function in bad.items():
        timeout = 0.5 if name == "hangs" else DEADLINE
        shop.monitoring.health.add(Check(name, function, interval=0.2, timeout=timeout, critical=False))
    until(lambda: all(shop.check(name)["status"] == "critical" for name in bad))
    assert shop.check("raises")["message"] == "Health check failed: gone"
    assert shop.check("hangs")["message"] == "Health check timeout after 0.5s"
    for name in ("database", "redis", "pay", "system"):
        until(lambda name=name: shop.check(name)["status"] == "healthy")  # type: ignore[misc]
    before = {name: shop.check(name)["timestamp"] for name in ("database", "redis")}
    until(lambda: all(shop.check(name)["timestamp"] > before[name] for name in before))  # they still run
    fault = Fault(shop, "raises")
    fault.told(200, "degraded", gauge=0.0)
    until(lambda: sum(thread.name == "watchstack-check-hangs" for thread in threading.enumerate()) <= 1)
