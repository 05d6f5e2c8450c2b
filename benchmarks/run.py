#!/usr/bin/env python3
"""run.py [--quick | --full] [--filter REGEX] [--build DIR]: runs the benchmarks and writes report.json and report.html.

  --quick          fewer sizes and repetitions: under two minutes
  --full           also streams and files of 4 GiB (needs 13 GiB of disk), and every header
  --filter REGEX   only the benchmarks whose names match, such as '^seal/'; no files, no headers
  --build DIR      the build to run (default: build/bench)
"""

import argparse
import json
import os
import pathlib
import platform
import re
import subprocess
import sys
import time

import claims
import compile_time
import files
import report

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
QUICK_SIZES = {16, 64, 1024, 16384, 1 << 20}
TO_NS = {"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9}


class Progress:
    """One line a step; on a terminal the line of the step at work is rewritten with the time it takes."""

    def __init__(self, out):
        self.out = out
        self.live = out.isatty()

    def step(self, done, total, what):
        text = f"    [{done:2}/{total}] {what}"
        if self.live:
            self.out.write(f"\r\033[K{text}" if done < total else f"\r\033[K{text}\n")
        else:
            self.out.write(text + "\n")
        self.out.flush()

    def close(self):
        if self.live:
            self.out.write("\r\033[K")
            self.out.flush()


def groups_of(names):
    """Benchmarks that are compared with each other run together, their repetitions interleaved."""
    made = {}
    for name in names:
        parts = name.split("/")
        by_size = parts[0] in ("seal", "open", "seal_vector", "open_vector") and len(parts) == 3
        key = f"{parts[0]} {claims.text_of(int(parts[2]))}" if by_size and parts[2].isdigit() else parts[0]
        made.setdefault(key, []).append(name)
    return made


def wanted(name, quick):
    size = name.split("/")[-1]
    if not quick:
        return True
    if name.startswith(("seal_vector/", "open_vector/")):
        return size == "1024"
    if name.startswith(("seal/", "open/")):
        return int(size) in QUICK_SIZES
    # What takes long to prepare, and what no claim is about.
    return not re.search(r"/100_rules|/1000_rules|/open_10000_keys|^request/1000000", name)


def run_once(program, names, repetitions, min_time, environment):
    # Names hold no characters that a regular expression reads otherwise but the dot.
    alternatives = "|".join(re.escape(name) for name in names)
    command = [program, f"--benchmark_filter=^({alternatives})$", "--benchmark_format=json",
               f"--benchmark_repetitions={repetitions}", f"--benchmark_min_time={min_time}",
               "--benchmark_enable_random_interleaving=true"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        raise SystemExit(f"error: {program} failed\n{done.stderr.strip()}")
    return json.loads(done.stdout)


def run_group(program, group, names, repetitions, min_time, environment):
    """Where a few nanoseconds count, each repetition in a process of its own: where memory happens to lie counts as much."""
    apart = group.split(" ")[0] in ("seal", "open", "handshake", "records")
    runs = [run_once(program, names, 1, min_time, environment) for _ in range(repetitions)] if apart else [
        run_once(program, names, repetitions, min_time, environment)]
    return {"context": runs[0]["context"], "benchmarks": [each for run in runs for each in run["benchmarks"]]}


def summarised(raw):
    """Google Benchmark's repetitions as one record each: medians, and the quartiles as their spread."""
    runs, made = {}, []
    for run in raw["benchmarks"]:
        if run.get("run_type") == "iteration":
            runs.setdefault(run["run_name"], []).append(run)
    for name, repeated in runs.items():
        clean = re.sub(r"/(real_time|process_time|min_time:[^/]*|iterations:\d+|manual_time)", "", name)
        record = {"name": clean}
        refusal = next((run["error_message"] for run in repeated if run.get("error_occurred")), None)
        if refusal is not None:
            made.append(record | {"absent": refusal})
            continue
        scale = TO_NS[repeated[0]["time_unit"]]
        for key, kind in (("cpu_ns", "cpu_time"), ("real_ns", "real_time")):
            times = sorted(run[kind] * scale for run in repeated)
            record[key] = median(times)
            if key == "cpu_ns":
                record["low_ns"], record["high_ns"] = quantile(times, 0.25), quantile(times, 0.75)
        if "bytes_per_second" in repeated[0]:
            record["bytes"] = round(repeated[0]["bytes_per_second"] * repeated[0]["cpu_time"] * scale / 1e9)
        phases = {key[len("phase:"):]: median(sorted(run[key] for run in repeated))
                  for key in repeated[0] if key.startswith("phase:")}
        if phases:
            record["phases"] = phases
        record["repetitions"] = len(repeated)
        made.append(record)
    return made


def quantile(ordered, share):
    at = share * (len(ordered) - 1)
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)


def median(ordered):
    return quantile(ordered, 0.5)


def machine(context):
    """What a reader must know to judge the numbers; nothing that names the machine or its owner."""
    cpu = platform.processor() or platform.machine()
    for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if os.path.exists("/proc/cpuinfo") else []:
        if line.startswith("model name"):
            cpu = line.split(":", 1)[1].strip()
            break
    made = {"processor": cpu, "cores": os.cpu_count(), "system": f"{platform.system()} {platform.release()}"}
    for key in ("compiler", "botan", "openssl", "libsodium"):
        made[key] = context.get(key, "absent")
    made["age"] = files.version_of("age")
    made["openssl program"] = files.version_of("openssl")
    made["load before"] = [round(each, 2) for each in os.getloadavg()]
    return made


def options():
    parser = argparse.ArgumentParser(prog="tools/bench", usage=argparse.SUPPRESS, description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    extent = parser.add_mutually_exclusive_group()
    extent.add_argument("--quick", action="store_true", help=argparse.SUPPRESS)
    extent.add_argument("--full", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--filter", default="", help=argparse.SUPPRESS)
    parser.add_argument("--build", default=str(ROOT / "build" / "bench"), help=argparse.SUPPRESS)
    return parser.parse_args()


def main():
    given = options()
    build = pathlib.Path(given.build)
    program = str(build / "benchmarks" / "keywarden_bench")
    environment = dict(os.environ)
    if given.full:
        environment["KEYWARDEN_BENCH_FULL"] = "1"
    listed = subprocess.run([program, "--benchmark_list_tests=true"], capture_output=True, text=True, env=environment,
                            check=True).stdout.split()
    names = [name for name in listed if wanted(name, given.quick) and re.search(given.filter, name)]
    if not names:
        raise SystemExit(f"error: no benchmark's name matches '{given.filter}'; {program} --benchmark_list_tests=true lists them")
    repetitions, min_time = (5, 0.01) if given.quick else (9, 0.05)

    groups = groups_of(names)
    extras = [] if given.filter else ["files", "headers"]
    total = len(groups) + len(extras)
    progress = Progress(sys.stdout)
    began = time.monotonic()
    made = {"extent": "quick" if given.quick else "full" if given.full else "default", "benchmarks": [], "files": [],
            "headers": []}
    context = {}
    for done, (group, members) in enumerate(groups.items()):
        progress.step(done + 1, total, f"{group}: {len(members)} benchmarks, {time.monotonic() - began:.0f} s so far")
        raw = run_group(program, group, members, repetitions, min_time, environment)
        context |= raw["context"]
        made["benchmarks"] += summarised(raw)
    made["machine"] = machine(context)
    made["date"] = time.strftime("%Y-%m-%d")
    if extras:
        progress.step(total - 1, total, f"files beside age and openssl, {time.monotonic() - began:.0f} s so far")
        made["files"] = files.measure(build / "benchmarks" / "stream_file",
                                      4 << 30 if given.full else 128 << 20 if given.quick else 256 << 20)
        progress.step(total, total, f"compiling headers alone, {time.monotonic() - began:.0f} s so far")
        made["headers"] = compile_time.measure(ROOT, build, made["extent"])
    progress.close()
    made["seconds"] = round(time.monotonic() - began)
    made["claims"] = claims.judge(made)

    (build / "report.json").write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (build / "report.html").write_text(report.page(made), encoding="utf-8")
    print(report.summary(made, colours=sys.stdout.isatty() and not os.environ.get("NO_COLOR")))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
