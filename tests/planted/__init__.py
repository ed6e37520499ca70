"""Instances with a fault in them, each of which the checker must find."""
