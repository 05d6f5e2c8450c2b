#!/usr/bin/env python3
"""run.py <compile_commands.json> <compiler> <case.cpp> <stamp>

Checks a program that must not compile. Its first line is

    // expects: <words of the compiler's message> | <another compiler's words for it>

and the line that is wrong stands between #ifndef TWIN and #else, its right form between #else and #endif. With TWIN
defined the program must compile, so the case cannot fail for another reason: the target compile_fail_twins does that.
Without, the compiler must refuse it and say what is expected: that is tried here, just as the tests are compiled, with
their precompiled header, but without making code.

<stamp> remembers what a case passed with: it is not compiled again until the case, a header, the flags or the compiler
change. Remove it to compile all the same.
"""

import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys


def flags_of_tests(compile_commands, compiler):
    """How the carrier of the tests' precompiled header is compiled, without launcher, input and output."""
    with open(compile_commands, encoding="utf-8") as file:
        entry = next(entry for entry in json.load(file) if entry["file"].endswith("tests/pch.cpp"))
    words = shlex.split(entry["command"])
    words = words[words.index(compiler) + 1 :]
    flags = []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word in ("-o", "-c"):
            skip = True
        else:
            flags.append(word)
    return flags


def compile_case(compiler, flags, case, *extra):
    command = [compiler, *flags, "-w", "-fsyntax-only", "-fdiagnostics-color=never", *extra, case]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


def everything_it_depends_on(compiler, flags, case):
    """A digest of the case, this program, all of the library's headers, the flags and the compiler's binary."""
    root = pathlib.Path(__file__).resolve().parents[2]
    facts = os.stat(compiler)
    seen = hashlib.sha256(repr((compiler, facts.st_size, facts.st_mtime_ns, flags)).encode())
    for path in [pathlib.Path(__file__), pathlib.Path(case), *sorted((root / "include").rglob("*.hpp"))]:
        seen.update(str(path).encode() + b"\0" + path.read_bytes() + b"\0")
    return seen.hexdigest()


def main():
    compile_commands, compiler, case, stamp = sys.argv[1:]
    flags = flags_of_tests(compile_commands, compiler)
    stamp = pathlib.Path(stamp)
    digest = everything_it_depends_on(compiler, flags, case)
    if stamp.exists() and stamp.read_text(encoding="utf-8") == digest:
        print(f"{case}: nothing has changed since it passed")
        return
    with open(case, encoding="utf-8") as file:
        source = file.read()

    expects = re.match(r"// expects: (.+)\n", source)
    if not expects:
        sys.exit(f"{case}: the first line must be '// expects: <words of the message>'")
    if source.count("#ifndef TWIN") != 1:
        sys.exit(f"{case}: exactly one '#ifndef TWIN … #else … #endif' must hold the line that differs")

    for limit in (["-fmax-errors=1"], []):  # the first error is mostly the one, and stopping there saves half the time
        code, message = compile_case(compiler, flags, case, *limit)
        if code == 0:
            sys.exit(f"{case}: compiles, but must be refused with: {expects[1]}")
        flat = " ".join(message.split())
        if any(" ".join(words.split()) in flat for words in expects[1].split(" | ")):
            break
    else:
        sys.exit(f"{case}: refused, but without the words: {expects[1]}\n{message}")
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(digest, encoding="utf-8")


main()
