"""header_sizes.py <g++> <include folder> <recorded.json> [record] -- <folders of other headers…>

What each public header costs to include, in lines that the compiler reads. Fails where one grew by more than a twentieth over what
was recorded, or is not recorded; "record" writes the file anew. It also sees which macros Keywarden's own headers leave
defined: none but KEYWARDEN_….

All headers are preprocessed once, together; what one of them costs is what it and all that it includes have in lines. The
lines are Keywarden's, Botan's, or others'. Keywarden's are always compared; Botan's where its version is the recorded one; others'
where compiler and Boost are. What is not compared is said. Exits with 77 (skipped) where the compiler is not g++.
"""

import collections
import json
import pathlib
import re
import subprocess
import sys

GROWTH = 0.05
SMALL = 100  # lines that never matter
SKIPPED = 77
MARKER = re.compile(r'^# \d+ "((?:[^"\\]|\\.)*)"((?: \d)*)')
INCLUDE = re.compile(r'^#include(?:_next)? ([<"])([^>"]+)[>"]')
DEFINED = re.compile(r"^#define (\w+)(?:\([^)]*\))?\s?(.*)")
UNDEFINED = re.compile(r"^#undef (\w+)")


class Reading:
    """What g++ -E -dD -dI says: per file its own lines and what it includes, and the macros that files leave defined."""

    def __init__(self, text):
        self.lines = collections.Counter()
        self.includes = collections.defaultdict(set)
        self.macros = {}  # name: (value, file)
        entered = {}  # as it is spelled: path
        repeated = []  # (includer, as it is spelled), when nothing was entered
        stack, asked = [""], None
        for line in text.split("\n"):
            if line.startswith("# ") and (marker := MARKER.match(line)):
                if " 1" in marker[2]:
                    self.includes[stack[-1]].add(marker[1])
                    if asked:
                        entered.setdefault(asked, marker[1])
                    stack.append(marker[1])
                    asked = None
                elif " 2" in marker[2]:
                    stack.pop()
                    stack[-1] = marker[1]
                else:
                    stack[-1] = marker[1]
            elif line.startswith("#"):
                if include := INCLUDE.match(line):
                    if asked:
                        repeated.append((stack[-1], asked))
                    asked = include[2]
                elif macro := DEFINED.match(line):
                    self.macros[macro[1]] = (macro[2], stack[-1])
                elif macro := UNDEFINED.match(line):
                    self.macros.pop(macro[1], None)
            elif line and not line.isspace():
                self.lines[stack[-1]] += 1
                if asked:
                    repeated.append((stack[-1], asked))
                    asked = None
        for includer, name in repeated:
            beside = str(pathlib.PurePath(includer).parent / name)
            found = beside if beside in self.lines else entered.get(name)
            if found and found != includer:
                self.includes[includer].add(found)

    def all_of(self, file):
        """The file and everything that it includes."""
        seen, left = {file}, [file]
        while left:
            for each in self.includes.get(left.pop(), ()):
                if each not in seen:
                    seen.add(each)
                    left.append(each)
        return seen

    def value(self, name):
        return self.macros.get(name, ("", ""))[0].strip()


def kind_of(reading):
    return {"compiler": f"g++ {reading.value('__GNUC__')}",
            "botan": ".".join(reading.value(f"BOTAN_VERSION_{part}") for part in ("MAJOR", "MINOR", "PATCH")),
            "boost": reading.value("BOOST_VERSION")}


def cost_of(reading, file, include):
    """Lines of the file and what it includes: [Keywarden's, Botan's, others']."""
    cost = [0, 0, 0]
    for each in reading.all_of(file):
        owner = 0 if each.startswith(f"{include}/keywarden/") else 1 if "/botan/" in each else 2
        cost[owner] += reading.lines[each]
    return cost


def comparable(recorded, kind):
    """Which columns say something here, and a sentence about each that does not."""
    columns, sentences = [0], []
    if recorded["botan"] == kind["botan"]:
        columns.append(1)
    else:
        sentences.append(f"Botan's lines are not compared: recorded with {recorded['botan']}, and this is {kind['botan']}")
    if (recorded["compiler"], recorded["boost"]) == (kind["compiler"], kind["boost"]):
        columns.append(2)
    else:
        sentences.append("Other libraries' lines are not compared: recorded with {compiler} and Boost {boost}, and this is ".format(**recorded)
                         + "{compiler} and Boost {boost}".format(**kind))
    return columns, sentences


