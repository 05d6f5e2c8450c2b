"""What it costs to include each public header: seconds of a compiler's CPU, and its memory at the most."""

import json
import os
import pathlib
import shlex
import subprocess

# What programs include, the quickest to read first.
SOME = ["key/opened_key.hpp", "admit/network_acl.hpp", "keywarden.hpp", "config/check.hpp", "transport/tls.hpp", "endpoints.hpp"]
QUICK = SOME[:3]


def flags_of(build):
    """The compiler and the flags that a source of the benchmarks is compiled with, without its own file names."""
    commands = json.loads((pathlib.Path(build) / "compile_commands.json").read_text(encoding="utf-8"))
    command = shlex.split(next(each["command"] for each in commands if each["file"].endswith("seal_bench.cpp")))
    command = command[next(i for i, word in enumerate(command) if os.path.basename(word).startswith(("c++", "g++", "clang"))):]
    made, skip = [], False
    for word in command:
        if skip or word in ("-o", "-c"):
            skip = word == "-o"
            continue
        if not word.endswith((".cpp", ".o")):
            made.append(word)
    return made


def measure_one(compiler, header):
    child = subprocess.Popen([*compiler, "-x", "c++", "-fsyntax-only", "-"], stdin=subprocess.PIPE,
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    child.stdin.write(f"#include <keywarden/{header}>\n".encode())
    child.stdin.close()
    said = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        return {"header": header, "absent": said.decode(errors="replace").strip().splitlines()[-1][:200]}
    # The memory is far more than this process's, which the system counts as well.
    return {"header": header, "cpu_s": round(usage.ru_utime + usage.ru_stime, 3), "peak_mib": round(usage.ru_maxrss / 1024, 1)}


def measure(root, build, extent):
    """Records of {header, cpu_s, peak_mib}: all public headers in a full run, some in the others."""
    include = pathlib.Path(root) / "include" / "keywarden"
    headers = [each for each in (QUICK if extent == "quick" else SOME) if (include / each).exists()]
    if extent == "full":
        headers = sorted(str(each.relative_to(include)) for each in include.rglob("*.hpp") if "detail" not in each.parts)
    compiler = flags_of(build)
    return [measure_one(compiler, header) for header in headers]
