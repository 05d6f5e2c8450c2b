"""compile_time.py <page.md> <include folder> <header_sizes.json> -- <folders of other headers…>

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


def tables(include, sizes, flags):
    versions = [subprocess.run([each, "-dumpfullversion" if each == "g++" else "-dumpversion"], capture_output=True, text=True, check=True)
                .stdout.strip() for each in COMPILERS]
    text = f"Measured with g++ {versions[0]} and clang++ {versions[1]}, Botan {sizes['botan']}, Boost {int(sizes['boost']) // 100000}.{int(sizes['boost']) // 100 % 1000}; "
    text += "seconds of one processor, MiB at the peak, thousands of lines read.\n"
    for folder in FOLDERS:
        headers = [each for each in sizes["lines"] if each.split("/")[0] == folder or (not folder and "/" not in each)]
        text += f"\n## {folder + '/' if folder else 'Whole parts'}\n\n| header | g++ s | MiB | clang++ s | MiB | lines | of them Keywarden's |\n|---|---|---|---|---|---|---|\n"
        for header in headers:
            measured = [cost(each, flags, header) for each in COMPILERS]
            cells = " | ".join(f"{seconds:.2f} | {memory:.0f}" for seconds, memory in measured)
            lines = sizes["lines"][header]
            text += f"| `{header.removeprefix(folder + '/')}` | {cells} | {sum(lines) / 1000:.0f} | {lines[0] / 1000:.1f} |\n"
            print(header, cells, flush=True)
    return text


def main(arguments):
    split = arguments.index("--")
    page, include, sizes = map(pathlib.Path, arguments[:split])
    flags = [f"-I{include}", *(word for folder in arguments[split + 1:] for word in ("-isystem", folder))]
    text = page.read_text(encoding="utf-8")
    measured = tables(include, json.loads(sizes.read_text(encoding="utf-8")), flags)
    page.write_text(TABLES.sub(lambda found: found[1] + measured + found[2], text), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
