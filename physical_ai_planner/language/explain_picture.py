"""An explanation as a page for the browser: a row for each part of the goal, a column for each word of the sentence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment

from physical_ai_planner.language.explain import Explanation, Reason
from physical_ai_planner.language.heads import LEAST_NATS, SHOWN

_PAGE = """<!doctype html><meta charset="utf-8"><title>Why this goal</title>
<style>
body{font:15px/1.5 system-ui,sans-serif;margin:2rem;color:#222;max-width:76rem}
table{border-collapse:collapse;margin:.6rem 0 2.2rem}
th{font-weight:500;padding:.25rem .5rem;text-align:left;white-space:nowrap}
td{padding:0;width:3.4rem;min-width:3.4rem;border:1px solid #fff;vertical-align:bottom}
td div{height:1.15rem;font-size:.72rem;line-height:1.15rem;text-align:center}
.no th,.no td{opacity:.32} code{background:#f2f2f2;padding:.1rem .3rem} .mark{padding-left:.8rem;font-size:.85rem}
.key span{display:inline-block;width:1rem;height:.8rem;margin:0 .3rem 0 1rem}
</style>
<h1>Why this goal なぜこの目標か</h1>
<p class="key">For each part of the goal, word by word:<span style="background:rgb(31,119,180)"></span>what the model
attended to <span style="background:rgb(214,126,44)"></span>what the part loses when the word is left out (nats).
A row counts where both agree (rank correlation at least {{ shown }}); the others are pale and say nothing.</p>
{% for e in explanations %}
<h2>{{ e.sentence }}</h2><p><code>{{ e.line }}</code></p>
<table><tr><th></th>{% for w in e.words %}<th>{{ w }}</th>{% endfor %}<th></th></tr>
{% for r in e.reasons %}<tr{% if not r.shown %} class="no"{% endif %}><th>{{ r.part }}: <b>{{ r.text }}</b></th>
{% for seen, lost in cells(r) %}<td><div style="background:rgba(31,119,180,{{ seen[0] }})">{{ seen[1] }}</div>
<div style="background:rgba(214,126,44,{{ lost[0] }})">{{ lost[1] }}</div></td>{% endfor %}
<th class="mark">{{ "%.2f"|format(r.agreement) }}</th></tr>{% endfor %}</table>
{% endfor %}"""

Cell = tuple[float, str]


def cells(reason: Reason) -> list[tuple[Cell, Cell]]:
    """For each word (opacity, text) of the attention and of the loss; figures only where they stand out."""
    most_seen, most_lost = max(reason.attention), max(max(reason.lost_nats), LEAST_NATS)
    found = []
    for seen, lost in zip(reason.attention, reason.lost_nats, strict=True):
        share = max(lost, 0.0) / most_lost
        found.append((
            (round(seen / most_seen, 3), f"{seen:.0%}" if seen >= 0.5 * most_seen else ""),
            (round(share, 3), f"{lost:.1f}" if lost >= LEAST_NATS and share >= 0.2 else ""),
        ))  # fmt: skip
    return found


def write_picture(explanations: Sequence[Explanation], path: Path) -> Path:
    """Write the page; everything that came from a person is escaped."""
    template = Environment(autoescape=True).from_string(_PAGE)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(template.render(explanations=explanations, cells=cells, shown=SHOWN), encoding="utf-8")
    return path
