#!/usr/bin/env python3
"""passed_tests.py choose <build directory> <source directory> <digests> [<ctest arguments>] | remember <build directory> <report> <digests>

Which tests need not run again, because they passed and nothing that they read has changed since.

    choose     prints which of the tests that ctest's arguments select are to run, in the form of its -I option (which
               counts only those that are selected); "none", or nothing if all of them are. Writes their digests into <digests>.
    remember   reads ctest's JUnit report, and keeps the digests of the tests that passed

A test's digest covers its command line, its environment's settings, every program and script named there or in REQUIRED_FILES, every file below
tests/, docs/, examples/, benchmarks/ and tools/ that is not compiled, the installed packages, and the environment variables KEYWARDEN_*.
Tests of the tree as a whole (labels architecture, compile_fail and cmake) are quick or look after themselves: they
always run.
"""

import hashlib
import json
import os
import pathlib
import subprocess
import sys
import xml.etree.ElementTree

ALWAYS = {"architecture", "compile_fail", "cmake"}
KEPT = "passed_tests.json"


def properties_of(test):
    return {each["name"]: each["value"] for each in test.get("properties", [])}


class Digests:
    """Digests of files, each read once."""

    def __init__(self, source):
        self.seen = {}
        common = hashlib.sha256()
        for name in sorted(os.environ):
            if name.startswith("KEYWARDEN_"):
                common.update(f"{name}={os.environ[name]}\0".encode())
        read = [pathlib.Path("/var/lib/dpkg/status")]
        for folder in ("tests", "docs", "examples", "benchmarks", "tools"):
            read += sorted(
                path for path in (source / folder).rglob("*")
                if path.is_file() and path.suffix not in (".cpp", ".hpp", ".pyc") and path.name != "CMakeLists.txt")
        for path in read:
            common.update(f"{path}\0{self.of_file(path)}\0".encode())
        self.common = common.hexdigest()

    def of_file(self, path):
        key = str(path)
        if key not in self.seen:
            try:
                with open(path, "rb") as file:
                    self.seen[key] = hashlib.file_digest(file, "sha256").hexdigest() if hasattr(
                        hashlib, "file_digest") else hashlib.sha256(file.read()).hexdigest()
            except OSError as problem:
                self.seen[key] = type(problem).__name__
        return self.seen[key]

    def of_test(self, test):
        properties = properties_of(test)
        required = properties.get("REQUIRED_FILES", [])
        digest = hashlib.sha256(self.common.encode())
        digest.update(f"{properties.get('ENVIRONMENT', [])}\0".encode())
        for word in test["command"]:
            digest.update(f"{word}\0".encode())
        for path in [*test["command"], *required]:
            if os.path.isfile(path):
                digest.update(f"{path}\0{self.of_file(path)}\0".encode())
        return digest.hexdigest()


def load(path):
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
        return found if isinstance(found, dict) else {}
    except (OSError, ValueError):
        return {}


def choose(build, source, seen_file, selection):
    listing = subprocess.run(["ctest", "--test-dir", build, "--show-only=json-v1", *selection],
                             capture_output=True, text=True, check=True)
    tests = json.loads(listing.stdout)["tests"]
    digests = Digests(source)
    passed = load(build / KEPT)
    seen, numbers = {}, []
    for number, test in enumerate(tests, start=1):
        if "command" not in test:  # its program is not built
            numbers.append(number)
            continue
        if ALWAYS.isdisjoint(properties_of(test).get("LABELS", [])):
            seen[test["name"]] = digests.of_test(test)
            if passed.get(test["name"]) == seen[test["name"]]:
                continue
        numbers.append(number)
    seen_file.write_text(json.dumps(seen), encoding="utf-8")
    if not numbers:
        print("none")
    elif len(numbers) < len(tests):
        print(",".join(["0", "0", "0", *map(str, numbers)]))


def remember(build, report, seen_file):
    kept, seen = load(build / KEPT), load(seen_file)
    for case in xml.etree.ElementTree.parse(report).getroot().iter("testcase"):
        name = case.get("name")
        kept.pop(name, None)
        if case.get("status") == "run" and name in seen:
            kept[name] = seen[name]
    partial = build / (KEPT + ".new")
    partial.write_text(json.dumps(kept, indent=0, sort_keys=True), encoding="utf-8")
    partial.replace(build / KEPT)


def main():
    verb, build, source_or_report, seen_file = sys.argv[1], *map(pathlib.Path, sys.argv[2:5])
    if verb == "choose":
        choose(build, source_or_report, seen_file, sys.argv[5:])
    else:
        remember(build, source_or_report, seen_file)


if __name__ == "__main__":
    main()
