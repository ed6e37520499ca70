"""Fills the shop with made-up data, or with a real grocer's."""

import time
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Sequence
from dataclasses import replace
from secrets import token_urlsafe
from typing import Any

import orjson
from django.core.management import BaseCommand, CommandError
from rich.console import Console

from exactly_once.errors import Unavailable
from shop.bootstrap import Container
from shop.domain.carts import MAX_GUEST_CARTS
from shop.management.store import answering
from shop.payments.fake import FakeProvider
from shop.seeding import completejourney, completejourney_files, madeup, sample
from shop.seeding.load import Loader, Tally
from shop.seeding.plan import Plan
from shop.seeding.watching import watching

ALL = -1
COMPLETE, SAMPLE = "completejourney", "sample"
#: How much is made where nothing is said.
USERS, PRODUCTS, PURCHASES, BASKETS = 100, 1_000, 1_000, 20_000
#: The same, where no number at all is given: else none.
VOUCHERS, CARTS, PAYMENTS = 20, 50, 200
NUMBERS = ("users", "products", "purchases", "vouchers", "carts", "payments")
CARTS_WAY, LINES_WAY = "carts", "lines"
#: Seconds that the store may be away, for a failover or longer, before seeding gives up.
TIMEOUT_S = 120.0
NO_PROVIDER = (
    "Carts are paid by the fake provider, which this shop has not got: start it with EVERGREEN_PAYMENT_PROVIDERS=fake, "
    "as `make run` does, and give this command the same."
)
AGAIN = "Run the same command again: it goes on where this ended."