def compare(recorded, counted, columns=(0, 1, 2)):
    """What is wrong, one sentence a header, the greatest growth first."""
    names = ("Keywarden's", "Botan's", "others'")
    grown = []
    for header, now in counted.items():
        before = recorded.get(header)
        if before is None:
            grown.append((float("inf"), f"{header}: {sum(now):,} lines, not recorded"))
            continue
        was, lines = (sum(each[i] for i in columns) for each in (before, now))
        if lines > was * (1 + GROWTH) and lines > was + SMALL:
            parts = ", ".join(f"{names[i]} {now[i] - before[i]:+,}" for i in columns if now[i] != before[i])
            grown.append((lines / was, f"{header}: {was:,} -> {lines:,} lines (+{100 * (lines / was - 1):.0f} %: {parts})"))
    gone = [f"{header}: recorded, but not there" for header in recorded if header not in counted]
    return [sentence for _, sentence in sorted(grown, key=lambda each: (-each[0], each[1]))] + gone


def leaked(reading, include):
    """Macros that Keywarden's own files leave to whoever includes them."""
    return sorted(f"{name}, by {file}" for name, (_, file) in reading.macros.items()
                  if file.startswith(f"{include}/keywarden/") and not name.startswith("KEYWARDEN_"))


def written(kind, counted):
    rows = ",\n".join(f"  {json.dumps(header)}: {json.dumps(cost)}" for header, cost in counted.items())
    head = json.dumps({**kind, "columns": ["keywarden", "botan", "others"]}, indent=1)[:-2]
    return head + ',\n "lines": {\n' + rows + "\n }\n}\n"


def main(arguments):
    split = arguments.index("--")
    (compiler, include, table, *rest), folders = arguments[:split], arguments[split + 1:]
    include, table = pathlib.Path(include).resolve(), pathlib.Path(table)
    version = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True).stdout
    if "Free Software Foundation" not in version:
        print(f"skipped: the sizes are counted with g++, and this is {version.splitlines()[0]}")
        return SKIPPED
    headers = sorted(each.relative_to(include / "keywarden").as_posix() for each in (include / "keywarden").rglob("*.hpp"))
    public = [each for each in headers if "/detail/" not in each]
    command = [compiler, "-std=c++20", "-E", "-dD", "-dI", f"-I{include}", *(word for folder in folders if folder not in ("", "/usr/include", str(include)) for word in ("-isystem", folder)),
               "-x", "c++", "-"]

    def read(these):
        text = "".join(f"#include <keywarden/{header}>\n" for header in these)
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        return Reading(done.stdout), done

    reading, done = read(headers)
    if done.returncode != 0 and (missing := re.search(r"fatal error: (\S+): No such file", done.stderr)):
        print(f"skipped: {missing[1]} is not here")
        return SKIPPED
    if done.returncode != 0:
        print(done.stderr)
        return 1

    leaks = leaked(reading, include)
    for macro in leaks:
        print(f"a macro is left to whoever includes the headers: {macro}")
    kind = kind_of(reading)
    counted = {header: cost_of(reading, f"{include}/keywarden/{header}", include) for header in public}
    if "record" in rest:
        table.write_text(written(kind, counted), encoding="utf-8")
        return 1 if leaks else 0

    recorded = json.loads(table.read_text(encoding="utf-8"))
    columns, sentences = comparable(recorded, kind)
    wrong = compare(recorded["lines"], counted, columns)
    for sentence in [*sentences, *wrong]:
        print(sentence)
    for header in [each.split(":")[0] for each in wrong[:5]]:
        file = f"{include}/keywarden/{header}"
        largest = sorted(((sum(cost_of(reading, each, include)), each) for each in reading.includes.get(file, ())), reverse=True)[:4]
        if largest:
            print(f"{header} reads most by: " + ", ".join(f"{pathlib.PurePath(each).parent.name}/{pathlib.PurePath(each).name} ({lines:,})" for lines, each in largest))
    if wrong:
        print("Include less; or, if it is worth that, record it: cmake --build build/dev --target record_header_sizes")
    return 1 if wrong or leaks else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
