"""What the console sends out by itself: the alarm when alerting falls silent, and what it hands on for Alertmanager."""
