"""header_sizes.py <compiler> <include folder> <recorded.json> <kind> [record] -- <flags…>: what each public header costs to include,
in lines after preprocessing. Fails where one is over a tenth above what was recorded, or is not recorded; "record" writes the table anew.
The counts depend on the compiler's and the libraries' headers: exits with 77 (skipped) where <kind> is another than the recorded one.

It also sees which macros Keywarden's own headers leave defined: none but KEYWARDEN_…
"""

import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys

GROWTH = 0.10
SKIPPED = 77
MARKER = re.compile(r'^# \d+ "([^"]*)"')
DEFINED = re.compile(r"^#define (\w+)")
UNDEFINED = re.compile(r"^#undef (\w+)")


def run(command, header):
    done = subprocess.run([*command, "-x", "c++", "-"], input=f"#include <keywarden/{header}>\n", capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{header} cannot be preprocessed:\n{done.stderr}")
    return done.stdout


def lines_of(preprocessed):
    """How many lines a compiler reads: those that are neither empty nor line markers."""
    return sum(1 for line in preprocessed.splitlines() if line.strip() and not line.startswith("# "))


def leaked(preprocessed, include):
    """The macros that files below `include` leave defined in the output of -dD."""
    ours, found = False, set()
    for line in preprocessed.splitlines():
        if marker := MARKER.match(line):
            ours = marker[1].startswith(str(include) + "/")
        elif ours and (macro := DEFINED.match(line)):
            found.add(macro[1])
        elif macro := UNDEFINED.match(line):
            found.discard(macro[1])
    return sorted(each for each in found if not each.startswith("KEYWARDEN_"))


def compare(recorded, counted):
    """What is wrong, one sentence a header, the greatest growth first."""
    grown = []
    for header, lines in counted.items():
        before = recorded.get(header)
        if before is None:
            grown.append((float("inf"), f"{header}: {lines} lines, not recorded"))
        elif lines > before * (1 + GROWTH):
            grown.append((lines / before, f"{header}: {before} -> {lines} lines (+{100 * (lines / before - 1):.0f} %)"))
    gone = [f"{header}: recorded, but not there" for header in recorded if header not in counted]
    return [sentence for _, sentence in sorted(grown, key=lambda each: (-each[0], each[1]))] + gone


def main(arguments):
    split = arguments.index("--")
    (compiler, include, table, kind, *rest), flags = arguments[:split], arguments[split + 1:]
    include, table = pathlib.Path(include).resolve(), pathlib.Path(table)
    command = [compiler, "-std=c++20", "-E", f"-I{include}", *(word for flag in flags if flag for word in ("-isystem", flag))]
    headers = sorted(each.relative_to(include / "keywarden").as_posix() for each in (include / "keywarden").rglob("*.hpp"))
    public = [each for each in headers if "/detail/" not in f"/{each}"]
    recorded = {} if "record" in rest else json.loads(table.read_text(encoding="utf-8"))

    leaks = {macro for header in ("keywarden.hpp", "endpoints.hpp") for macro in leaked(run([*command, "-dD"], header), include)}
    for macro in sorted(leaks):
        print(f"the macro {macro} is left to whoever includes the headers")
    if recorded and recorded["kind"] != kind:
        print(f"the sizes were recorded with {recorded['kind']}, and this is {kind}")
        return 1 if leaks else SKIPPED

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as several:
        counted = dict(zip(public, several.map(lambda header: lines_of(run(command, header)), public)))
    if "record" in rest:
        table.write_text(json.dumps({"kind": kind, "lines": counted}, indent=1) + "\n", encoding="utf-8")
        return 1 if leaks else 0
    wrong = compare(recorded["lines"], counted)
    for sentence in wrong:
        print(sentence)
    if wrong:
        print("Include less; or, if this is worth it, record it: the same command with \"record\" before \"--\".")
    return 1 if wrong or leaks else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
