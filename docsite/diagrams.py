"""The diagrams of the documents, drawn from text: `python -m docsite.diagrams` writes docs/diagrams/*.svg anew.

A `.dot` file says what a diagram has; how it looks is here, once for all of them. Colours are classes of a style sheet
within the SVG, so that a reader's system decides on light or dark, on the site and on GitHub alike.
"""

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from docsite.repository import ROOT

DIAGRAMS = ROOT / "docs" / "diagrams"
GRAPHVIZ = Path(sys.executable).parent / "graphviz-pure"
TIMEOUT_S = 20
#: Graphviz measures texts by the widths of Helvetica. They are shown smaller than measured, so that a wider font of the
#: reader's system does not overflow.
SHOWN_PER_MEASURED = 0.87
#: What every diagram begins with.
DEFAULTS = """
  graph [fontname="Helvetica", fontsize=15, pad=0.2, nodesep=0.3, ranksep=0.4, labeljust=l]
  node [fontname="Helvetica", fontsize=15, shape=box, style=rounded, margin="0.1,0.08", height=0.45]
  edge [fontname="Helvetica", fontsize=13.8, arrowsize=0.7]
"""
STYLE = """
<style>
  svg { --bg: #fff; --surface: #f5f7f6; --line: #77847d; --text: #18201c; --muted: #55615a;
        --good: #1a6139; --good-bg: #e4f2e9; --bad: #a3221b; --bad-bg: #fbe8e6; --group: #d5dcd8; }
  @media (prefers-color-scheme: dark) {
    svg { --bg: #101412; --surface: #1b221e; --line: #7d8a83; --text: #e6ece9; --muted: #a3afa9;
          --good: #74d29d; --good-bg: #15301f; --bad: #ff9a91; --bad-bg: #3b1815; --group: #333d38; }
  }
  text { fill: var(--text); font-family: Helvetica, Arial, "Liberation Sans", sans-serif; }
  .graph > polygon { fill: var(--bg); stroke: none; }
  .cluster > :is(polygon, path) { fill: none; stroke: var(--group); }
  .cluster > text, .edge > text { fill: var(--muted); }
  .node > :is(path, polygon, ellipse) { fill: var(--surface); stroke: var(--line); }
  .node.good > :is(path, polygon) { fill: var(--good-bg); stroke: var(--good); }
  .node.bad > :is(path, polygon) { fill: var(--bad-bg); stroke: var(--bad); }
  .edge > path { fill: none; stroke: var(--line); }
  .edge > polygon { fill: var(--line); stroke: var(--line); }
  .edge.good > path { stroke: var(--good); } .edge.good > polygon { fill: var(--good); stroke: var(--good); }
  .edge.bad > path { stroke: var(--bad); } .edge.bad > polygon { fill: var(--bad); stroke: var(--bad); }
</style>
"""

_PROLOGUE = re.compile(r"^.*?(?=<svg )", re.DOTALL)
#: A unit of Graphviz is a pixel here.
_POINTS = re.compile(r'(?<=")(\d+)pt(?=")')
_FONT_SIZE = re.compile(r'font-size="([\d.]+)"')
#: Names of nodes as tooltips, comments, and the colours of Graphviz.
_CLUTTER = re.compile(r"<title>[^<]*</title>\n|<!--.*?-->\n| (?:fill|stroke|font-family)=\"[^\"]*\"", re.DOTALL)


def sources() -> Sequence[Path]:
    """The text of each diagram."""
    return sorted(DIAGRAMS.glob("*.dot"))


def drawn(source: str) -> str:
    """The SVG of this text. Raises CalledProcessError where the text is not of Graphviz's language."""
    text = source.replace("{", "{" + DEFAULTS, 1)
    command = [str(GRAPHVIZ), "-Tsvg"]
    answer = subprocess.run(command, input=text, capture_output=True, text=True, check=True, timeout=TIMEOUT_S)
    svg = _CLUTTER.sub("", _POINTS.sub(r"\1", _PROLOGUE.sub("", answer.stdout)))
    return _FONT_SIZE.sub(_shown, svg).replace("<g ", STYLE.lstrip() + "<g ", 1)


def _shown(size: re.Match[str]) -> str:
    return f'font-size="{float(size[1]) * SHOWN_PER_MEASURED:.1f}"'


def main() -> None:
    """Draw every diagram."""
    for source in sources():
        source.with_suffix(".svg").write_text(drawn(source.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
