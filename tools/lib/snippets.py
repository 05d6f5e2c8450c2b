#!/usr/bin/env python3
"""snippets.py <repository> [--fix]: C++ in Markdown is, word for word, part of a program that is compiled.

A block of C++ (```cpp) in README.md or docs/ stands below a line that names a marker and a file:

    <!-- [first_seal] from examples/first_seal.cpp; tests/architecture checks that it is the same -->

and is what stands between the lines "//[first_seal" and "//]" in that file, which is below examples/ or tests/. --fix writes
the blocks anew; an empty one is enough to begin with. Code of other libraries is in blocks of another name (```text).
"""

import pathlib
import re
import sys
import textwrap

NOTE = "tests/architecture checks that it is the same"
ANNOUNCED = re.compile(r"^<!-- \[(\w+)\] from ([\w./]+); " + NOTE + r" -->$")


def pages(repository):
    return [repository / "README.md", *sorted((repository / "docs").rglob("*.md"))]


def marked(repository, marker, file):
    """The text between the marker's lines, or nothing. Other markers' lines in it are left out."""
    path = repository / file
    if not file.startswith(("examples/", "tests/")) or not path.exists():
        return None
    after = re.split(rf"(?m)^\s*//\[{marker}\n", path.read_text(encoding="utf-8"))
    if len(after) != 2:
        return None
    found = re.search(r"(?m)^\s*//\]$", after[1])
    return textwrap.dedent(after[1][:found.start()]).strip("\n") if found else None


def look_at(repository, path, fix=False):
    """What is wrong on a page, as (line, message); --fix mends what can be mended."""
    lines = path.read_text(encoding="utf-8").split("\n")
    wrong, at = [], 0
    while at < len(lines):
        if not re.match(r"^\s*```\s*\{?\.?(cpp|cc|cxx)\b", lines[at]):
            at += 1
            continue
        end = next((i for i in range(at + 1, len(lines)) if lines[i].strip() == "```"), len(lines))
        note = ANNOUNCED.match(lines[at - 1]) if at > 0 else None
        current = marked(repository, note[1], note[2]) if note else None
        if note is None:
            wrong.append((at + 1, "C++ that names no marker of a compiled program above it"))
        elif current is None:
            wrong.append((at + 1, f"there is no marker [{note[1]}] in {note[2]}"))
        elif "\n".join(lines[at + 1:end]) != current:
            if fix:
                lines[at + 1:end] = current.split("\n")
                end = at + 1 + len(current.split("\n"))
            else:
                wrong.append((at + 1, f"differs from the marker [{note[1]}] in {note[2]}; tools/check --fix docs writes it anew"))
        at = end + 1
    if fix:
        path.write_text("\n".join(lines), encoding="utf-8")
    return wrong


def main():
    repository, fix = pathlib.Path(sys.argv[1]).resolve(), "--fix" in sys.argv[2:]
    wrong = [(path, *each) for path in pages(repository) for each in look_at(repository, path, fix)]
    for path, line, message in wrong:
        print(f"{path.relative_to(repository)}:{line}: {message}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
