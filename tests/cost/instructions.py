#!/usr/bin/env python3
"""instructions.py <work> [<size>…]

Counts, with callgrind, the instructions that sealing and opening one message takes through Keywarden and written by hand
over Botan, and fails when the composition adds more than its limit. Instructions do not vary between runs or machines
with the same cipher code, so the limit is tight where a time could not be.
"""

import re
import subprocess
import sys

MOST_ADDED = 200  # instructions for each message, whatever its size: budget, lease, header, typed results


def limit(size):
    """The share that the composition may add to the cheapest cipher: a constant amount, so the less the longer the message."""
    return 0.01 if size >= 4096 else 0.02 if size >= 1024 else 1.0


SMALL, LARGE = 20, 120  # the difference of two run lengths leaves out everything that happens once


def collected(work, *arguments):
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", work, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"Collected\s*:\s*(\d+)", done.stderr)
    if done.returncode != 0 or not found:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    return int(found[1])


def per_message(work, side, algorithm, operation, size):
    counts = [collected(work, side, algorithm, operation, size, count) for count in (SMALL, LARGE)]
    return (counts[1] - counts[0]) / (LARGE - SMALL)


def main():
    work = sys.argv[1]
    sizes = [int(size) for size in sys.argv[2:]] or [1024, 4096, 16384]
    failed = False
    print(f"{'':32}{'by hand':>12}{'composed':>12}{'added':>9}")
    for algorithm in ("aes", "chacha"):
        for size in sizes:
            seal = {side: per_message(work, side, algorithm, "seal", size) for side in ("by_hand", "composed")}
            both = {side: per_message(work, side, algorithm, "both", size) for side in ("by_hand", "composed")}
            for operation, cost in (("seal", seal), ("open", {side: both[side] - seal[side] for side in both})):
                added = cost["composed"] / cost["by_hand"] - 1
                over = added > limit(size) or cost["composed"] - cost["by_hand"] > MOST_ADDED
                failed |= over
                print(f"{operation + ' ' + algorithm:16}{size:10} bytes{cost['by_hand']:12.0f}{cost['composed']:12.0f}"
                      f"{added:9.2%}{'  over the limit' if over else ''}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
