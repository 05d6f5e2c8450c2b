#!/usr/bin/env python3
"""docs_split_merge_test.py <keywarden> [<split_merge_service>]: runs the commands of docs/split_merge.md, in their order,
in one folder.

A line before a block says what is expected of it: "<!-- runs -->", "<!-- refused -->" (exit status 1),
"<!-- refused: usage -->" (2), or "<!-- runs: service -->" and "<!-- fails: service -->" where the service is built and
curl is installed. There are no other blocks of commands.
"""

import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "split_merge.md"
BLOCK = re.compile(r"^<!-- (runs|refused|refused: usage|runs: service|fails: service) -->\n```sh\n(.*?)^```$", re.M | re.S)
EXPECTED = {"runs": 0, "runs: service": 0, "refused": 1, "refused: usage": 2}


def is_running(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def main():
    program = pathlib.Path(sys.argv[1]).resolve()
    text = PAGE.read_text(encoding="utf-8")
    blocks = list(BLOCK.finditer(text))
    assert len(blocks) == text.count("```sh") and len(blocks) > 20, "a block has no mark"
    service = pathlib.Path(sys.argv[2]).resolve() if len(sys.argv) > 2 and shutil.which("curl") else None
    ports = {port: str(free_port()) for port in ("8443", "8080")}
    left_running = []  # groups of processes
    with tempfile.TemporaryDirectory(prefix="keywarden-docs-") as name:
        folder = pathlib.Path(name)
        (folder / "bin").mkdir()
        (folder / "bin" / "keywarden").symlink_to(program)
        if service:
            (folder / "bin" / "split_merge_service").symlink_to(service)
        (folder / "work").mkdir()
        world = {**os.environ, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "SOURCES": str(ROOT), "HOME": str(folder)}
        world.pop("XDG_DATA_HOME", None)
        try:
            for block in blocks:
                line = text.count("\n", 0, block.start()) + 3
                if block[1].endswith("service") and not service:
                    continue
                commands = re.sub("8443|8080", lambda found: ports[found[0]], block[2])
                # A session of its own has no terminal: nothing waits for somebody who types.
                ran = subprocess.Popen(["bash", "-euo", "pipefail", "-c", commands], cwd=folder / "work", env=world,
                                       start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                out, err = ran.communicate(timeout=120)
                if is_running(ran.pid):
                    left_running.append(ran.pid)
                print(f"{PAGE.name}:{line}: exit status {ran.returncode}\n{out}{err}", flush=True)
                if (ran.returncode == 0) != block[1].startswith("runs") or ran.returncode != EXPECTED.get(block[1], ran.returncode):
                    print(f"{PAGE}:{line}: that is not what is expected ({block[1]})", file=sys.stderr)
                    for log in (folder / "work").glob("*.log"):
                        print(log.name, log.read_text(), file=sys.stderr)
                    return 1
                if block[1].startswith("refused") and "refused: " not in err:
                    print(f"{PAGE}:{line}: it failed without a refusal", file=sys.stderr)
                    return 1
            if service:
                said = (folder / "work" / "web.log").read_text()
                assert "refused: from 127.0.0.1" in said and "allow-list" in said, said
            return 0
        finally:
            for group in left_running:
                if is_running(group):
                    os.killpg(group, signal.SIGTERM)
            end = time.monotonic() + 30
            while any(is_running(group) for group in left_running) and time.monotonic() < end:
                time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
