"""Users and their activities in MongoDB."""

from __future__ import annotations

import os
from typing import Any

from bson import ObjectId
from bson.errors import InvalidId
from pymongo import MongoClient
from watchstack import Monitoring

URL = "mongodb://localhost:27017"
MILLISECONDS = 2000  # after which a server that does not answer is given up, where the URL says nothing else


class Store:
    """Nothing connects before it is needed, so the application starts without MongoDB too."""

    def __init__(self, monitoring: Monitoring) -> None:
        self._told = monitoring.database
        url = os.environ.get("MONGODB_URL") or URL
        names = ("serverSelectionTimeoutMS", "connectTimeoutMS", "socketTimeoutMS")
        waits = {name: MILLISECONDS for name in names if name not in url}
        self.client: MongoClient[dict[str, Any]] = MongoClient(url, **waits)
        self._database = self.client["activities"]
        monitoring.health.watch_mongodb(self.client, name="database")

    def add(self, kind: str, document: dict[str, Any]) -> str:
        """The new document's id."""
        with self._told.query("insert"):
            return str(self._database[kind].insert_one(document).inserted_id)

    def get(self, kind: str, key: str) -> dict[str, Any] | None:
        try:
            wanted = ObjectId(key)
        except InvalidId:
            return None
        with self._told.query("find"):
            found = self._database[kind].find_one({"_id": wanted})
        return None if found is None else {**found, "_id": key}

    def count(self, kind: str) -> int:
        with self._told.query("count"):
            return self._database[kind].count_documents({})
