"""Grafana's dashboards, and what they are made from."""
