"""The documentation site: what mkdocs.yml needs besides the pages of docs/. No program of the shop imports it."""
