"""Whatever a provider answers makes a purchase paid, a declined card too."""

from exactly_once import scripts

PLANTED = {
    "payment_apply": (
        "(fields.status == 'captured' or (fields.captured ~= '0' and not is_open(fields.status)))",
        "not is_open(fields.status)",
    ),
    "payment_settlement": (
        "local is_whole = tonumber(fields.captured) >= tonumber(fields.amount)",
        "local is_whole = true",
    ),
}

_texts = scripts._texts


def trusting(folder):
    texts = _texts(folder)
    for script, (right, wrong) in PLANTED.items():
        if script in texts:
            assert right in texts[script]
            texts[script] = texts[script].replace(right, wrong)
    return texts


scripts._texts = trusting

from evergreen.wsgi import application  # noqa: E402

__all__ = ["application"]
