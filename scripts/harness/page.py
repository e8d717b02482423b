"""The pages that a batch is looked at with: one of the class, one for each submission. Each is whole in itself, needs no network,
and escapes everything that comes from a submission. Colours are never alone: a cell also has a sign and a text."""
import statistics
from html import escape
from urllib.parse import quote

from harness.lab import plain

STYLE = """
:root { color-scheme: light dark; --bg: #fff; --fg: #1b1f24; --soft: #57606a; --line: #d0d7de; --head: #f2f4f7;
  --good: #d3e9fb; --good-fg: #0a3f6b; --bad: #ffdfc2; --bad-fg: #7a2e00; --none: #e9ebee; --bar: #2f78b7; --link: #0a58a8; }
@media (prefers-color-scheme: dark) { :root { --bg: #14171b; --fg: #e4e7eb; --soft: #9aa4b0; --line: #363d46; --head: #1f242b;
  --good: #123a5c; --good-fg: #bfe0ff; --bad: #5a2b08; --bad-fg: #ffd4ad; --none: #2a2f36; --bar: #5aa2e0; --link: #7db9f2; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem; max-width: 100rem; background: var(--bg); color: var(--fg); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .3rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .6rem; }
a { color: var(--link); } p.soft, .soft { color: var(--soft); }
table { border-collapse: collapse; } th, td { padding: .28rem .6rem; border: 1px solid var(--line); text-align: left; }
thead th { background: var(--head); position: sticky; top: 0; z-index: 1; vertical-align: bottom; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
.wide { overflow: auto; max-height: 85vh; border: 1px solid var(--line); } .wide table { border: 0; }
.wide tbody th { position: sticky; left: 0; background: var(--bg); font-weight: 600; } .wide thead th:first-child { left: 0; z-index: 2; }
td.pass { background: var(--good); } td.pass a { color: var(--good-fg); } td.fail { background: var(--bad); } td.fail a { color: var(--bad-fg); }
td.pass, td.fail { white-space: nowrap; } td.pass a, td.fail a { text-decoration: none; display: block; } td a:hover, td a:focus { text-decoration: underline; }
td.why { min-width: 18rem; } td.none { background: var(--none); color: var(--fg); }
button { font: inherit; font-weight: 600; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; text-align: left; }
button::after { content: " \\2195"; color: var(--soft); } th[aria-sort=ascending] button::after { content: " \\2191"; } th[aria-sort=descending] button::after { content: " \\2193"; }
pre { background: var(--head); border: 1px solid var(--line); padding: .6rem .8rem; overflow: auto; font: 13px/1.45 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; margin: .2rem 0 .8rem; }
section { border-left: .4rem solid var(--bar); padding: .1rem 1rem; margin: 1.2rem 0; } section.fail { border-color: #d9690f; } section:target { outline: 2px solid var(--link); }
section h2 { margin: .3rem 0; } dt { font-weight: 600; } dd { margin: 0; } svg text { fill: var(--fg); font: 12px system-ui, sans-serif; } svg rect { fill: var(--bar); } svg line { stroke: var(--line); }
"""

SORT = """
document.querySelectorAll("th button").forEach(function (button) {
  button.addEventListener("click", function () {
    var head = button.closest("th"), row = head.parentNode, body = head.closest("table").tBodies[0];
    var column = Array.prototype.indexOf.call(row.children, head);
    var down = head.getAttribute("aria-sort") === "ascending";
    row.querySelectorAll("th").forEach(function (other) { other.removeAttribute("aria-sort"); });
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    Array.from(body.rows).map(function (r) {
      var cell = r.cells[Math.min(column, r.cells.length - 1)], key = cell.dataset.key || cell.textContent;
      return [key, r];
    }).sort(function (a, b) {
      var x = parseFloat(a[0]), y = parseFloat(b[0]);
      var order = isNaN(x) || isNaN(y) ? String(a[0]).localeCompare(String(b[0])) : x - y;
      return down ? -order : order;
    }).forEach(function (pair) { body.appendChild(pair[1]); });
  });
});
"""


def frame(title, body, script=""):
    return (f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n<body>\n{body}\n"
            + (f"<script>{script}</script>\n" if script else "") + "</body></html>\n")


def histogram(scores, most):
    """Bars for tenths of the points; full points have a bar of their own."""
    bins = [0] * 11
    for score in scores:
        bins[min(10, int(10 * score / most)) if most else 10] += 1
    labels = [f"{10 * i}–{10 * i + 9} %" for i in range(10)] + ["100 %"]
    width, height, step, top = 58 * 11 + 20, 210, 58, max(bins + [1])
    parts = []
    for i, count in enumerate(bins):
        tall = round(150 * count / top)
        x, y = 10 + i * step, 175 - tall
        parts.append(f'<rect x="{x + 6}" y="{y}" width="{step - 12}" height="{tall}"><title>{labels[i]}: {count}</title></rect>'
                     f'<text x="{x + step / 2}" y="{y - 5}" text-anchor="middle">{count}</text>'
                     f'<text x="{x + step / 2}" y="193" text-anchor="middle">{labels[i]}</text>')
    told = ", ".join(f"{label}: {count}" for label, count in zip(labels, bins) if count) or "none"
    return (f'<svg role="img" viewBox="0 0 {width} {height}" style="max-width:100%" width="{width}" height="{height}" '
            f'aria-label="Number of submissions by share of the points. {told}"><line x1="10" y1="175" x2="{width - 10}" y2="175"/>{"".join(parts)}</svg>')


