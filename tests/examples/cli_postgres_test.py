#!/usr/bin/env python3
"""cli_postgres_test.py <keywarden>: a vault with sealed data moves from SQLite into PostgreSQL and back, one command each.

Exits with 77, which ctest counts as skipped, where PostgreSQL is not installed. The server never runs as root.
"""

import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from postgres_server_support import BINARIES, PATIENCE, SKIPPED, Server  # noqa: E402

PROGRAM = sys.argv.pop(1)
DONE, REFUSED, USAGE = 0, 1, 2


class Moving(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        server = Server("move")
        cls.addClassCleanup(server.remove)
        cls.folder, cls.uri = server.folder, server.uri()
        (cls.folder / "machine-id").write_text("0123456789abcdef0123456789abcdef\n")
        (cls.folder / "password").write_text("Correct horse 7 battery\n")
        (cls.folder / "password").chmod(0o600)

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
