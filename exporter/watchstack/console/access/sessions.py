"""Who is signed in with a browser: sessions in memory, and in the console's store so that they outlive a restart.

A browser holds a random id. Kept are its hash and a proof that the session was begun with the password in force: both
say nothing to a reader of the store, and a changed password ends the sessions of its account by itself.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from watchstack.console.clock import Clock
from watchstack.console.store import Store, StoreError

IDLE = 8 * 3600.0  # seconds without a request
ABSOLUTE = 7 * 86400.0  # seconds since the sign-in
MOST = 500  # sessions; beyond it the one used longest ago ends
ID_BYTES = 32


@dataclass(frozen=True)
class Session:
    """key: hash of the id. proof: of id and password. began, seen: Unix seconds."""

    key: str
    account: str
    proof: str
    began: float
    seen: float


class Sessions:
    """password: gives the password in force of an account, nothing when there is none."""

    def __init__(self, store: Store, clock: Clock, password: Callable[[str], bytes]) -> None:
        self._store = store
        self._clock = clock
        self._password = password
        self._lock = threading.Lock()  # of what is held
        self._saving = threading.Lock()  # of what is known to be saved
        self._held: dict[str, Session] = {}
        self._loaded = False
        self._saved: dict[str, Session] = {}
        self._load()

    def begin(self, account: str) -> str:
        """A new session; its id is for the browser alone."""
        number = secrets.token_urlsafe(ID_BYTES)
        now = self._clock.time()
        session = Session(key_of(number), account, _proof(number, self._password(account)), now, now)
        with self._lock:
            self._held[session.key] = session
            while len(self._held) > MOST:
                del self._held[min(self._held.values(), key=lambda one: one.seen).key]
        self.keep()
        return number

    def find(self, number: str) -> Session | None:
        """The living session of this id, used now; None when it is unknown, over, or of a password that was changed."""
        now = self._clock.time()
        with self._lock:
            session = self._held.get(key_of(number))
            if session is None:
                return None
            password = self._password(session.account)
            if not password:
                return None  # the file cannot be read now: nobody is let in, and nobody is thrown out for good
            if _is_over(session, now) or not hmac.compare_digest(session.proof, _proof(number, password)):
                del self._held[session.key]
                return None
            self._held[session.key] = replace(session, seen=max(now, session.seen))
            return session

    def end(self, number: str) -> None:
        with self._lock:
            self._held.pop(key_of(number), None)
        self.keep()

    def keep(self) -> None:
        """Drops what is over and makes the store hold what memory holds; a store that cannot is made to later.

        Nobody who is signed in waits for the disk meanwhile.
        """
        now = self._clock.time()
        with self._saving:
            self._load()
            with self._lock:
                self._held = {key: session for key, session in self._held.items() if not _is_over(session, now)}
                held = dict(self._held)
            gone = [(key,) for key in self._saved.keys() - held.keys()]
            changed = [session for key, session in held.items() if self._saved.get(key) != session]
            if not self._loaded or not (gone or changed):
                return
            rows = [(one.key, one.account, one.proof, one.began, one.seen) for one in changed]
            try:
                with self._store.write() as connection:
                    connection.executemany("DELETE FROM session WHERE key = ?", gone)
                    connection.executemany("INSERT OR REPLACE INTO session VALUES (?, ?, ?, ?, ?)", rows)
            except StoreError:  # told by the store
                return
            self._saved = held

    def _load(self) -> None:
        """Takes over what the store holds, once it can be read."""
        if self._loaded:
            return
        try:
            with self._store.read() as connection:
                rows = connection.execute("SELECT key, account, proof, began, seen FROM session").fetchall()
        except StoreError:
            return
        self._saved = {row["key"]: Session(*row) for row in rows}
        with self._lock:
            self._held = {**self._saved, **self._held}
        self._loaded = True


def key_of(number: str) -> str:
    """What is kept of an id, and names the session where it must be named."""
    return hashlib.sha256(number.encode("utf-8", "replace")).hexdigest()


def csrf_of(number: str) -> str:
    """The token that a form of this session carries; another page can neither read nor guess it."""
    return hmac.new(number.encode("utf-8", "replace"), b"csrf", "sha256").hexdigest()


def _proof(number: str, password: bytes) -> str:
    return hmac.new(number.encode("utf-8", "replace"), b"password\0" + password, "sha256").hexdigest()


def _is_over(session: Session, now: float) -> bool:
    """Also when it was used in a future that far away: the clock was wrong then, and it would last until that came."""
    return abs(now - session.seen) >= IDLE or now - session.began >= ABSOLUTE
