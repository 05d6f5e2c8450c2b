#!/usr/bin/env python3
"""docs_commands_test.py <programs>: runs the commands of the pages, each page in a folder of its own.

Blocks of commands (```sh) in these pages stand below a line that says what is expected of them:

    <!-- runs -->      exit status 0
    <!-- refused -->   exit status 1, and a refusal
    <!-- stops -->     exit status 1
    <!-- shown -->     not run here; what they name is there (tools/…, tests/…, keywarden's commands)

and what follows "<!-- prints -->" is, line by line, in the output of the block before; "…" stands for anything. Ports
that begin with 1502 are replaced by free ones. Functions
and exported variables last from block to block of a page. The commands of keywarden that a text names, and their options, are
there as well. <programs> is the folder of the compiled examples. docs/split_merge.md and docs/install.md
have tests of their own.
"""

import contextlib
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(each for each in (ROOT / "docs").rglob("*.md") if each.name not in ("split_merge.md", "install.md"))]
BLOCK = re.compile(r"^[ ]*(?:<!-- (runs|refused|stops|shown|prints) -->\n)?[ ]*```(\w*)\n(.*?)^[ ]*```$", re.M | re.S)
INLINE = re.compile(r"`(keywarden [a-z][^`]*)`")
KEEP = "trap '{ declare -fp; export -p; umask -p; } >../state' EXIT\n"


def free_port(taken):
    """A port that an endpoint may have, and that nothing listens on now."""
    while True:
        port = random.randrange(20000, 32768)
        with contextlib.suppress(OSError), socket.socket() as one:
            one.bind(("127.0.0.1", port))
            if str(port) not in taken:
                return port


def matches(wanted, output):
    pattern = ".*".join(re.escape(part) for part in wanted.strip().split("…"))
    return re.search(pattern, output) is not None


def help_of(programs, *command):
    return subprocess.run([programs / "keywarden", *command, "--help"], capture_output=True, text=True, timeout=60, check=True).stdout


class Commands:
    """The commands of keywarden, as its help tells them."""

    def __init__(self, programs):
        self.programs = programs
        listed = help_of(programs).partition("Commands:\n")[2].partition("\n\n")[0]
        self.known = [tuple(re.split(r"\s{2,}", line.strip())[0].split()) for line in listed.split("\n")]
        assert len(self.known) > 50, listed
        self.helps = {}

    def check(self, where, text):
        """`keywarden key show NAME --store STORE`: the longest beginning that is a command, and every option."""
        words = tuple(re.match(r"keywarden((?: [a-z][a-z-]*)+)", text).group(1).split())
        command = max((each for each in self.known if words[:len(each)] == each), key=len, default=None)
        if command is None:
            assert any(each[:len(words)] == words for each in self.known), f"{where}: keywarden has no command '{' '.join(words)}'"
            return
        if command not in self.helps:
            self.helps[command] = help_of(self.programs, *command)
        for option in re.findall(r"(?<=\s)--[a-z-]+", text):
            assert option in self.helps[command], f"{where}: keywarden {' '.join(command)} has no option {option}"


def commands_exist(page, text, commands):
    """What a page names is there."""
    for path in re.findall(r"(?<![\w/])((?:tools|tests)/[\w/.]*\w)", text):
        assert (ROOT / path).exists(), f"{page.name}: there is no {path}"
    for found in (*INLINE.findall(text), *re.findall(r"^(keywarden [a-z][^\n#]*)", text, re.M)):
        commands.check(page.name, found)


def try_page(page, programs, commands):
    text = page.read_text(encoding="utf-8")
    commands_exist(page, text, commands)
    with tempfile.TemporaryDirectory(prefix="keywarden-docs-") as name:
        work = pathlib.Path(name) / "work"
        work.mkdir()
        world = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "SOURCES": str(ROOT), "HOME": name}
        for variable in [each for each in world if each.startswith(("KEYWARDEN_", "XDG_"))]:
            world.pop(variable)
        output = ""
        ports = {}
        for block in BLOCK.finditer(text):
            mark, language, script = block.groups()
            line = text.count("\n", 0, block.start()) + 1
            where = f"{page.relative_to(ROOT)}:{line}"
            if mark == "prints":
                for wanted in script.rstrip("\n").split("\n"):
                    assert matches(wanted, output), f"{where}: the commands above do not print: {wanted}\n{output}"
                continue
            if language != "sh":
                continue
            assert mark, f"{where}: commands without a word about what is expected of them"
            if mark == "shown":
                continue
            for port in re.findall(r"\b1502\d\b", script):  # another run may be under way
                ports.setdefault(port, str(free_port(ports.values())))
            script = re.sub(r"\b1502\d\b", lambda found: ports[found.group()], script)
            state = "test ! -e ../state || source ../state\n"
            ran = subprocess.Popen(["bash", "-euo", "pipefail", "-c", state + KEEP + script], cwd=work, env=world,
                                   start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True)
            try:
                output, _ = ran.communicate(timeout=120)
            except subprocess.TimeoutExpired:
                os.killpg(ran.pid, signal.SIGKILL)
                raise
            print(f"{where}: exit status {ran.returncode}\n{output}", flush=True)
            assert ran.returncode == (0 if mark == "runs" else 1), f"{where}: that is not what is expected ({mark})"
            assert mark != "refused" or "refused: " in output, f"{where}: it failed without a refusal"


def main():
    programs = pathlib.Path(sys.argv[1]).resolve()
    chosen = [pathlib.Path(each).resolve() for each in sys.argv[2:]]
    assert chosen or len(PAGES) >= 30
    commands = Commands(programs)
    for page in chosen or PAGES:
        try_page(page, programs, commands)


if __name__ == "__main__":
    main()
