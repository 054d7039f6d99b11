"""Tells the notify receiver of the watchdog's alarm and its end, past Alertmanager, until it is accepted."""

from __future__ import annotations

import http.client
import logging
import smtplib
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from watchstack.console.clock import Clock
from watchstack.console.config import Config, Receiver
from watchstack.console.inbox.entries import FIRING, RESOLVED
from watchstack.console.metrics import Metrics
from watchstack.console.notify.messages import CALLS, Call, Message, MessageError, Options, mail
from watchstack.console.notify.watchdog import FINGERPRINT, Watchdog

TIMEOUT = 10.0  # seconds for one attempt
FIRST_WAIT, LONGEST_WAIT = 5.0, 300.0  # seconds between attempts, doubled each time
_log = logging.getLogger("watchstack.console.notify")


class SendError(Exception):
    """Not accepted; the message says why and holds no address and no secret. status: the HTTP answer's, else 0."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


def send(receiver: Receiver, message: Message, secrets: Path) -> None:
    """One attempt. Raises SendError or MessageError."""
    options = Options(receiver.options, secrets)
    with _told():
        if receiver.kind == "email":
            _mail(message, options)
        else:
            _post(CALLS[receiver.kind](message, options))


def post(call: Call) -> None:
    """One attempt of a request that is made already. Raises SendError or MessageError."""
    with _told():
        _post(call)


@contextmanager
def _told() -> Iterator[None]:
    """Whatever goes wrong on the way out, as a SendError."""
    try:
        yield
    except urllib.error.HTTPError as error:
        error.close()
        raise SendError(f"answered {error.code}", error.code) from error
    except urllib.error.URLError as error:
        raise SendError(f"not reached: {_plain(error.reason)}") from error
    except smtplib.SMTPResponseException as error:
        raise SendError(f"the mail server answered {error.smtp_code}") from error
    except (OSError, smtplib.SMTPException) as error:
        raise SendError(f"not reached: {_plain(error)}") from error
    except (ValueError, http.client.HTTPException) as error:
        raise SendError(f"the address or answer is not valid ({type(error).__name__})") from error


def _plain(reason: object) -> str:
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror
    return type(reason).__name__ if isinstance(reason, Exception) else str(reason)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect of a POST would become a GET that tells nobody: it counts as a failure."""

    def redirect_request(self, *args: object, **kwargs: object) -> None:
        return None


def _post(call: Call) -> None:
    if not call.url.lower().startswith(("http://", "https://")):
        raise MessageError("the address must start with http:// or https://")
    headers = {"Content-Type": "application/json", "User-Agent": "watchstack-console", **call.headers}
    request = urllib.request.Request(call.url, data=call.body, headers=headers, method="POST")
    with urllib.request.build_opener(_NoRedirect).open(request, timeout=TIMEOUT) as answer:
        answer.read(65536)


def _mail(message: Message, options: Options) -> None:
    letter = mail(message, options)
    host, _, port = options.get("smarthost", "smtp").rpartition(":")
    context = ssl.create_default_context()
    user = options.get("auth_username", "username", "user", default="")
    if port == "465":
        client: smtplib.SMTP = smtplib.SMTP_SSL(host, int(port), timeout=TIMEOUT, context=context)
    else:
        client = smtplib.SMTP(host, int(port), timeout=TIMEOUT)
    with client:
        if port != "465" and options.flag("require_tls", True):
            client.starttls(context=context)
        if user:
            client.login(user, options.get("auth_password", "password"))
        client.send_message(letter)


class Notifier:
    """Compares what the receiver was told last with what is so, and sends when they differ, with back-off, for ever.

    An alarm that ends before anybody could be told of it is not told at all.
    """

    def __init__(
        self,
        watchdog: Watchdog,
        config: Callable[[], Config],
        secrets: Path,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._watchdog = watchdog
        self._config = config
        self._secrets = secrets
        self._clock = clock
        self._metrics = metrics
        self._wait = 0.0
        self._due = clock.monotonic()
        self._for = RESOLVED
        self.problem: str | None = None

    def tick(self) -> None:
        """Sends if something is to be told and its time has come; waits no longer than one attempt."""
        config = self._config()
        status = FIRING if self._watchdog.alarm else RESOLVED
        if status != self._for:  # news is told at once, whatever the back-off of the old
            self._for, self._wait, self._due = status, 0.0, self._clock.monotonic()
        if config.notify is None or self._watchdog.state.told == status:
            self.problem = None
            return
        if self._clock.monotonic() >= self._due:
            self._attempt(config.notify, config, status)

    def _attempt(self, receiver: Receiver, config: Config, status: str) -> None:
        try:
            send(receiver, self._message(config, status), self._secrets)
        except (SendError, MessageError) as error:
            self._wait = min(LONGEST_WAIT, self._wait * 2 or FIRST_WAIT)
            self._due = self._clock.monotonic() + self._wait
            self.problem = f"receiver {receiver.name} ({receiver.kind}) could not be told: {error}"
            self._metrics.notify_failures.inc()
            _log.error("%s; next attempt in %.0f s", self.problem, self._wait)
        else:
            self._watchdog.told(status)
            self._wait, self.problem = 0.0, None
            _log.info("receiver %s (%s) was told: alerting is %s", receiver.name, receiver.kind, status)

    def _message(self, config: Config, status: str) -> Message:
        state = self._watchdog.state
        if status == FIRING:
            text = f"Prometheus or Alertmanager no longer reaches the console: {self._watchdog.reason()}."
        else:
            text = "The watchdog heartbeat is back."
        moment = state.silent_since if status == FIRING else state.recovered_at
        return Message(
            status=status,
            title="Alerting is silent",
            text=text,
            at=self._clock.time() if moment is None else moment,
            environment=config.environment,
            link=f"{config.address}/",
            key=f"watchstack-{config.environment}-{FINGERPRINT}",
        )
