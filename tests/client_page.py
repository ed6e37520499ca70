"""Pages of the documents that are for clients: the programs that they show."""

import re
import uuid

from configuration import ROOT

DOCS = ROOT / "docs"


def program(language: str, base_url: str, page: str = "client.md") -> str:
    """All blocks of this language together, in their order, for this shop and a user of its own."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", (DOCS / page).read_text("utf-8"), re.DOTALL | re.MULTILINE)
    text = "\n".join(blocks).replace("http://127.0.0.1:8080", base_url)
    return text.replace("ada@example.com", f"{uuid.uuid4()}@example.com")
