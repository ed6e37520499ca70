"""Instances that differ: with a fault, which the checker must find, or of a later version."""
