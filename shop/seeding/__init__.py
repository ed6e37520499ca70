"""Filling a shop: made-up data in any number, or that of a real grocer."""