class Command(BaseCommand):
    help = (
        "Fills the shop. Every id comes from the data: stop it and run it again any time, and nothing is doubled. "
        "Seeded users cannot sign in, unless --password gives all of them one."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        real = (
            "the year of a real grocer (completejourney: 92,331 products, 2,500 households, 155,848 baskets), or a "
            "sample of its catalogue that comes with the project (sample: 2,000 products)"
        )
        parser.add_argument("--dataset", choices=(COMPLETE, SAMPLE), help=real)
        parser.add_argument("--users", type=_number, help=f"made-up users (default: {USERS:,})")
        parser.add_argument("--products", type=_number, help=f"made-up products (default: {PRODUCTS:,})")
        how_many = (
            f"made-up purchases (default: {PURCHASES:,}), or baskets of the dataset (default: {BASKETS:,}), or all"
        )
        parser.add_argument("--purchases", type=_number_or_all, help=how_many)
        parser.add_argument("--vouchers", type=_number, help=f"made-up vouchers ({_of_a_plain(VOUCHERS)})")
        parser.add_argument("--carts", type=_number, help=f"made-up carts that are not paid ({_of_a_plain(CARTS)})")
        paid = "made-up purchases of carts, paid by the fake provider, in every status"
        parser.add_argument("--payments", type=_number, help=f"{paid} ({_of_a_plain(PAYMENTS)})")
        through = (
            "carts: of every purchase make a cart, buy it, pay it by the fake provider, ship and deliver it; the "
            "coupons of the dataset are vouchers then (default: lines, in one step)"
        )
        parser.add_argument("--through", choices=(LINES_WAY, CARTS_WAY), default=LINES_WAY, help=through)
        parser.add_argument("--random-seed", type=int, help="another seed, other made-up data (default: 1)")
        parser.add_argument("--password", help="for every user that is made now; hashed once and shared by all")
        parser.add_argument("--json", action="store_true", help="print what was done as JSON")

    def handle(self, **options: Any) -> None:
        try:
            self._seed(options)
        except KeyboardInterrupt:
            raise CommandError(f"Stopped. {AGAIN}", returncode=130) from None
        except completejourney_files.DatasetMissing as error:
            raise CommandError(str(error), returncode=2) from error
        except Unavailable as error:
            raise CommandError(f"{error} {AGAIN}") from error

    def _seed(self, options: dict[str, Any]) -> None:
        began = time.monotonic()
        _check(options)
        store = answering()
        has_fake = FakeProvider.name in store.shop.providers
        if not has_fake and (options["through"] == CARTS_WAY or options["payments"] or options["carts"]):
            raise CommandError(NO_PROVIDER, returncode=2)
        password_hash = _password_hash(store, options["password"])
        plan = _plan(options, has_fake=has_fake)
        with watching(Console(stderr=True)) as watch:
            loader = Loader(
                shop=store.shop,
                existence=store.existence,
                password_hash=password_hash,
                watch=watch,
                timeout_s=TIMEOUT_S,
            )
            tallies = list(loader.load(plan))
        report = _json if options["json"] else _text
        self.stdout.write(report(tallies, plan.left_out, time.monotonic() - began))


def _check(options: dict[str, Any]) -> None:
    if options["dataset"]:
        _check_dataset(options)
    elif options["purchases"] == ALL:
        raise CommandError("Made-up purchases have no end: say how many, or name a --dataset.")
    elif (options["carts"] or 0) > MAX_GUEST_CARTS:
        raise CommandError(f"Guests have at most {MAX_GUEST_CARTS:,} carts: ask for that many.")
    else:
        _check_buyers(options)


def _check_dataset(options: dict[str, Any]) -> None:
    made_up = ("users", "products", "vouchers", "carts", "payments", "random_seed")
    if named := [name for name in made_up if options[name] is not None]:
        raise CommandError(f"--{named[0].replace('_', '-')} is for made-up data: leave it out, or --dataset.")
    if options["dataset"] == SAMPLE and (options["purchases"] is not None or options["through"] == CARTS_WAY):
        raise CommandError(
            "The sample has no purchases: leave --purchases and --through out, or name another --dataset."
        )


def _check_buyers(options: dict[str, Any]) -> None:
    asked = [options["purchases"] != 0, options["carts"], options["payments"]]
    if any(asked) and 0 in (options["users"], options["products"]):
        raise CommandError("Purchases need users and products: make some, or say --purchases 0.")


def _plan(options: dict[str, Any], *, has_fake: bool) -> Plan:
    if options["dataset"] == SAMPLE:
        return sample.plan()
    is_through_carts = options["through"] == CARTS_WAY
    if options["dataset"]:
        baskets = _or(options["purchases"], BASKETS)
        grocer = completejourney_files.read(with_coupons=is_through_carts)
        plan = completejourney.plan(grocer, None if baskets == ALL else baskets)
        return replace(plan, is_through_carts=is_through_carts)
    is_plain = all(options[name] is None for name in NUMBERS)
    return madeup.plan(
        madeup.Numbers(
            users=_or(options["users"], USERS),
            products=_or(options["products"], PRODUCTS),
            purchases=_or(options["purchases"], PURCHASES),
            seed=_or(options["random_seed"], 1),
            vouchers=_or(options["vouchers"], VOUCHERS if is_plain else 0),
            carts=_or(options["carts"], CARTS if is_plain and has_fake else 0),
            payments=_or(options["payments"], PAYMENTS if is_plain and has_fake else 0),
            is_through_carts=is_through_carts,
        )
    )


def _password_hash(store: Container, password: str | None) -> str:
    if password is None:
        # A hash like any other, so that signing in fails as it does for anybody: of a password that nobody knows.
        return store.shop.passwords.hash(token_urlsafe())
    if faults := store.shop.passwords.weaknesses(password):
        raise CommandError(f"--password: {faults[0].detail}")
    return store.shop.passwords.hash(password)


def _json(tallies: Sequence[Tally], left_out: Sequence[str], seconds: float) -> str:
    kinds = {
        tally.kind: {
            "wanted": tally.wanted,
            "present": tally.present,
            "made": tally.made,
            "refused": dict(tally.refused),
            "seconds": round(tally.seconds, 3),
            "per_second": round(tally.rate, 1),
        }
        for tally in tallies
    }
    return orjson.dumps({**kinds, "left_out": left_out, "seconds": round(seconds, 3)}).decode()


def _text(tallies: Sequence[Tally], left_out: Sequence[str], seconds: float) -> str:
    lines = [_sentence(tally) for tally in tallies]
    lines += [f"Left out: {what}." for what in left_out]
    return "\n".join([*lines, f"Done in {seconds:.1f} s."])


def _sentence(tally: Tally) -> str:
    text = f"{tally.kind.capitalize()}: {tally.made:,} made"
    if tally.made:
        text += f" in {tally.seconds:.1f} s ({tally.rate:,.0f}/s)"
    reasons = ", ".join(f"{count:,} refused ({reason})" for reason, count in tally.refused.items())
    return ", ".join(filter(None, (text, f"{tally.present:,} there already", reasons))) + "."


def _of_a_plain(number: int) -> str:
    return f"default: {number} where no number is given, else none"


def _or(given: int | None, otherwise: int) -> int:
    return otherwise if given is None else given


def _number(text: str) -> int:
    if not text.isdecimal():
        raise ArgumentTypeError(f"{text} is no number")
    return int(text)


def _number_or_all(text: str) -> int:
    return ALL if text == "all" else _number(text)
