#!/usr/bin/env python3
"""cli_postgres_test.py <keywarden>: a vault with sealed data moves from SQLite into PostgreSQL and back, one command each.

Exits with 77, which ctest counts as skipped, where PostgreSQL is not installed. The server never runs as root.
"""

import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM = sys.argv.pop(1)
SKIPPED = 77
DONE, REFUSED, USAGE = 0, 1, 2
PATIENCE = 60
found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
BINARIES = found[-1].parent if found else None


def become():
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam("postgres")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


class Moving(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="kw-move-", dir="/tmp"))  # short: it holds a Unix socket
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.folder.chmod(0o755)
        server = cls.folder / "server"
        server.mkdir()
        as_user = become()
        if as_user:
            os.chown(server, as_user["user"], as_user["group"])
        subprocess.run([BINARIES / "initdb", "--no-sync", "-A", "trust", "-U", "keys", "-E", "UTF8", "--locale=C", "-D",
                        server / "data"], check=True, capture_output=True, cwd=server, timeout=PATIENCE, **as_user)
        cls.server = subprocess.Popen([BINARIES / "postgres", "-D", server / "data", "-k", server, "-c", "listen_addresses=",
                                       "-c", "fsync=off"], cwd=server, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                      **as_user)
        cls.addClassCleanup(cls.stop)
        cls.uri = f"postgresql:///postgres?host={server}&user=keys"
        deadline = time.monotonic() + PATIENCE
        while subprocess.run([BINARIES / "pg_isready", "-q", "-h", server], check=False).returncode != 0:
            assert time.monotonic() < deadline and cls.server.poll() is None
            time.sleep(0.05)
        (cls.folder / "machine-id").write_text("0123456789abcdef0123456789abcdef\n")
        (cls.folder / "password").write_text("Correct horse 7 battery\n")
        (cls.folder / "password").chmod(0o600)

    @classmethod
    def stop(cls):
        cls.server.send_signal(signal.SIGQUIT)
        cls.server.wait(PATIENCE)

    def keywarden(self, *words, given=b"", status=DONE, secrets=True):
        named = [f"--{each}={self.folder / each}" for each in ["account-secret", "machine-secret", "machine-id"]]
        made = subprocess.run([PROGRAM, *map(str, words), *(named if secrets else [])], input=given, capture_output=True,
                              start_new_session=True, timeout=PATIENCE, check=False)
        self.assertEqual(made.returncode, status, made)
        return made

    def opens(self, store):
        sealed = self.folder / "sealed"
        told = self.keywarden("open", "sales", "cards", "--input", sealed, "--store", store)
        self.assertEqual(told.stdout, b"4111 1111 1111 1111")

    def test_a_vault_moves_into_postgresql_and_back(self):
        first, second = f"sqlite:{self.folder}/first.db", f"sqlite:{self.folder}/second.db"
        for words in [["vault", "init"], ["db", "create", "sales"],
                      ["dmk", "create", "sales", "--new-password-file", self.folder / "password"],
                      ["key", "create", "sales", "cards"]]:
            self.keywarden(*words, "--store", first)
        self.keywarden("seal", "sales", "cards", "--output", self.folder / "sealed", "--store", first,
                       given=b"4111 1111 1111 1111")
        self.keywarden("store", "copy", first, self.uri, secrets=False)
        self.opens(self.uri)
        self.keywarden("key", "create", "sales", "more", "--store", self.uri)
        refused = self.keywarden("store", "copy", first, self.uri, status=REFUSED, secrets=False)
        self.assertIn(b"exists already", refused.stderr)
        self.keywarden("store", "copy", self.uri, second, secrets=False)
        self.opens(second)
        self.opens(self.uri)
        self.assertIn(b"more", self.keywarden("key", "list", "sales", "--store", second).stdout)

    def test_a_password_in_an_argument_is_refused_and_not_repeated(self):
        for place in ["postgresql://keys:hunter2@localhost/x", "postgresql:///x?password=hunter2"]:
            for words in [["db", "list", "--store", place], ["store", "copy", place, "x.db"], ["store", "copy", "x.db", place]]:
                secrets = words[0] == "db"
                told = self.keywarden(*words, status=USAGE, secrets=secrets)
                self.assertNotIn(b"hunter2", told.stdout + told.stderr)
                self.assertIn(b".pgpass", told.stderr)


if __name__ == "__main__":
    if BINARIES is None:
        print("skipped: there is no PostgreSQL in /usr/lib/postgresql/*/bin")
        sys.exit(SKIPPED)
    unittest.main(verbosity=2)
