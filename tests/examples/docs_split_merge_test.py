#!/usr/bin/env python3
"""docs_split_merge_test.py <keywarden>: runs the commands of docs/split_merge.md, in their order, in one folder.

A line before a block says what is expected of it: "<!-- runs -->", "<!-- refused -->" (exit status 1) or
"<!-- refused: usage -->" (2). Blocks without such a line are not run.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "split_merge.md"
BLOCK = re.compile(r"^<!-- (runs|refused|refused: usage) -->\n```sh\n(.*?)^```$", re.M | re.S)
EXPECTED = {"runs": 0, "refused": 1, "refused: usage": 2}


def main():
    program = pathlib.Path(sys.argv[1]).resolve()
    text = PAGE.read_text(encoding="utf-8")
    blocks = list(BLOCK.finditer(text))
    assert len(blocks) == text.count("<!-- r") and len(blocks) > 20, "a marked block was not found"
    with tempfile.TemporaryDirectory(prefix="keywarden-docs-") as name:
        folder = pathlib.Path(name)
        (folder / "bin").mkdir()
        (folder / "bin" / "keywarden").symlink_to(program)
        (folder / "work").mkdir()
        world = {**os.environ, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "SOURCES": str(ROOT), "HOME": str(folder)}
        world.pop("XDG_DATA_HOME", None)
        for block in blocks:
            line = text.count("\n", 0, block.start()) + 3
            # A session of its own has no terminal: nothing waits for somebody who types.
            ran = subprocess.run(["bash", "-euo", "pipefail", "-c", block[2]], cwd=folder / "work", env=world, timeout=120,
                                 start_new_session=True, capture_output=True, text=True, check=False)
            print(f"{PAGE.name}:{line}: exit status {ran.returncode}\n{ran.stdout}{ran.stderr}", flush=True)
            if ran.returncode != EXPECTED[block[1]]:
                print(f"{PAGE}:{line}: expected exit status {EXPECTED[block[1]]} ({block[1]})", file=sys.stderr)
                return 1
            if block[1] != "runs" and "refused: " not in ran.stderr:
                print(f"{PAGE}:{line}: it failed without a refusal", file=sys.stderr)
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
