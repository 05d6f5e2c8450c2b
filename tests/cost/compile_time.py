"""compile_time.py <page.md> <include folder> <header_sizes.json> [new] -- <folders of other headers…>

Measures what each public header costs to include (seconds of processor time and peak memory of g++ and of clang++ that only
parse it), and writes the tables on the page anew. Takes a quarter of an hour, alone on a machine; nothing runs it by itself.
"""

import json
import os
import pathlib
import re
import subprocess
import sys

COMPILERS = ("g++", "clang++-16")
TABLES = re.compile(r"(<!-- measured by tests/cost/compile_time.py -->\n).*?(<!-- to here -->\n)", re.S)
FOLDERS = ("", "core", "crypto", "key", "protect", "store", "vault", "pki", "auth", "admit", "transport", "endpoint", "config")


def cost(compiler, flags, header):
    """(seconds, MiB) of a compiler that reads a source with this one line."""
    reading, writing = os.pipe()
    os.write(writing, f"#include <keywarden/{header}>\n".encode())
    os.close(writing)
    child = subprocess.Popen([compiler, "-std=c++20", "-fsyntax-only", *flags, "-x", "c++", "-"], stdin=reading)
    os.close(reading)
    _, status, used = os.wait4(child.pid, 0)
    if status != 0:
        sys.exit(f"{compiler} does not compile {header}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def on_page(text):
    """The measured cells of each header that the page has already."""
    found, folder = {}, ""
    for line in text.split("\n"):
        if line.startswith("## "):
            folder = line[3:] if line.endswith("/") else ""
        elif row := re.match(r"\| `([^`]+)` \| ((?:[^|]+\|){3}[^|]+) \|", line):
            found[folder + row[1]] = row[2]
    return found


def tables(sizes, flags, known):
    versions = [subprocess.run([each, "-dumpfullversion" if each == "g++" else "-dumpversion"], capture_output=True, text=True, check=True)
                .stdout.strip() for each in COMPILERS]
    text = ""
    for folder in FOLDERS:
        headers = [each for each in sizes["lines"] if each.split("/")[0] == folder or (not folder and "/" not in each)]
        text += f"\n## {folder + '/' if folder else 'Whole parts'}\n\n| header | g++ s | MiB | clang++ s | MiB | lines | of them Keywarden's |\n|---|---|---|---|---|---|---|\n"
        for header in headers:
            cells = known.get(header) or " | ".join(f"{seconds:.2f} | {memory:.0f}" for seconds, memory in (cost(each, flags, header) for each in COMPILERS))
            lines = sizes["lines"][header]
            text += f"| `{header.removeprefix(folder + '/')}` | {cells} | {sum(lines) / 1000:.0f} | {lines[0] / 1000:.1f} |\n"
            print(header, cells, flush=True)
    head = f"Measured with g++ {versions[0]} and clang++ {versions[1]}, Botan {sizes['botan']}, Boost {int(sizes['boost']) // 100000}.{int(sizes['boost']) // 100 % 1000}; "
    head += "seconds of one processor, MiB at the peak, thousands of lines read. "
    head += f"{os.cpu_count()} processors had a load of {os.getloadavg()[2]:.0f} meanwhile: over 1 makes seconds longer, not lines.\n"
    return head + text


def main(arguments):
    split = arguments.index("--")
    (page, include, sizes), more = map(pathlib.Path, arguments[:3]), arguments[3:split]
    flags = [f"-I{include}", *(word for folder in arguments[split + 1:] for word in ("-isystem", folder))]
    text = page.read_text(encoding="utf-8")
    measured = tables(json.loads(sizes.read_text(encoding="utf-8")), flags, on_page(text) if "new" in more else {})
    page.write_text(TABLES.sub(lambda found: found[1] + measured + found[2], text), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