def figures(scores, most):
    if not scores:
        return "<p>Nothing is graded yet.</p>"
    rows = [("graded", len(scores)), ("mean", f"{statistics.mean(scores):.1f}"), ("median", f"{plain(statistics.median(scores))}"),
            ("standard deviation", f"{statistics.pstdev(scores):.1f}"), ("lowest", plain(min(scores))), ("highest", plain(max(scores))),
            ("full points", sum(1 for s in scores if s == most))]
    return ("<table><tbody>"
            + "".join(f'<tr><th scope="row">{name}</th><td class=n>{value}</td></tr>' for name, value in rows) + "</tbody></table>")


def index(batch, rows):
    """The page of the class. `rows`: records, or stand-ins for submissions that are not graded yet."""
    tests, most = batch["tests"], batch["max"]
    graded = [r for r in rows if not r.get("missing")]
    scores = [r["score"] for r in graded]
    verdicts = {r["id"]: {t["name"]: t for t in r["tests"]} for r in rows}
    per_test = []
    for test in tests:
        passed = sum(1 for r in graded if verdicts[r["id"]].get(test["name"], {}).get("passed"))
        share = f"{100 * passed / len(graded):.0f} %" if graded else "–"
        per_test.append(f'<tr><th scope="row">{escape(test["name"])}</th><td>{escape(test["title"])}{" (hidden)" if test["hidden"] else ""}</td>'
                        f'<td class=n>{plain(test["points"])}</td><td class=n data-key="{passed}">{passed} of {len(graded)} ({share})</td></tr>')
    head = ('<tr><th scope="col" aria-sort="ascending"><button>Submission</button></th><th scope="col" class=n><button>Score</button></th>'
            + "".join(f'<th scope="col"><button title="{escape(t["title"])}">{escape(t["name"])}</button></th>' for t in tests)
            + '<th scope="col"><button>Remark</button></th></tr>')
    body = []
    for row in rows:
        link = f'logs/{quote(row["id"])}.html'
        name = f'<th scope="row">{escape(row["name"])}</th>' if row.get("missing") else f'<th scope="row"><a href="{link}">{escape(row["name"])}</a></th>'
        cells = [name, f'<td class=n data-key="{-1 if row.get("missing") else row["score"]}">{"–" if row.get("missing") else plain(row["score"])}</td>']
        for test in tests:
            verdict = verdicts[row["id"]].get(test["name"])
            if not verdict:
                cells.append('<td class=none data-key="-1"><span aria-label="not run">○</span></td>')
                continue
            kind, sign, word = ("pass", "✓", "passed") if verdict["passed"] else ("fail", "✗", "failed")
            why = f': {verdict["why"]}' if verdict["why"] else ""
            cells.append(f'<td class={kind} data-key="{verdict["points"]}"><a href="{link}#test-{quote(test["name"])}" title="{escape(word + why)}" '
                         f'aria-label="{escape(test["name"])} {word}, {plain(verdict["points"])} points">{sign} {plain(verdict["points"])}</a></td>')
        remark = "; ".join(p for p in [row["problem"]] + row["notes"] if p)
        cells.append(f"<td class=why>{escape(remark)}</td>")
        body.append("<tr>" + "".join(cells) + "</tr>")
    content = f"""<h1>{escape(batch["title"])}</h1>
<p class=soft>Lab {escape(batch["lab"])}: {len(rows)} submissions, {len(graded)} graded, {plain(most)} points. The same as a table: <a href="scores.csv">scores.csv</a>.</p>
<h2>Scores</h2>
<div style="display:flex;flex-wrap:wrap;gap:2rem;align-items:center">{histogram(scores, most)}{figures(scores, most)}</div>
<h2>Tests</h2>
<table><thead><tr><th scope="col">Test</th><th scope="col">Title</th><th scope="col" class=n>Points</th><th scope="col" class=n>Passed</th></tr></thead><tbody>{"".join(per_test)}</tbody></table>
<h2>Submissions</h2>
<p class=soft>✓ passed, ✗ failed, ○ not run, each with its points; a cell leads to its place in the log. Columns sort by a click on their heads.</p>
<div class=wide tabindex=0 role=region aria-label="Submissions by tests"><table><thead>{head}</thead><tbody>
{chr(10).join(body)}
</tbody></table></div>"""
    return frame(f'{batch["lab"]}: scores', content, SORT)


def log(record, details):
    """The page of one submission. `details`: for each test (test, passed, points, [(title, text)])."""
    parts = [f'<p><a href="../index.html">All submissions</a></p><h1>{escape(record["name"])}</h1>',
             f'<p><b>{plain(record["score"])} of {plain(record["max"])} points</b> <span class=soft>in the lab {escape(record["title"])}; '
             f'{escape(record["file"])}, graded in {record["seconds"]:.0f} s</span></p>']
    if record["problem"]:
        parts.append(f'<section class=fail><h2>✗ Not graded</h2><pre>{escape(record["problem"])}</pre></section>')
    parts += [f"<p>Note: {escape(note)}</p>" for note in record["notes"]]
    for test, passed, points, shown in details:
        sign, word = ("✓", "passed") if passed else ("✗", "failed")
        parts.append(f'<section id="test-{quote(test.name)}" class={"pass" if passed else "fail"}><h2>{sign} {escape(test.name)}: {escape(test.title)} '
                     f'<span class=soft>{word}, {plain(points)} of {plain(test.points)} points{", hidden" if test.hidden else ""}</span></h2><dl>'
                     + "".join(f"<dt>{escape(title)}</dt><dd><pre>{escape(text)}</pre></dd>" for title, text in shown) + "</dl></section>")
    return frame(f'{record["name"]}: {record["lab"]}', "\n".join(parts))
