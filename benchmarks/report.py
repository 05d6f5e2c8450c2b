#!/usr/bin/env python3
"""report.py <report.json>: prints a run of the benchmarks as one self-contained HTML page.

Charts are drawn here, as SVG; the page asks nothing of the network. `summary` is the short form for a terminal.
"""

import html
import json
import math
import sys

import claims

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #fff; --card: #f6f7f9; --ink: #1b1f24; --soft: #57606a; --rule: #d4d9df;
  --accent: #0b62c4; --good: #0f7a3d; --good-soft: #d9f2e3; --bad: #b3261e; --bad-soft: #fbe1df; --none: #57606a; --none-soft: #e7eaee;
  --slower: #0b62c4; --faster: #b3261e; --wash: #fdf0ef;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171b; --card: #1c2127; --ink: #e6e9ed; --soft: #a3acb7; --rule: #343b44;
    --accent: #6cb0ff; --good: #6fd79b; --good-soft: #16351f; --bad: #ff9c93; --bad-soft: #411b19; --none: #a3acb7; --none-soft: #2a3038;
    --slower: #6cb0ff; --faster: #ff9c93; --wash: #2a1c1d;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 70rem; padding: 1.5rem 1rem 4rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
h1 { font-size: 1.7rem; margin: 0 0 .25rem; } h2 { font-size: 1.2rem; margin: 2.5rem 0 .25rem; } h3 { font-size: 1rem; margin: 1.5rem 0 .25rem; }
ul { margin: .3rem 0; padding-left: 1.2rem; } summary { cursor: pointer; color: var(--soft); }
p { margin: .25rem 0 1rem; max-width: 46rem; } .soft { color: var(--soft); }
.tally { display: flex; flex-wrap: wrap; gap: .5rem; margin: 1rem 0; }
.chip { display: inline-block; padding: .05rem .55rem; border-radius: 1rem; font-size: .85rem; font-weight: 600; white-space: nowrap; }
.holds { background: var(--good-soft); color: var(--good); } .fails { background: var(--bad-soft); color: var(--bad); }
.absent { background: var(--none-soft); color: var(--none); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: 0; } dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; margin: .5rem 0 1rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums; }
th { color: var(--soft); font-weight: 600; } th, td { text-align: right; padding: .3rem .6rem; border-bottom: 1px solid var(--rule); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
.scroll.wide th:first-child, .scroll.wide td:first-child { position: sticky; left: 0; background: var(--paper); }
.claims td:first-child { white-space: normal; } .claims .note { display: block; color: var(--soft); font-size: .85rem; }
.claims th:nth-child(4), .claims td:nth-child(4) { text-align: left; width: 1%; }
td.ours { font-weight: 650; } td .spread { color: var(--soft); font-size: .85em; }
.panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(19rem, 100%), 1fr)); gap: 1rem; margin: 1rem 0; }
figure { margin: 0; padding: .75rem .75rem .5rem; background: var(--card); border-radius: .5rem; }
figcaption { font-weight: 600; font-size: .9rem; margin-bottom: .25rem; }
svg { display: block; width: 100%; height: auto; } svg text { fill: var(--soft); font: 12px system-ui, sans-serif; }
svg .grid { stroke: var(--rule); stroke-width: 1; } svg .even { stroke: var(--ink); stroke-width: 1.5; } svg .wash { fill: var(--wash); }
svg .line { fill: none; stroke: var(--slower); stroke-width: 2; } svg .whisker { stroke: var(--slower); stroke-width: 5; stroke-opacity: .3; }
svg .dot { fill: var(--slower); } svg .dot.lost { fill: var(--faster); } svg .whisker.lost { stroke: var(--faster); } svg .value { fill: var(--ink); }
.bar { display: inline-block; width: 100%; min-width: 6rem; } .bar rect { fill: var(--accent); }
td.draw { width: 34%; } .phases { font-size: .85rem; } .key { display: inline-block; width: .8rem; height: .8rem; border-radius: .15rem; margin: 0 .3rem 0 .8rem; vertical-align: -.1rem; }
@media (max-width: 34rem) {
  body { padding: 1rem .75rem 3rem; } .claims thead { display: none; } .claims tr { display: block; padding: .5rem 0; border-bottom: 1px solid var(--rule); }
  .claims td { display: inline-block; border: 0; padding: 0 .75rem 0 0; text-align: left; width: auto; } .claims td:first-child { display: block; }
  .claims th[colspan] { display: block; border: 0; padding: .75rem 0 0; text-align: left; }
  td.draw { min-width: 7rem; }
}
"""

PHASE_COLOURS = ["#3b82c4", "#d98324", "#4f9d5d", "#b6539b", "#8a7a3f", "#c2504a", "#3f9a9a", "#7d68c9", "#7b8794", "#a0714f"]
REACH = {1: "Sealing with Botan alone", 2: "Provider by size, against every peer", 3: "Handshakes", 4: "TLS records",
         5: "Streams and files", 6: "Admission", 7: "Opening a vault"}
OPERATIONS = {
    "seal": ("Sealing a message", "In the caller's buffer, where the message already lies."),
    "open": ("Opening a message", "From a sealed message that stays as it is, into the caller's buffer."),
    "seal_vector": ("Sealing into memory of its own", ""),
    "open_vector": ("Opening into memory of its own", ""),
    "stream_seal": ("Sealing a stream", "In memory, with one thread and with two; elapsed time of the slowest thread is in report.json."),
    "stream_open": ("Opening a stream", "In memory."),
    "unwrap": ("Opening a key record", "With each protector and combination of protectors."),
    "admit": ("Deciding who may connect", ""),
    "config": ("Reading a configuration", ""),
    "vault": ("Opening a vault", ""),
    "rotation": ("Rotating a key", ""),
    "rewrap": ("Giving what a key protects to a new one", "A record by its steps and whole; then everything below a master key, in SQLite."),
    "handshake": ("Handshakes", "CPU of both sides together."),
    "records": ("TLS records", ""),
    "profile": ("Where the time goes", "Of what wears profiled<…>: the clocks between the phases cost some of it. Handshakes: both sides together."),
}


def escape(text):
    return html.escape(str(text))


def duration(ns):
    for unit, scale in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if ns >= scale:
            return f"{ns / scale:.3g} {unit}" if ns / scale < 1000 else f"{ns / scale:,.0f} {unit}"
    return f"{ns:.3g} ns" if ns < 100 else f"{ns:.0f} ns"


def times(ratio):
    return f"{ratio:.3g}×" if ratio < 9.995 else f"{ratio:,.0f}×" if ratio >= 99.5 else f"{ratio:.1f}×"


def exact(ratio):
    return f"{ratio:.2f}×" if ratio < 100 else f"{ratio:,.0f}×"


def scrolling(name, table, kind="scroll"):
    """A table that scrolls where it is wider than the page: named, and within reach of the keyboard."""
    return f'<div class="{kind}" role="region" aria-label="{escape(name)}" tabindex="0"><table{table}</table></div>'


def chip(verdict, text=None):
    return f'<span class="chip {verdict}">{escape(text or verdict)}</span>'


def split(name):
    """operation, policy, size: the size is None where there is none."""
    parts = name.split("/")
    size = int(parts[-1]) if len(parts) > 2 and parts[-1].isdigit() else None
    return parts[0], "/".join(parts[1:-1] if size is not None else parts[1:]), size


def label(policy):
    return claims.PEERS.get(policy, policy)  # ours as they are named, so that a filter finds them


# ---- claims ----------------------------------------------------------------------------------------------------------------


def by_reach(made):
    groups = {}
    for each in made:
        groups.setdefault(each["reach"], []).append(each)
    return groups


def claims_table(made):
    rows = []
    for reach, group in by_reach(made).items():
        rows.append(f'<tr><th colspan="4" scope="rowgroup">{reach}. {escape(REACH.get(reach, ""))}</th></tr>')
        if len(group) > 1 and all(each["verdict"] == "absent" for each in group):
            names = "".join(f"<li>{escape(each['name'])}, {each['sign']} {exact(each['target'])}</li>" for each in group)
            rows.append(f'<tr><td colspan="3"><details><summary>{len(group)} claims, none measured in this run</summary>'
                        f'<ul>{names}</ul></details></td><td>{chip("absent")}</td></tr>')
            continue
        for each in group:
            note = f'<span class="note">{escape(each["note"])}</span>' if each["note"] else ""
            ratio = exact(each["ratio"]) if each["ratio"] is not None else "–"
            rows.append(f'<tr><td>{escape(each["name"])}{note}</td><td><b>{ratio}</b></td>'
                        f'<td class="soft">{each["sign"]} {exact(each["target"])}</td><td>{chip(each["verdict"])}</td></tr>')
    return scrolling("Claims", ' class="claims"><thead><tr><th>claim<th>measured<th>target<th>verdict</thead><tbody>'
                     + "\n".join(rows) + "</tbody>")


def tally(made):
    return {verdict: sum(each["verdict"] == verdict for each in made) for verdict in ("holds", "fails", "absent")}


# ---- charts ----------------------------------------------------------------------------------------------------------------


def ratio_panel(title, points, low, high):
    """One peer: its time divided by ours, by size. `points`: (size, ratio, least, most)."""
    width, height, left, right, top, bottom = 340, 190, 40, 12, 16, 24

    def x(at):
        return left + (width - left - right) * (at + 0.5) / len(points)

    def y(ratio):
        share = (math.log(min(max(ratio, low), high)) - math.log(low)) / (math.log(high) - math.log(low))
        return height - bottom - share * (height - top - bottom)

    drawn = [f'<rect class="wash" x="{left}" y="{y(1):.1f}" width="{width - left - right}" height="{y(low) - y(1):.1f}"/>']
    for tick in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100):
        if low <= tick <= high:
            kind = "even" if tick == 1 else "grid"
            drawn.append(f'<line class="{kind}" x1="{left}" x2="{width - right}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>'
                         f'<text x="{left - 5}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:g}×</text>')
    for at, (size, _, _, _) in enumerate(points):
        if len(points) <= 6 or at % 2 == 0:
            drawn.append(f'<text x="{x(at):.1f}" y="{height - 6}" text-anchor="middle">{claims.text_of(size).replace(" ", "")}</text>')
    path = " ".join(f"{'L' if at else 'M'}{x(at):.1f},{y(ratio):.1f}" for at, (_, ratio, _, _) in enumerate(points))
    drawn.append(f'<path class="line" d="{path}"/>')
    shown = {0, len(points) - 1, max(range(len(points)), key=lambda at: points[at][1]),
             min(range(len(points)), key=lambda at: points[at][1])}
    for at, (size, ratio, least, most) in enumerate(points):
        lost = " lost" if ratio < 1 else ""
        drawn.append(f'<line class="whisker{lost}" x1="{x(at):.1f}" x2="{x(at):.1f}" y1="{y(least):.1f}" y2="{y(most):.1f}"/>'
                     f'<circle class="dot{lost}" cx="{x(at):.1f}" cy="{y(ratio):.1f}" r="3.5">'
                     f'<title>{claims.text_of(size)}: {exact(ratio)} ({exact(least)} to {exact(most)})</title></circle>')
        if at in shown:
            below = y(ratio) - 9 < top
            drawn.append(f'<text class="value" x="{x(at):.1f}" y="{y(ratio) + (17 if below else -9):.1f}" '
                         f'text-anchor="middle">{times(ratio)}</text>')
    spoken = f"{title}: its time divided by ours, " + ", ".join(f"{claims.text_of(s)} {exact(r)}" for s, r, _, _ in points)
    return (f'<figure><figcaption>{escape(title)}</figcaption><svg viewBox="0 0 {width} {height}" role="img" '
            f'aria-label="{escape(spoken)}">{"".join(drawn)}</svg></figure>')


def ratio_panels(by_policy, ours):
    """Small multiples with the same axes: how long each peer takes for what takes us 1."""
    panels = {}
    for policy, by_size in by_policy.items():
        if policy not in claims.PEERS:
            continue
        points = []
        for size in sorted(by_size):
            mine, theirs = by_policy[ours].get(size), by_size[size]
            if mine and "cpu_ns" in mine and "cpu_ns" in theirs:
                points.append((size, theirs["cpu_ns"] / mine["cpu_ns"], theirs["low_ns"] / mine["high_ns"],
                               theirs["high_ns"] / mine["low_ns"]))
        if points:
            panels[policy] = points
    if not panels:
        return ""
    every = [ratio for points in panels.values() for _, ratio, _, _ in points]
    low, high = min(0.5, min(every) * 0.8), max(2.2, min(max(every) * 1.3, 8))
    order = [policy for policy in claims.PEERS if policy in panels]
    return ('<div class="panels">' + "".join(ratio_panel(label(policy), panels[policy], low, high) for policy in order)
            + "</div>")


def bar(share):
    return (f'<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" style="height:.7rem" aria-hidden="true">'
            f'<rect width="{max(100 * share, 0.5):.1f}" height="10" rx="1"/></svg>')


def phase_bars(title, runs):
    """Where the time of a benchmark goes, for those that say it."""
    runs = [each for each in runs if each.get("phases")]
    if not runs:
        return ""
    names = list(dict.fromkeys(name for each in runs for name in each["phases"]))
    colours = {name: PHASE_COLOURS[at % len(PHASE_COLOURS)] for at, name in enumerate(names)}
    rows = []
    for each in runs:
        whole = sum(each["phases"].values()) or 1
        at, drawn = 0.0, []
        for name, ns in each["phases"].items():
            wide = 100 * ns / whole
            drawn.append(f'<rect x="{at:.2f}" width="{wide:.2f}" height="10" style="fill:{colours[name]}">'
                         f"<title>{escape(name)}: {duration(ns)}</title></rect>")
            at += wide
        rows.append(f'<tr><td>{escape(each["name"])}</td><td>{duration(sum(each["phases"].values()))}</td><td class="draw">'
                    f'<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" style="height:1rem">{"".join(drawn)}</svg></td></tr>')
    key = "".join(f'<span class="key" style="background:{colours[name]}"></span>{escape(name)}' for name in names)
    return (f'<h3>Phases, as shares of the whole</h3><p class="phases">{key}</p>'
            + scrolling(f"{title}: phases", "><tbody>" + "\n".join(rows) + "</tbody>"))


# ---- tables ----------------------------------------------------------------------------------------------------------------


def sized_table(title, by_policy):
    sizes = sorted({size for by_size in by_policy.values() for size in by_size})
    head = "".join(f"<th>{claims.text_of(size)}" for size in sizes)
    rows = []
    known = list(claims.PEERS)
    for policy, by_size in sorted(by_policy.items(), key=lambda pair: known.index(pair[0]) if pair[0] in known else -1):
        kind = "" if policy in claims.PEERS else ' class="ours"'
        cells = []
        for size in sizes:
            run = by_size.get(size)
            if run is None or "cpu_ns" not in run:
                cells.append(f'<td class="soft" title="{escape((run or {}).get("absent", "not in this run"))}">–</td>')
                continue
            speed = f"{size / run['cpu_ns']:.2f} GB/s, " if size else ""
            cells.append(f'<td title="{speed}{duration(run["low_ns"])} to {duration(run["high_ns"])}">{duration(run["cpu_ns"])}</td>')
        rows.append(f"<tr><td{kind}>{escape(label(policy))}</td>{''.join(cells)}</tr>")
    return scrolling(f"{title}: CPU time by size", f'><thead><tr><th>CPU time, median{head}</thead><tbody>{"".join(rows)}</tbody>',
                     "scroll wide")


def plain_table(title, runs):
    there = [each for each in runs if "cpu_ns" in each]
    longest = max((each["cpu_ns"] for each in there), default=1)
    shortest = min((each["cpu_ns"] for each in there), default=1)
    wide = longest / shortest > 50  # then the bars are logarithmic

    def share(ns):
        return (math.log(ns / shortest) + 0.3) / (math.log(longest / shortest) + 0.3) if wide else ns / longest

    rows = []
    for each in runs:
        name = escape(label(each["name"].split("/", 1)[-1]))
        if "cpu_ns" not in each:
            rows.append(f'<tr><td>{name}</td><td class="soft" colspan="3">{escape(each.get("absent", "absent"))}</td></tr>')
            continue
        rows.append(f'<tr><td>{name}</td><td>{duration(each["cpu_ns"])}</td><td><span class="spread">{duration(each["low_ns"])} to '
                    f'{duration(each["high_ns"])}</span></td><td class="draw">{bar(share(each["cpu_ns"]))}</td></tr>')
    scale = " (logarithmic)" if wide else ""
    return scrolling(f"{title}: CPU time", f"><thead><tr><th>benchmark<th>CPU<th>quartiles<th>as a bar{scale}</thead><tbody>"
                     + "\n".join(rows) + "</tbody>")


def operation_section(operation, runs):
    title, words = OPERATIONS.get(operation, (operation.replace("_", " ").capitalize(), ""))
    by_policy = {}
    for each in runs:
        _, policy, size = split(each["name"])
        by_policy.setdefault(policy, {})[size] = each
    sized = all(size is not None for by_size in by_policy.values() for size in by_size)
    made = [f"<h2>{escape(title)}</h2>", f'<p class="soft">{escape(words)}</p>' if words else ""]
    if sized:
        ours = next((policy for policy in (*claims.BY_SIZE, "aes256_gcm") if policy in by_policy), None)
        charts = ratio_panels(by_policy, ours) if ours else ""
        if charts:
            made.append(f'<p class="soft">How long each peer takes for what takes {escape(label(ours))} 1; on the tinted side the '
                        "peer is faster. Bars: from the quartiles of both.</p>")
        made += [charts, sized_table(title, by_policy)]
    else:
        made.append(plain_table(title, runs))
    made.append(phase_bars(title, runs))
    return "".join(made)


def files_section(files):
    if not files:
        return ""
    rows = "".join(
        f'<tr><td>{escape(each["program"])}, {each["operation"]}</td><td>{claims.text_of(each["bytes"])}</td>'
        f'<td>{each["cpu_s"]:.3f} s</td><td>{each["elapsed_s"]:.3f} s</td><td>{each["bytes"] / each["cpu_s"] / 1e6:,.0f} MB/s</td>'
        f'<td>{each["peak_kib"] / 1024:.1f} MiB</td></tr>' for each in files if each["cpu_s"] > 0)
    where = ", ".join(sorted({escape(each["file_system"]) for each in files if "file_system" in each}))
    return ("<h2>A file, beside other programs</h2><p class='soft'>Each on one core. OpenSSL's program authenticates nothing."
            + (f" On a file system that the kernel calls {where}." if where else "") + "</p>"
            + scrolling("A file, beside other programs", "><thead><tr><th>program<th>file<th>CPU<th>elapsed<th>throughput<th>memory</thead>"
                        f"<tbody>{rows}</tbody>"))


def headers_section(headers):
    there = sorted((each for each in headers if "cpu_s" in each), key=lambda each: -each["cpu_s"])
    if not there:
        return ""
    longest = there[0]["cpu_s"] or 1
    rows = "".join(f'<tr><td>{escape(each["header"])}</td><td>{each["cpu_s"]:.2f} s</td><td>{each["peak_mib"]:.0f} MiB</td>'
                   f'<td class="draw">{bar(each["cpu_s"] / longest)}</td></tr>' for each in there)
    return ("<h2>Including a header</h2><p class='soft'>Reading it alone with the compiler of this run, nothing generated.</p>"
            + scrolling("Including a header", f"><thead><tr><th>header<th>CPU<th>memory<th>as a bar</thead><tbody>{rows}</tbody>"))


def page(made):
    verdicts = tally(made["claims"])
    by_operation = {}
    for each in made["benchmarks"]:
        by_operation.setdefault(split(each["name"])[0], []).append(each)
    facts = "".join(f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in made["machine"].items())
    sections = "".join(operation_section(operation, by_operation[operation])
                       for operation in sorted(by_operation, key=lambda name: (list(OPERATIONS) + [name]).index(name)))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Keywarden benchmarks</title>
<style>{STYLE}</style>
</head>
<body>
<h1>Keywarden benchmarks</h1>
<p class="soft">{escape(made["date"])}, {escape(made["extent"])} run of {made["seconds"]} s. Medians of CPU time, repetitions interleaved.
Compare within this page only: absolute times belong to the machine.</p>
<div class="tally">{"".join(chip(verdict, f"{count} {'hold' if verdict == 'holds' else 'fail' if verdict == 'fails' else 'absent'}") for verdict, count in verdicts.items())}</div>
<dl>{facts}</dl>
<h2>Claims</h2>
<p class="soft">“absent”: this run has not measured it, because a peer or component is not there or a filter left it out.</p>
{claims_table(made["claims"])}
{sections}
{files_section(made["files"])}
{headers_section(made["headers"])}
</body>
</html>
"""


