"""The totals of a provider are added to those that are known, as if each report told of more money."""

from exactly_once import scripts

PLANTED = {
    "payment_state": (
        "return tonumber(other) > tonumber(one) and other or one",
        "return string.format('%.0f', one + other)",
    ),
    "refund_settlement": (
        "math.max(gone, said.refunded + named, succeeded + sum) - sum",
        "gone + said.refunded",
    ),
}

_texts = scripts._texts


def adding(folder):
    texts = _texts(folder)
    for script, (right, wrong) in PLANTED.items():
        if script in texts:
            assert right in texts[script]
            texts[script] = texts[script].replace(right, wrong)
    return texts


scripts._texts = adding

from evergreen.wsgi import application  # noqa: E402

__all__ = ["application"]
