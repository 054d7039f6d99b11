"""`UserActivityMonitor`: registrations and the use of features (G-06, G-07). Who the user was is recorded nowhere."""

from __future__ import annotations

from watchstack.monitoring import Monitoring


class UserActivityMonitor:
    """The user activity of one monitoring's application."""

    def __init__(self, monitoring: Monitoring) -> None:
        self._monitoring = monitoring

    def track_user_registration(self, user_id: object, method: str) -> None:
        """A user registered by a method such as `email`. user_id: is taken and left out (M-16)."""
        self._monitoring.users.registered(method)

    def track_feature_usage(self, user_id: object, feature: str) -> None:
        """A user used a feature. user_id: is taken and left out (M-16)."""
        self._monitoring.users.feature(feature)