# ---- terminal --------------------------------------------------------------------------------------------------------------


def summary(made, colours=False):
    paint = {"holds": "\033[32m", "fails": "\033[31m", "absent": "\033[2m"} if colours else {}
    plain = "\033[0m" if colours else ""
    lines = []
    wide = max((len(each["name"]) for each in made["claims"] if each["verdict"] != "absent"), default=0)
    for reach, group in by_reach(made["claims"]).items():
        lines.append(f"{reach}. {REACH.get(reach, '')}")
        there = [each for each in group if each["verdict"] != "absent"]
        for each in there:
            lines.append(f"   {paint.get(each['verdict'], '')}{each['verdict']:6}{plain} {each['name']:{wide}} "
                         f"{exact(each['ratio']):>9}  {each['sign']} {exact(each['target'])}")
        if len(there) < len(group):
            lines.append(f"   {paint.get('absent', '')}absent{plain} {len(group) - len(there)} not measured in this run")
    verdicts = tally(made["claims"])
    lines.append(f"{verdicts['holds']} hold, {verdicts['fails']} fail, {verdicts['absent']} absent")
    return "\n".join(lines)


def main():
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    try:
        with open(sys.argv[1], encoding="utf-8") as file:
            made = json.load(file)
        made["claims"] = claims.judge(made)
        print(page(made))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as wrong:
        raise SystemExit(f"error: {sys.argv[1]} is not a report of tools/bench: {type(wrong).__name__}: {wrong}") from None


if __name__ == "__main__":
    main()
