#!/usr/bin/env python3
"""unworn.py <objdump> <object> <object> <function>…

The named functions (parts of their demangled names) are the same instructions in both objects: what one of them
includes besides, and does not use, costs nothing.
"""

import re
import subprocess
import sys


def functions(objdump, file):
    """The instructions of each function, without addresses and the names of what they lead to."""
    text = subprocess.run([objdump, "-dC", "--no-show-raw-insn", "--no-addresses", file], capture_output=True, text=True,
                          check=True).stdout
    found = {}
    for block in text.split("\n\n"):
        head, _, body = block.strip().partition("\n")
        if not head.endswith(">:"):
            continue
        lines = [re.sub(r"<.*>", "", re.sub(r"#.*", "", line)).split() for line in body.split("\n")]
        found[head[1:-2]] = [" ".join(line) for line in lines if line]
    return found


def main():
    objdump, first, second, *wanted = sys.argv[1:]
    one, other = functions(objdump, first), functions(objdump, second)
    wrong = 0
    for part in wanted:
        names = sorted(name for name in one if part in name and "[clone" not in name)
        if not names:
            print(f"{first} has no {part}")
            wrong = 1
        for name in names:
            same = one[name] == other.get(name)
            print(f"{'same' if same else 'DIFFERENT'}, {len(one[name])} instructions: {name[:150]}")
            wrong |= not same
    sys.exit(wrong)


if __name__ == "__main__":
    main()
