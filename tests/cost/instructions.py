#!/usr/bin/env python3
"""instructions.py <work> by_hand
instructions.py <work> baseline <baseline.json> <compiler> [--record]

Counts instructions with callgrind. They do not vary between runs, so that limits are tight where a time's could not be.

by_hand: sealing and opening one message through Keywarden, beside the same written by hand over Botan; fails when the
composition adds more than its limit.

baseline: Keywarden's own instructions in each operation, beside those recorded in the file; fails when one takes 5 % more.
Botan's and the C library's are left out: they choose their code by the processor's features, so that their counts belong to
a machine, and Keywarden's do not. Other compilers make other counts; one that has no baseline is skipped (exit code 77).
--record writes the counts as the new baseline of this compiler.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

MOST_ADDED = 200  # instructions for each message, whatever its size: lease, budget, header, typed results
MOST_MORE = 1.05
NOISE = 4  # instructions by which two runs may differ: how a table's or an allocator's memory happens to lie
SKIPPED = 77


def limit(size):
    """The share that the composition may add to the cheapest cipher: a constant amount, so the less the longer the message."""
    return 0.01 if size >= 4096 else 0.025 if size >= 1024 else 1.0


def is_own(function):
    """Whether a function of the program is not Botan's: Keywarden's, or the standard library's for it."""
    return "keywarden" in function or "Botan::" not in function


def read_dump(lines, program):
    """The operation of one of callgrind's dumps, and how many instructions it took in all and in Keywarden's own code."""
    names, objects = {}, {}
    what, function, thing = None, "", ""
    total = own = 0
    callee = False

    def resolved(table, text):
        found = re.match(r"\((\d+)\)(?: (.*))?$", text)
        if not found:
            return text
        if found[2] is not None:
            table[found[1]] = found[2]
        return table.get(found[1], "")

    for line in lines:
        if found := re.match(r"desc: Trigger: Client Request: (\S+) (\d+)$", line):
            what = (found[1], int(found[2]))
        elif line.startswith("fn="):
            function = resolved(names, line[3:].rstrip())
        elif line.startswith("ob="):
            thing = resolved(objects, line[3:].rstrip())
        elif line.startswith("cfn="):
            resolved(names, line[4:].rstrip())
        elif line.startswith("cob="):
            resolved(objects, line[4:].rstrip())
        elif line.startswith("calls="):
            callee = True  # the next line is what the called function took, which is counted with it
        elif line and line[0] in "0123456789+-*":
            if callee:
                callee = False
                continue
            cost = int(line.split()[1])
            total += cost
            if pathlib.PurePath(thing).name == program and is_own(function):
                own += cost
    return what, total, own


def counted(work):
    """{operation: (instructions in all, Keywarden's own)} for one round of each."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={folder}/out", work]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
        made = {}
        for each in pathlib.Path(folder).glob("out.*"):
            with each.open(encoding="utf-8") as file:
                what, total, own = read_dump(file, pathlib.PurePath(work).name)
            if what is not None:
                made[what[0]] = (total / what[1], own / what[1])
    if not made:
        sys.exit("callgrind wrote nothing that can be read")
    return made


def by_hand(counts):
    """Prints what the composition adds to the same written by hand; whether it is within the limits."""
    good = True
    print(f"{'':32}{'by hand':>12}{'composed':>12}{'added':>9}")
    for name in sorted((name for name in counts if name.startswith("by_hand/")), key=lambda name: name.split("/")[1:3]):
        size = int(name.split("/")[-1])
        hand, composed = counts[name][0], counts[name[len("by_hand/"):]][0]
        over = composed > hand * (1 + limit(size)) or composed - hand > MOST_ADDED
        good &= not over
        print(f"{name[len('by_hand/'):]:32}{hand:12.0f}{composed:12.0f}{composed / hand - 1:9.2%}"
              f"{'  over the limit' if over else ''}")
    return good


def compared(counts, recorded):
    """The lines of a table of counts beside the recorded ones, and whether none is over."""
    lines = [f"{'Keywarden’s own instructions':36}{'recorded':>12}{'now':>12}{'change':>9}"]
    good = True
    for name in sorted(set(counts) | set(recorded)):
        before, now = recorded.get(name), counts.get(name)
        if now is None or before is None:
            good = False
            lines.append(f"{name:36}{'–' if before is None else before:>12}{'–' if now is None else now:>12}"
                         f"{'':9}  {'not recorded' if before is None else 'not measured any more'}: --record")
            continue
        over = now > before * MOST_MORE + NOISE
        good &= not over
        change = f"{now / before - 1:+.1%}" if before else ""
        lines.append(f"{name:36}{before:12}{now:12}{change:>9}{'  over the limit' if over else ''}")
    return lines, good


def baseline(counts, path, compiler, record):
    own = {name: round(each[1]) for name, each in counts.items() if not name.startswith("by_hand/")}
    every = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if record:
        every[compiler] = dict(sorted(own.items()))
        path.write_text(json.dumps(every, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        print(f"recorded {len(own)} operations of {compiler} in {path}")
        return 0
    if compiler not in every:
        print(f"no baseline for {compiler}: record one with --record")
        return SKIPPED
    lines, good = compared(own, every[compiler])
    print("\n".join(lines))
    if not good:
        print(f"An operation takes over {MOST_MORE - 1:.0%} more than recorded. If it is worth that, record it and say why:\n"
              f"    {' '.join(sys.argv)} --record")
    return 0 if good else 1


def main():
    if len(sys.argv) == 3 and sys.argv[2] == "by_hand":
        sys.exit(0 if by_hand(counted(sys.argv[1])) else 1)
    if len(sys.argv) in (5, 6) and sys.argv[2] == "baseline" and sys.argv[5:] in ([], ["--record"]):
        sys.exit(baseline(counted(sys.argv[1]), pathlib.Path(sys.argv[3]), sys.argv[4], len(sys.argv) == 6))
    sys.exit(__doc__)


if __name__ == "__main__":
    main()
