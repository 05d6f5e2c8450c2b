#!/usr/bin/env python3
"""postgres_replication_test.py <secure_tunnel>: PostgreSQL streaming replication through the tunnel.

A primary and its standby, each in a cluster of its own. The primary listens on no network at all: the standby's base
backup, its replication and every query from outside come through `secure_tunnel connect`, TLS and `secure_tunnel accept`.
While rows keep arriving, both ends change their certificates; strangers and peers whose certificate has expired, was
revoked, or was not granted CONNECT, are refused.

Exits with 77, which ctest counts as skipped, where PostgreSQL is not installed. Never as root: then as "nobody".
"""

import pathlib
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from secure_tunnel_support import (PATIENCE, Authority, Folder, Refused, speak_tls, start_accept, start_connect,  # noqa: E402
                                   unprivileged_user, wait_until)

PROGRAM = sys.argv.pop(1)
SKIPPED = 77
USER = unprivileged_user()
BECOME = {"user": USER, "group": pwd.getpwnam(USER).pw_gid, "extra_groups": []} if USER else {}
BEGIN = time.monotonic()


def newest_postgres():
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return pathlib.Path(on_path).parent if on_path else None


BINARIES = newest_postgres()


def tell(what):
    print(f"{time.monotonic() - BEGIN:5.1f} s  {what}", flush=True)


class Cluster:
    """A PostgreSQL server with a folder of its own, which listens on a Unix socket there and nowhere else."""

    QUICK = ["fsync=off", "shared_buffers=16MB", "max_connections=20", "autovacuum=off", "log_connections=on",
             "wal_retrieve_retry_interval=100ms", "wal_receiver_status_interval=1s", "max_wal_senders=5",
             "dynamic_shared_memory_type=posix", "unix_socket_permissions=0700", "listen_addresses="]

    def __init__(self, folder):
        self.folder, self.data, self.server = folder, folder / "data", None
        folder.mkdir()
        if USER:
            shutil.chown(folder, USER)

    def run(self, name, *words):
        made = subprocess.run([BINARIES / name, *map(str, words)], cwd=self.folder, capture_output=True, text=True,
                              timeout=PATIENCE, check=False, **BECOME)
        if made.returncode != 0:
            raise AssertionError(f"{name}: {made.stderr}")
        return made.stdout

    def start(self):
        settings = [word for each in [*self.QUICK, f"unix_socket_directories={self.folder}"] for word in ["-c", each]]
        with open(self.folder / "log", "w", encoding="utf-8") as log:
            self.server = subprocess.Popen([BINARIES / "postgres", "-D", self.data, *settings], cwd=self.folder,
                                           stdin=subprocess.DEVNULL, stdout=log, stderr=log, **BECOME)

        def ready():
            if self.server.poll() is not None:
                raise AssertionError(self.log)
            return "ready to accept" in self.log

        wait_until(ready, "PostgreSQL is ready")

    @property
    def log(self):
        return (self.folder / "log").read_text(encoding="utf-8")

    @property
    def connections(self):
        return self.log.count("connection received")

    def ask(self, query, host=None, port=5432):
        return self.run("psql", "-h", host or self.folder, "-p", port, "-U", "postgres", "-XAtq", "-v", "ON_ERROR_STOP=1",
                        "-c", query, "postgres").strip()

    def stop(self):
        if self.server and self.server.poll() is None:
            self.server.send_signal(signal.SIGQUIT)  # at once
            self.server.wait(PATIENCE)


