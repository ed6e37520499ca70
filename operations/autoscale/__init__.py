"""How many API instances there should be, decided from what Prometheus measures; docs/autoscaling.md."""
