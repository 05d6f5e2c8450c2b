#!/usr/bin/env python3
"""report.py <report.json>: prints Google Benchmark's results as one self-contained HTML page."""

import html
import json
import sys

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Keywarden benchmarks</title>
<style>
  :root {{ color-scheme: light dark; }}
  body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }}
  table {{ border-collapse: collapse; width: 100%; margin-bottom: 2rem; }}
  th, td {{ text-align: right; padding: .25rem .6rem; border-bottom: 1px solid #8884; font-variant-numeric: tabular-nums; }}
  th:first-child, td:first-child {{ text-align: left; }}
  td.bar {{ width: 30%; }} td.bar div {{ background: #4a7fb5; height: .7rem; border-radius: 2px; }}
</style>
<h1>Keywarden benchmarks</h1>
<p>{context}</p>
{tables}
</html>
"""

UNITS = {"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9}


def duration(nanoseconds):
    for unit, scale in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if nanoseconds >= scale:
            return f"{nanoseconds / scale:.3g} {unit}"
    return f"{nanoseconds:.3g} ns"


def throughput(run):
    speed = run.get("bytes_per_second")
    return f"{speed / 1e6:,.0f} MB/s" if speed else ""


def table(operation, runs):
    times = [run["real_time"] * UNITS[run["time_unit"]] for run in runs]
    longest = max(times) or 1
    rows = []
    for run, time in zip(runs, times):
        rows.append(
            f"<tr><td>{html.escape(run['name'])}</td><td>{duration(time)}</td>"
            f"<td>{duration(run['cpu_time'] * UNITS[run['time_unit']])}</td><td>{throughput(run)}</td>"
            f"<td class=bar><div style='width:{100 * time / longest:.1f}%'></div></td></tr>")
    return (f"<h2>{html.escape(operation)}</h2><table><tr><th>benchmark<th>time<th>CPU<th>throughput<th></tr>"
            + "\n".join(rows) + "</table>")


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        report = json.load(file)
    operations = {}
    for run in report["benchmarks"]:
        if run.get("run_type") == "aggregate" and run.get("aggregate_name") != "median":
            continue
        if "error_occurred" not in run:
            operations.setdefault(run["name"].split("/")[0], []).append(run)
    context = report["context"]
    words = (f"{context['date']}, {context['num_cpus']} processors at {context['mhz_per_cpu']} MHz, "
             f"Google Benchmark, build type of the benchmark library: {context['library_build_type']}")
    print(PAGE.format(context=html.escape(words), tables="\n".join(table(o, r) for o, r in operations.items())))


main()
