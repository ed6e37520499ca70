"""docs/client.md: the programs that it shows."""

import re
import uuid

from configuration import ROOT

PAGE = ROOT / "docs" / "client.md"


def program(language: str, base_url: str) -> str:
    """All blocks of this language together, in their order, for this shop and a user of its own."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    text = "\n".join(blocks).replace("http://127.0.0.1:8080", base_url)
    return text.replace("ada@example.com", f"{uuid.uuid4()}@example.com")
