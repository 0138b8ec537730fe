"""What operators see of a running service: logs, health and metrics. Nothing about a case."""
