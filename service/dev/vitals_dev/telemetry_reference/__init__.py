"""Every span, metric, log record and attribute that leaves the service, the canary and the Collector, as tables."""