class Replication(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = pathlib.Path(tempfile.mkdtemp(prefix="kw-pg-", dir="/tmp"))  # short: it holds Unix sockets
        cls.scratch.chmod(0o755)
        cls.program = shutil.copy(PROGRAM, cls.scratch)  # for that user may not see where it was built
        cls.addClassCleanup(shutil.rmtree, cls.scratch, ignore_errors=True)
        cls.running = []
        cls.addClassCleanup(lambda: [each.kill() for each in cls.running])

        # An authority, and who has certificates of it. The acceptor wants its peers' certificates to lead to the authority;
        # the connectors pin the acceptor's.
        cls.authority = Authority("Replication authority")
        cls.stranger = Authority("Somebody else").issue("standby")
        issue = cls.authority.issue
        cls.primary_old, cls.primary_new = issue("primary", start=-80), issue("primary")
        cls.standby_old, cls.standby_new = issue("standby", start=-80), issue("standby")
        cls.expired = issue("expired", start=-90, end=-1)
        cls.revoked = issue("revoked")
        cls.ungranted = issue("ungranted")
        cls.unlisted = issue("unlisted")
        cls.authority.revoke(cls.revoked)
        cls.allowed = [cls.standby_old, cls.expired, cls.revoked, cls.ungranted]

        cls.at_primary = Folder(cls.scratch / "at-primary")
        cls.at_primary.show("old", cls.primary_old)
        for login in ["expired", "revoked", "ungranted", "unlisted"]:
            cls.at_primary.know(login, getattr(cls, login).pem)
        cls.at_primary.know("standby", cls.standby_old.pem)
        cls.at_primary.trust(cls.authority, cls.allowed)
        cls.at_primary.grant("standby", "expired", "revoked", "unlisted")
        cls.at_primary.give_to(USER)
        cls.at_standby = cls.connector_folder("at-standby", cls.standby_old)

        cls.primary, cls.standby = Cluster(cls.scratch / "primary"), Cluster(cls.scratch / "standby")
        cls.addClassCleanup(cls.primary.stop)
        cls.addClassCleanup(cls.standby.stop)
        cls.primary.run("initdb", "--no-sync", "--no-instructions", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C",
                        "-D", cls.primary.data)
        cls.primary.start()
        cls.primary.ask("create table item (number bigint primary key, said text not null)")
        tell("the primary runs")

        cls.accept, cls.port = start_accept(cls.program, cls.at_primary, f"unix:{cls.primary.folder}/.s.PGSQL.5432", **BECOME)
        cls.running.append(cls.accept)
        cls.connect, cls.local = cls.start_connector(cls.at_standby)
        cls.standby.run("pg_basebackup", "--no-sync", "-c", "fast", "-R", "-D", cls.standby.data,
                        "-d", f"host=127.0.0.1 port={cls.local} user=postgres application_name=standby")
        cls.standby.start()
        tell("the standby runs, from a base backup through the tunnel")

    @classmethod
    def connector_folder(cls, name, identity):
        folder = Folder(cls.scratch / name)
        folder.show("old", identity)
        folder.know("primary", cls.primary_old.pem)
        folder.grant("primary")
        folder.give_to(USER)
        return folder

    @classmethod
    def start_connector(cls, folder):
        made, local = start_connect(cls.program, folder, cls.port, "--expect", "primary", **BECOME)
        cls.running.append(made)
        return made, local

    # -- what is asked again and again ---------------------------------------------------------------------------------

    def receiver(self):
        """The process on the standby that replicates at the moment."""
        return self.standby.ask("select pid from pg_stat_wal_receiver where status = 'streaming'")

    def fill(self, count):
        """Adds rows on the primary; gives where its log is then."""
        last = "(select coalesce(max(number), 0) from item)"
        self.primary.ask("insert into item "
                         f"select n, md5(n::text) from generate_series({last} + 1, {last} + {count}) n")
        return self.primary.ask("select pg_current_wal_lsn()")  # once that is committed

    def await_rows(self, count):
        """Rows that are added now arrive."""
        position = self.fill(count)
        wait_until(lambda: self.standby.ask(f"select pg_last_wal_replay_lsn() >= '{position}'") == "t",
                   f"the standby has replayed {position}")
        whole = "select count(*), max(number), md5(string_agg(said, '' order by number)) from item"
        there = self.standby.ask(whole)
        self.assertEqual(there, self.primary.ask(whole))
        self.assertGreaterEqual(int(there.split("|")[0]), count)
        return there.split("|")[0]

    def refusal(self, identity):
        """What the peer is told, and what the acceptor's log says of it."""
        mark, before = self.accept.mark, self.primary.connections
        with self.assertRaises(Refused) as told:
            speak_tls(self.port, identity, self.scratch)
        line = self.accept.expect(r" refused: from 127\.0\.0\.1: ", mark)
        self.assertEqual(self.primary.connections, before, "nothing may reach the primary")
        return str(told.exception), line.split("127.0.0.1: ", 1)[1]

    # -- the story, in its order ---------------------------------------------------------------------------------------

    def test_1_rows_arrive_through_the_tunnel(self):
        rows = self.await_rows(20000)
        tell(f"{rows} rows arrived")
        self.assertEqual(self.primary.ask("select client_addr is null from pg_stat_replication"), "t",
                         "the primary is reached through its Unix socket, by the tunnel")
        self.assertEqual(self.primary.ask("show listen_addresses"), "", "and in no other way from outside")
        self.accept.expect(r"logged in: from 127\.0\.0\.1 as standby")
        self.connect.expect(rf"logged in: to 127\.0\.0\.1:{self.port} as primary")

    def test_2_whoever_is_not_welcome_is_refused_with_the_reason_in_the_log_only(self):
        reasons = {
            "stranger": "the connection was not admitted (kind: allow-list",
            "expired": "a certificate has expired",
            "revoked": "a certificate was revoked by its authority",
            "ungranted": r"the policy does not permit this (kind: CONNECT, peer: ungranted, name: tunnel, "
                         r"reason: not granted",
            "unlisted": "the connection was not admitted (kind: allow-list",
        }
        alerts = set()
        for who, reason in reasons.items():
            with self.subTest(who):
                told, logged = self.refusal(getattr(self, who))
                alerts.add(told)
                self.assertTrue(logged.startswith(reason), logged)
        self.assertEqual(alerts, {"TLSV1_ALERT_ACCESS_DENIED"}, "to the peer, all look alike")
        tell("refused: " + ", ".join(reasons))

    def test_3_a_tunnel_with_such_a_certificate_forwards_nothing_either(self):
        for who, said in [("stranger", "the peer refused the connection .*access_denied"),
                          ("revoked", "the peer refused the connection .*access_denied"),
                          ("ungranted", "the peer refused the connection .*access_denied"),
                          ("expired", r"a certificate has expired \(kind: own certificate")]:
            with self.subTest(who):
                before = self.primary.connections
                tunnel, local = self.start_connector(self.connector_folder(who, getattr(self, who)))
                with self.assertRaises(AssertionError) as failed:
                    self.primary.ask("select 1", "127.0.0.1", local)
                self.assertIn("psql", str(failed.exception))
                tunnel.expect(said)
                self.assertEqual(self.primary.connections, before)
                tunnel.kill()

    def test_4_both_ends_change_their_certificates_while_rows_arrive(self):
        one_connection = self.receiver()
        self.assertRegex(one_connection, r"^\d+$")
        writer = subprocess.Popen(
            [BINARIES / "psql", "-h", self.primary.folder, "-U", "postgres", "-XAtq", "postgres"], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, cwd=self.scratch, **BECOME)
        self.addCleanup(writer.wait)
        self.addCleanup(writer.kill)
        writer.stdin.write("insert into item select coalesce(max(number), 0) + 1, 'meanwhile' from item \\watch 0.05\n")
        writer.stdin.flush()
        meanwhile = "select count(*) from item where said = 'meanwhile'"
        wait_until(lambda: int(self.standby.ask(meanwhile)) > 0, "rows are written all the time")

        # Each end learns the other's new certificate beside the old one; then each shows its new one.
        self.at_primary.know("standby", self.standby_old.pem, self.standby_new.pem)
        self.at_primary.allow([*self.allowed, self.standby_new])
        self.at_standby.know("primary", self.primary_old.pem, self.primary_new.pem)
        self.at_primary.show("new", self.primary_new)
        self.at_standby.show("new", self.standby_new)
        for folder in [self.at_primary, self.at_standby]:
            folder.give_to(USER)
        self.assertEqual([self.accept.reload(), self.connect.reload()], [0, 0])
        arrived = int(self.standby.ask(meanwhile))
        wait_until(lambda: int(self.standby.ask(meanwhile)) > arrived, "rows go on arriving")
        self.assertEqual(self.receiver(), one_connection, "over the same connection")
        shown, _ = self.answer(self.standby_new)
        self.assertEqual(shown, self.primary_new.fingerprint, "new connections are shown the new certificate")
        self.assertEqual(self.standby.ask("select 1", "127.0.0.1", self.local), "1")
        tell("both ends show new certificates; replication went on over its connection")

        # The old ones go: the session that began with them ends, and PostgreSQL begins another with the new ones.
        for folder in [self.at_primary, self.at_standby]:
            folder.hide("old")
        self.at_primary.know("standby", self.standby_new.pem)
        self.at_primary.allow([*self.allowed[1:], self.standby_new])
        self.at_standby.know("primary", self.primary_new.pem)
        for folder in [self.at_primary, self.at_standby]:
            folder.give_to(USER)
        self.assertEqual(self.accept.reload(), 1)
        self.assertLessEqual(self.connect.reload(), 1)  # 0 once it has noticed
        wait_until(lambda: self.receiver() not in ["", one_connection], "the standby replicates again")
        told, logged = self.refusal(self.standby_old)
        self.assertEqual(told, "TLSV1_ALERT_ACCESS_DENIED")
        self.assertTrue(logged.startswith("the connection was not admitted (kind: allow-list"), logged)
        arrived = int(self.standby.ask(meanwhile))
        wait_until(lambda: int(self.standby.ask(meanwhile)) > arrived, "rows go on arriving")
        writer.kill()
        writer.wait()
        rows = self.await_rows(5000)
        tell(f"the old certificates are gone; {rows} rows arrived in all")

    def answer(self, identity):
        """A session with the primary from another program: PostgreSQL's answer to a request for TLS of its own."""
        return speak_tls(self.port, identity, self.scratch, said=b"\0\0\0\x08\x04\xd2\x16\x2f")

    def test_5_a_certificate_that_is_revoked_now_ends_its_session_now(self):
        self.assertNotEqual(self.receiver(), "")
        self.authority.revoke(self.standby_new)
        self.at_primary.write("crls/authority.crl", self.authority.list_pem())
        self.assertEqual(self.accept.reload(), 1)
        self.accept.expect(r"dropped: from 127\.0\.0\.1 as standby: a certificate was revoked by its authority")
        wait_until(lambda: self.receiver() == "", "replication has ended")
        self.assertEqual(self.refusal(self.standby_new)[0], "TLSV1_ALERT_ACCESS_DENIED")
        self.assertEqual([self.connect.stop(), self.accept.stop()], [0, 0])
        tell("revoked: the session ended, and both ends of the tunnel with status 0")


if __name__ == "__main__":
    if BINARIES is None:
        print("skipped: there is no PostgreSQL (initdb) in /usr/lib/postgresql/*/bin or on the PATH")
        sys.exit(SKIPPED)
    unittest.main(verbosity=2, failfast=True)
