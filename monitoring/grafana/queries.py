"""Pieces of queries that many panels share."""

GOOD_OR_BAD = ((None, "red"), (1, "green"))
BAD_FROM_ONE = ((None, "green"), (1, "red"))
HERE = 'instance=~"$instance"'
NODE = 'instance=~"$node"'
CURRENCY = 'currency=~"$currency"'
REFUSED = 'code=~"insufficient-stock|unknown-product|mixed-currencies|stock-changed|invalid-transition"'


def quantile(q: float, metric: str, by: str, where: str = "") -> str:
    """The quantile of a histogram, for each value of these labels."""
    return f"histogram_quantile({q}, sum by (le, {by}) (rate({metric}_bucket{{{where}}}[$__rate_interval])))"


def rate(metric: str, by: str = "", where: str = "") -> str:
    """How often a second, summed for each value of these labels."""
    return f"sum by ({by}) (rate({metric}{{{where}}}[$__rate_interval]))"
