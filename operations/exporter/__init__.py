"""The shop's own exporter: what no other says of the store, the Sentinels and nginx."""
