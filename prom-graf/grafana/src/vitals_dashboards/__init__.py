"""The Grafana dashboards as code: a module a dashboard. `make dashboards` writes their JSON to prom-graf/grafana/dashboards."""
