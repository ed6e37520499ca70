"""Fixtures of more than one module."""

from tests.integration.edge import instances, layout, log

__all__ = ["instances", "layout", "log"]
