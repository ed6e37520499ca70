"""The shop of this tree as a side of a comparison that another tree makes.

    python -m benchmarks.serve --products 2000 --customers 20

starts and fills the shop, prints as one line of JSON where it is, and ends when its standard input does.
"""

import os
import sys
from argparse import ArgumentParser

import orjson

from benchmarks import sides


def main() -> None:
    parser = ArgumentParser(description="Serves the shop of this tree to a comparison.")
    parser.add_argument("--products", type=int, required=True)
    parser.add_argument("--customers", type=int, required=True)
    arguments = parser.parse_args()
    products = sides.products_for_sale(arguments.products)
    with sides.shop(products, arguments.customers, lambda _: None) as side:
        print(orjson.dumps(side).decode(), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evergreen.settings")
    main()
