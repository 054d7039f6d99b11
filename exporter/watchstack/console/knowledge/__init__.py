"""The pages that tell what the stack knows: rules, targets, services, resources, insights, reports, exports.

Looking only; they ask Prometheus, Alertmanager and Loki while the reader waits. Alerts and their history live in
`alerts/`, what dashboards draw in `dashboards/`.
"""
