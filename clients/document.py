"""Write clients/openapi.json: `python -m clients.document`.

What breaks clients is named, and the file is left as it is, unless `--accept-breaking` is given.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from clients.changes import breaking_changes

PATH = Path(__file__).parent / "openapi.json"


def committed() -> dict[str, Any]:
    """The document in the repository."""
    document: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))
    return document


def generated() -> dict[str, Any]:
    """The document that the API serves."""
    from shop.api.documents import schema_json

    document: dict[str, Any] = json.loads(schema_json())
    return document


def text(document: dict[str, Any]) -> str:
    """The document as the file has it."""
    return f"{json.dumps(document, indent=1, ensure_ascii=False)}\n"


def main() -> int:
    """Write the file; 1 where a change breaks clients and is not accepted."""
    parser = argparse.ArgumentParser(prog="python -m clients.document", description=__doc__)
    parser.add_argument("--accept-breaking", action="store_true", help="write it though clients break")
    arguments = parser.parse_args()
    document = generated()
    changes = breaking_changes(committed(), document) if PATH.exists() else []
    for change in changes:
        print(f"breaking: {change}", file=sys.stderr)
    if changes and not arguments.accept_breaking:
        print("Not written. --accept-breaking writes it.", file=sys.stderr)
        return 1
    PATH.write_text(text(document), encoding="utf-8")
    return 0


if __name__ == "__main__":
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evergreen.settings")
    django.setup()
    sys.exit(main())
