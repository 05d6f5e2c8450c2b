#!/usr/bin/env python3
"""docs_commands_test.py <programs>: runs the commands of the tutorials and guides, each page in a folder of its own.

Blocks of commands (```sh) in these pages stand below a line that says what is expected of them:

    <!-- runs -->      exit status 0
    <!-- refused -->   exit status 1, and a refusal
    <!-- shown -->     not run here; what they name is there (tools/…)

and what follows "<!-- prints -->" is, line by line, in the output of the block before; "…" stands for anything. Functions
and exported variables last from block to block of a page. <programs> is the folder of the compiled examples.
"""

import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = [*sorted((ROOT / "docs" / "tutorials").glob("*.md")), *sorted((ROOT / "docs" / "guides").glob("*.md"))]
ALSO = [ROOT / "README.md", ROOT / "docs" / "hierarchy.md", *sorted((ROOT / "docs" / "coming_from").glob("*.md"))]
BLOCK = re.compile(r"^(?:<!-- (runs|refused|shown|prints) -->\n)?```(sh)?\n(.*?)^```$", re.M | re.S)
KEEP = "trap '{ declare -fp; export -p; umask -p; } >../state' EXIT\n"


def matches(wanted, output):
    pattern = ".*".join(re.escape(part) for part in wanted.strip().split("…"))
    return re.search(pattern, output) is not None


def commands_exist(page, text):
    for tool in re.findall(r"\btools/(\w+)", text):
        assert (ROOT / "tools" / tool).exists(), f"{page.name}: there is no tools/{tool}"
    return True


def try_page(page, programs):
    text = page.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory(prefix="keywarden-docs-") as name:
        work = pathlib.Path(name) / "work"
        work.mkdir()
        world = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "SOURCES": str(ROOT), "HOME": name}
        for variable in [each for each in world if each.startswith(("KEYWARDEN_", "XDG_"))]:
            world.pop(variable)
        output = ""
        for block in BLOCK.finditer(text):
            mark, language, commands = block.groups()
            line = text.count("\n", 0, block.start()) + 1
            where = f"{page.relative_to(ROOT)}:{line}"
            if mark == "prints":
                for wanted in commands.rstrip("\n").split("\n"):
                    assert matches(wanted, output), f"{where}: the commands above do not print: {wanted}\n{output}"
                continue
            if language is None:
                continue
            assert mark, f"{where}: commands without a word about what is expected of them"
            if mark == "shown":
                commands_exist(page, commands)
                continue
            state = "test ! -e ../state || source ../state\n"
            ran = subprocess.Popen(["bash", "-euo", "pipefail", "-c", state + KEEP + commands], cwd=work, env=world,
                                   start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True)
            try:
                output, _ = ran.communicate(timeout=120)
            except subprocess.TimeoutExpired:
                os.killpg(ran.pid, signal.SIGKILL)
                raise
            print(f"{where}: exit status {ran.returncode}\n{output}", flush=True)
            assert ran.returncode == (0 if mark == "runs" else 1), f"{where}: that is not what is expected ({mark})"
            assert mark == "runs" or "refused: " in output, f"{where}: it failed without a refusal"


def main():
    programs = pathlib.Path(sys.argv[1]).resolve()
    chosen = [pathlib.Path(each).resolve() for each in sys.argv[2:]]
    assert chosen or len(PAGES) >= 4
    for page in chosen or PAGES:
        try_page(page, programs)
    for page in [] if chosen else ALSO:
        commands_exist(page, page.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
