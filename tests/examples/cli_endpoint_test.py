#!/usr/bin/env python3
"""cli_endpoint_test.py <keywarden>: mirroring endpoints set up and tried by commands alone, as docs/endpoints.md tells it.

Two partners and a witness are set up once, in the documented order; each test works with copies of them, so that no
test sees another's changes.
"""

import json
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import unittest

from cli_test import DONE, ENVIRONMENT, REFUSED, USAGE, World

MASTER_PASSWORD = "Correct horse 7 battery"
NAMES = ("host_a", "host_b", "witness")
ENDPOINT = "Endpoint_Mirroring"


def free_port(taken):
    for port in range(20000, 30000):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in taken:
            return port
    raise RuntimeError("no free port")


class Instance(World):
    def __init__(self, name, port):
        super().__init__("{}/vault.db")
        self.name, self.port = name, port

    def copy(self):
        made = Instance(self.name, self.port)
        shutil.copytree(self.folder, made.folder, dirs_exist_ok=True)
        return made

    def done(self, *words):
        outcome = self.run(*words)
        assert outcome.returncode == DONE, (self.name, words, outcome)
        return outcome.stdout.decode()

    def facts(self, *words):
        return json.loads(self.done(*words, "--json"))

    def place(self):
        return f"127.0.0.1:{self.port}"

    def describe(self):
        path = self.path("described.json")
        self.done("endpoint", "describe", "--instance", self.name, "--output", path, "--overwrite")
        return path

    def configure_outbound(self, role):
        password = self.secret_line("password", MASTER_PASSWORD)
        self.done("vault", "init")
        self.done("db", "create", "master")
        self.done("dmk", "create", "master", "--new-password-file", password)
        self.done("cert", "create", "master", f"{self.name}_cert", "--subject", f"{self.name} certificate")
        self.done("login", "create", "administrator")
        self.done("endpoint", "create", ENDPOINT, "--port", str(self.port), "--ip", "127.0.0.1", "--certificate",
                  f"{self.name}_cert", "--role", role, "--owner", "administrator")
        self.file = self.path(f"{self.name}.cer")
        text = self.done("cert", "export", "master", f"{self.name}_cert", "--output", self.file)
        self.read_out = re.search(r"[0-9A-F:]{95}", text).group()

    def configure_inbound(self, peer):
        login, user = f"{peer.name}_login", f"{peer.name}_user"
        self.done("login", "create", login)
        self.done("user", "create", user, "--login", login)
        self.done("user", "add-certificate", user, "--name", f"{peer.name}_cert", "--file", peer.file,
                  "--fingerprint", peer.read_out)
        self.done("grant", "connect", "--endpoint", ENDPOINT, "--to", login)


class Running:
    """A program that goes on, and the lines it says."""

    def __init__(self, instance, *words):
        self.process = subprocess.Popen(instance.arguments(*words), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, start_new_session=True)
        self.lines, self.news = [], threading.Condition()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            with self.news:
                self.lines.append(line.decode().rstrip("\n"))
                self.news.notify_all()
        with self.news:
            self.news.notify_all()

    def wait_for(self, *words, seconds=60):
        """The first line that holds all the words."""
        def found():
            return next((line for line in self.lines if all(word in line for word in words)), None)
        with self.news:
            self.news.wait_for(lambda: found() is not None or not self.reader.is_alive(), seconds)
            line = found()
        assert line is not None, (words, self.lines)
        return line

    def say(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def signal(self, number):
        self.process.send_signal(number)

    def end(self, seconds=60):
        """Closes its input, waits, and gives its exit status and everything it said."""
        self.process.stdin.close()
        status = self.process.wait(seconds)
        self.reader.join(seconds)
        self.process.stdout.close()
        return status, "\n".join(self.lines)


class Endpoints(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        ports = []
        for _ in NAMES:
            ports.append(free_port(ports))
        cls.prepared = [Instance(name, port) for name, port in zip(NAMES, ports)]
        for instance, role in zip(cls.prepared, ("partner", "partner", "witness")):
            instance.configure_outbound(role)
        for instance in cls.prepared:
            for peer in cls.prepared:
                if peer is not instance:
                    instance.configure_inbound(peer)
        for instance in cls.prepared:
            instance.done("endpoint", "alter", "--state", "started")

    def setUp(self):
        self.a, self.b, self.witness = (instance.copy() for instance in self.prepared)
        for copied, prepared in zip((self.a, self.b, self.witness), self.prepared):
            copied.file, copied.read_out = prepared.file, prepared.read_out

    def exits(self, status, outcome, *words):
        self.assertEqual(outcome.returncode, status, outcome)
        for word in words:
            self.assertIn(word, (outcome.stdout + outcome.stderr).decode())
        return outcome

    def start(self, instance, *words):
        running = Running(instance, *words)

        def stop():
            if running.process.poll() is None:
                running.process.kill()
                running.process.wait()
            running.reader.join(10)
            for stream in (running.process.stdin, running.process.stdout):
                stream.close()
        self.addCleanup(stop)
        return running

    def listen(self, instance, *more):
        running = self.start(instance, "endpoint", "listen", "--seconds", "120", *more)
        running.wait_for("listening", "127.0.0.1")
        return running

    def connect(self, instance, to, *more, expect=None):
        return instance.run("endpoint", "connect", to.place(), "--expect", expect or f"{to.name}_login", *more)

    # ---- what was set up

    def test_the_documented_order_sets_up_a_whole_mesh(self):
        descriptions = [instance.describe() for instance in (self.a, self.b, self.witness)]
        self.exits(DONE, self.a.run("endpoint", "topology", *descriptions), "6 of 6 trust edges")
        self.exits(DONE, self.a.run("endpoint", "topology", *descriptions[:2]), "2 of 2 trust edges")
        told = json.loads(self.a.run("endpoint", "topology", *descriptions, "--json").stdout)
        self.assertEqual((told["ok"], told["problems"]), (True, []))
        drawn = self.a.run("endpoint", "topology", *descriptions, "--dot").stdout.decode()
        self.assertTrue(drawn.startswith("digraph"))
        self.assertEqual(drawn.count("->"), 6)

    def test_status_is_the_statement_and_says_who_may_connect_and_why(self):
        self.exits(DONE, self.a.run("endpoint", "status"), f"CREATE ENDPOINT {ENDPOINT}", "STATE = STARTED",
                   "AUTHENTICATION = CERTIFICATE host_a_cert", "ENCRYPTION = REQUIRED ALGORITHM AES",
                   f"LISTENER_PORT = {self.a.port}", "host_b_login", "granted")
        told = self.a.facts("endpoint", "status")
        self.assertEqual([told[name] for name in ("state", "role", "owner", "encryption", "shows")],
                         ["STARTED", "PARTNER", "administrator", "REQUIRED ALGORITHM AES", ["host_a_cert"]])
        may = {row["login"]: (row["may_connect"], row["why"]) for row in told["logins"]}
        self.assertEqual(may, {"administrator": (False, "it has no certificate here"), "host_b_login": (True, "granted"),
                               "witness_login": (True, "granted")})
        for row in told["certificates"]:
            self.assertIn(row["days_left"], (364, 365))

    def test_a_second_endpoint_is_refused(self):
        self.exits(REFUSED, self.a.run("endpoint", "create", "Another", "--port", "7099", "--certificate", "host_a_cert",
                                       "--role", "partner", "--owner", "administrator"),
                   "exactly one", ENDPOINT, "keywarden endpoint alter")

    def test_an_endpoint_that_names_what_is_not_there_is_refused_with_the_command_that_helps(self):
        self.a.done("endpoint", "drop")
        creating = ["endpoint", "create", "New", "--port", "7099", "--role", "partner"]
        self.exits(REFUSED, self.a.run(*creating, "--certificate", "none", "--owner", "administrator"),
                   "keywarden cert create master none")
        self.exits(REFUSED, self.a.run(*creating, "--certificate", "host_a_cert", "--owner", "nobody"),
                   "keywarden login create nobody")
        self.exits(REFUSED, self.a.run("endpoint", "status"), "keywarden endpoint create")
        self.assertEqual(self.a.facts("grant", "list")["permissions"], [])

    def test_what_makes_no_sense_is_refused_as_usage(self):
        creating = ["endpoint", "create", "New", "--certificate", "host_a_cert", "--owner", "administrator"]
        for words in [[*creating, "--port", "7099"], [*creating, "--role", "partner"],
                      [*creating, "--role", "partner", "--port", "80"], [*creating, "--role", "king", "--port", "7099"],
                      [*creating, "--role", "partner", "--port", "7099", "--ip", "here"],
                      [*creating, "--role", "partner", "--port", "7099", "--encryption", "SOMETIMES"],
                      ["endpoint", "alter"], ["endpoint", "alter", "--and-old"], ["endpoint", "alter", "--state", "on"],
                      ["endpoint", "connect", "7099", "--expect", "host_b_login"], ["endpoint", "connect", "a:7099"],
                      ["endpoint", "topology", "one.json"], ["endpoint", "listen", "--allow", "10.0.0.1/8"],
                      ["grant", "everything", "--endpoint", ENDPOINT, "--to", "host_b_login"],
                      ["grant", "connect", "--endpoint", ENDPOINT], ["login", "create", "x", "--role", "king"]]:
            with self.subTest(words=words):
                self.exits(USAGE, self.a.run(*words))

    def test_every_command_has_a_help(self):
        for words in ["login", "user", "endpoint", "grant", "deny", "revoke", "grant list", "endpoint create",
                      "endpoint alter", "endpoint status", "endpoint describe", "endpoint topology", "endpoint listen",
                      "endpoint connect", "endpoint drop", "user add-certificate"]:
            self.exits(DONE, self.a.run(*words.split(), "--help"), "keywarden")

    # ---- principals

    def test_a_certificate_whose_fingerprint_nobody_compared_is_refused(self):
        self.b.done("user", "drop-certificate", "host_a_cert")
        adding = ["user", "add-certificate", "host_a_user", "--name", "host_a_cert", "--file", self.a.file]
        self.exits(USAGE, self.b.run(*adding), "--fingerprint is needed", "another channel", "--not-compared")
        self.exits(USAGE, self.b.run(*adding, "--fingerprint", "12:34"), "64 hexadecimal digits")
        self.exits(REFUSED, self.b.run(*adding, "--fingerprint", self.witness.read_out), "whose fingerprint was compared",
                   self.a.read_out)
        self.assertNotIn("host_a_cert", self.b.done("user", "list"))
        self.exits(DONE, self.b.run(*adding, "--not-compared"), "Not compared", "may now connect as host_a_login")

    def test_ones_own_certificate_is_no_peers(self):
        self.exits(REFUSED, self.a.run("user", "add-certificate", "host_b_user", "--name", "mine", "--file", self.a.file,
                                       "--fingerprint", self.a.read_out), "this instance's own")

    def test_two_users_cannot_own_one_certificate(self):
        self.exits(REFUSED, self.a.run("user", "add-certificate", "witness_user", "--name", "twice", "--file", self.b.file,
                                       "--fingerprint", self.b.read_out), "exists already")

    def test_principals_go_from_the_leaves(self):
        self.exits(REFUSED, self.a.run("login", "drop", "host_b_login"), "keywarden user drop host_b_user")
        self.exits(REFUSED, self.a.run("user", "drop", "host_b_user"), "keywarden user drop-certificate host_b_cert")
        self.a.done("user", "drop-certificate", "host_b_cert")
        self.a.done("user", "drop", "host_b_user")
        self.a.done("login", "drop", "host_b_login")
        self.assertNotIn("host_b", json.dumps(self.a.facts("login", "list")) + json.dumps(self.a.facts("grant", "list")))
        self.exits(REFUSED, self.a.run("user", "create", "host_b_user", "--login", "host_b_login"),
                   "keywarden login create host_b_login")

    def test_a_permission_on_an_endpoint_that_is_not_there_is_refused(self):
        self.exits(REFUSED, self.a.run("grant", "connect", "--endpoint", "Typo", "--to", "host_b_login"), ENDPOINT)
        self.exits(DONE, self.a.run("revoke", "connect", "--endpoint", "Typo", "--from", "host_b_login"), "nothing changed")

    def test_a_deny_wins_and_no_deny_stops_a_sysadmin(self):
        deny = ["deny", "connect", "--endpoint", ENDPOINT, "--to"]
        self.a.done("grant", "control", "--endpoint", ENDPOINT, "--to", "host_b_login")
        self.a.done(*deny, "host_b_login")
        may = {row["login"]: row["why"] for row in self.a.facts("endpoint", "status")["logins"]}
        self.assertEqual(may["host_b_login"], "denied")
        self.a.done("login", "create", "root", "--role", "sysadmin")
        self.exits(REFUSED, self.a.run(*deny, "root"), "keywarden login alter root --role none")
        self.a.done("login", "alter", "root", "--role", "none")
        self.a.done(*deny, "root")

    # ---- the mesh

    def test_topology_names_a_missing_edge_in_a_sentence_and_exits_with_1(self):
        self.b.done("revoke", "connect", "--endpoint", ENDPOINT, "--from", "host_a_login")
        files = [instance.describe() for instance in (self.a, self.b, self.witness)]
        sentence = "host_a -> host_b: nobody granted CONNECT on the endpoint of host_b to host_a_login"
        self.exits(REFUSED, self.a.run("endpoint", "topology", *files), "5 of 6 trust edges", sentence,
                   "GRANT CONNECT")
        told = self.exits(REFUSED, self.a.run("endpoint", "topology", *files, "--json"))
        said = json.loads(told.stdout)
        self.assertEqual([(row["fault"], row["from"], row["at"]) for row in said["problems"]],
                         [("no CONNECT", "host_a", "host_b")])
        self.assertFalse(said["ok"])
        self.exits(REFUSED, self.a.run("endpoint", "topology", *files, "--dot"), "style=dashed")
        self.exits(REFUSED, self.a.run("endpoint", "topology", *files, "--markdown"), "**no CONNECT**")
        self.witness.done("user", "drop-certificate", "host_b_cert")
        files[2] = self.witness.describe()
        self.exits(REFUSED, self.a.run("endpoint", "topology", *files), "4 of 6", sentence,
                   "host_b -> witness: witness holds no certificate of host_b")

    def test_topology_refuses_what_is_no_description(self):
        broken = pathlib.Path(self.a.path("broken.json"))
        broken.write_text("{}")
        self.exits(REFUSED, self.a.run("endpoint", "topology", str(broken), str(broken)), str(broken))
        self.exits(ENVIRONMENT, self.a.run("endpoint", "topology", "/nonexistent", str(broken)))

    # ---- ALTER

    def test_encryption_is_weakened_only_by_name(self):
        weakening = ["endpoint", "alter", "--encryption", "SUPPORTED ALGORITHM AES"]
        self.exits(REFUSED, self.b.run(*weakening), "weaker", "--accept-weaker")
        self.assertEqual(self.b.facts("endpoint", "status")["encryption"], "REQUIRED ALGORITHM AES")
        self.exits(DONE, self.b.run(*weakening, "--accept-weaker"), "Changed: ENCRYPTION")
        # This program always encrypts: it does not run an endpoint that need not.
        self.exits(REFUSED, self.b.run("endpoint", "listen"), "SUPPORTED ALGORITHM AES", "always encrypts")
        self.exits(DONE, self.b.run("endpoint", "alter", "--encryption", "required algorithm aes"))
        self.exits(REFUSED, self.b.run("endpoint", "alter", "--accept-weaker", "--encryption", "REQUIRED ALGORITHM RC4"),
                   "RC4 is broken")

    def test_alter_changes_what_is_given_and_nothing_else(self):
        before = self.a.facts("endpoint", "status")
        self.exits(DONE, self.a.run("endpoint", "alter", "--port", "7123"), "Changed: LISTENER_PORT", "started again")
        after = self.a.facts("endpoint", "status")
        self.assertEqual({name for name in before if before[name] != after[name]}, {"listener_port"})
        self.exits(DONE, self.a.run("endpoint", "alter", "--port", "7123"), "nothing changed")

    def test_a_certificate_joins_the_old_one_and_then_takes_its_place(self):
        self.a.done("cert", "create", "master", "next_cert", "--subject", "host_a certificate")
        self.exits(DONE, self.a.run("endpoint", "alter", "--certificate", "next_cert", "--and-old"),
                   "CERTIFICATE host_a_cert, next_cert")
        self.exits(DONE, self.a.run("endpoint", "alter", "--certificate", "next_cert"), "CERTIFICATE next_cert,")
        self.assertEqual(self.a.facts("endpoint", "status")["shows"], ["next_cert"])

    # ---- connections

    def test_two_instances_talk(self):
        listener = self.listen(self.b)
        talk = self.start(self.a, "endpoint", "connect", self.b.place(), "--expect", "host_b_login")
        talk.wait_for("host_b_login answered", "host_b_user", self.b.read_out)
        talk.wait_for("encrypted: AES-256-GCM", "1.3", "key agreement")
        talk.say("hello\n")
        talk.wait_for("hello")
        status, said = talk.end()
        self.assertEqual(status, DONE, said)
        listener.wait_for("logged in: from 127.0.0.1 as host_a_login")
        listener.wait_for("session: host_a_login", "host_a_user", self.a.read_out)
        listener.wait_for("closed: from 127.0.0.1 as host_a_login")
        listener.signal(signal.SIGTERM)
        status, said = listener.end()
        self.assertEqual(status, DONE, said)
        self.assertIn("ended; sessions: 1", said)

    def test_what_is_piped_in_comes_back_and_nothing_else_is_on_standard_output(self):
        self.listen(self.b)
        content = bytes(range(256)) * 4096
        talk = self.a.run("endpoint", "connect", self.b.place(), "--expect", "host_b_login", given=content)
        self.assertEqual((talk.returncode, talk.stdout == content), (DONE, True), talk.stderr)
        self.assertIn(b"host_b_login answered", talk.stderr)

    def test_what_cannot_be_printed_is_not_lost_in_silence(self):
        self.listen(self.b)
        with open("/dev/full", "wb") as full:
            talk = subprocess.run(self.a.arguments("endpoint", "connect", self.b.place(), "--expect", "host_b_login"),
                                  input=b"hello", stdout=full, stderr=subprocess.PIPE, timeout=60, check=False)
        self.assertEqual(talk.returncode, ENVIRONMENT, talk.stderr)

    def test_a_place_where_nobody_listens_is_told_at_once(self):
        began = time.monotonic()
        self.exits(ENVIRONMENT, self.a_check(), "Connection refused", "listener running")
        self.assertLess(time.monotonic() - began, 8)  # a connection attempt alone may take ten

    def test_a_check_says_who_answers_and_whether_it_lets_this_instance_in(self):
        self.listen(self.b)
        told = json.loads(self.exits(DONE, self.a_check()).stdout)
        self.assertEqual((told["login"], told["sha256"]), ("host_b_login", self.b.read_out))
        self.assertIn("1.3", told["version"])
        self.assertEqual(told["protection"], "encrypted: AES-256-GCM")
        self.exits(USAGE, self.connect(self.a, self.b, "--json"), "--check")

    def a_check(self):
        return self.connect(self.a, self.b, "--check", "--json")

    def test_a_peer_without_connect_is_refused_and_only_the_log_says_why(self):
        self.b.done("revoke", "connect", "--endpoint", ENDPOINT, "--from", "host_a_login")
        listener = self.listen(self.b)
        refused = self.exits(REFUSED, self.connect(self.a, self.b, "--check"), "the peer refused the connection",
                             "access_denied")
        self.assertNotIn("CONNECT", refused.stderr.decode())
        listener.wait_for("refused: from 127.0.0.1", "not granted", "CONNECT",
                          f"keywarden grant connect --endpoint {ENDPOINT} --to host_a_login")

    def test_a_stranger_is_refused_with_its_fingerprint_in_the_log(self):
        self.b.done("user", "drop-certificate", "host_a_cert")
        listener = self.listen(self.b)
        self.exits(REFUSED, self.a_check(), "access_denied")
        listener.wait_for("refused: from 127.0.0.1", self.a.read_out)

    def test_who_answers_in_anothers_place_is_refused(self):
        self.listen(self.b)
        self.exits(REFUSED, self.connect(self.a, self.b, "--check", expect="witness_login"), "host_b_login",
                   "another instance answered")

    def test_a_revoke_and_sighup_end_the_session_of_that_peer_only(self):
        listener = self.listen(self.b)
        talks = {name: self.start(instance, "endpoint", "connect", self.b.place(), "--expect", "host_b_login")
                 for name, instance in (("host_a", self.a), ("witness", self.witness))}
        for name, talk in talks.items():
            talk.say(f"this is {name}\n")
            talk.wait_for(f"this is {name}")
        self.b.done("revoke", "connect", "--endpoint", ENDPOINT, "--from", "host_a_login")
        listener.signal(signal.SIGHUP)
        listener.wait_for("reloaded; sessions ended: 1")
        listener.wait_for("dropped: from 127.0.0.1 as host_a_login", "not granted")
        talks["host_a"].wait_for("refused: ", "access_denied")
        self.assertEqual(talks["host_a"].end()[0], REFUSED)
        talks["witness"].say("still there\n")
        talks["witness"].wait_for("still there")
        self.assertEqual(talks["witness"].end()[0], DONE)
        self.exits(REFUSED, self.a_check(), "access_denied")
        self.b.done("grant", "connect", "--endpoint", ENDPOINT, "--to", "host_a_login")
        listener.signal(signal.SIGHUP)
        listener.wait_for("reloaded; sessions ended: 0")
        self.exits(DONE, self.a_check())

    def test_sigterm_tells_the_peers(self):
        listener = self.listen(self.b)
        talk = self.start(self.a, "endpoint", "connect", self.b.place(), "--expect", "host_b_login")
        talk.say("hello\n")
        talk.wait_for("hello")
        listener.signal(signal.SIGTERM)
        talk.wait_for("refused: ", "access_denied")
        self.assertEqual(listener.end()[0], DONE)

    def test_a_stopped_endpoint_does_not_listen_and_a_disabled_one_answers_with_an_error(self):
        self.b.done("endpoint", "alter", "--state", "stopped")
        self.exits(REFUSED, self.b.run("endpoint", "listen"), "STOPPED", "keywarden endpoint alter --state started")
        self.exits(ENVIRONMENT, self.a_check(), "listener running")
        self.b.done("endpoint", "alter", "--state", "disabled")
        listener = self.start(self.b, "endpoint", "listen", "--seconds", "120")
        listener.wait_for("DISABLED: listening on")
        self.exits(REFUSED, self.a_check(), "access_denied")
        self.b.done("endpoint", "alter", "--state", "started")
        listener.signal(signal.SIGHUP)
        listener.wait_for("reloaded")
        self.exits(DONE, self.a_check())

    def test_a_dropped_endpoint_ends_its_sessions_with_sighup(self):
        listener = self.listen(self.b)
        talk = self.start(self.a, "endpoint", "connect", self.b.place(), "--expect", "host_b_login")
        talk.say("hello\n")
        talk.wait_for("hello")
        self.b.done("endpoint", "drop")
        listener.signal(signal.SIGHUP)
        listener.wait_for("reloaded; sessions ended: 1")
        talk.wait_for("refused: ", "access_denied")
        self.exits(ENVIRONMENT, self.a_check())

    def test_listening_ends_in_time_and_a_port_in_use_is_the_environments_fault(self):
        self.listen(self.b)
        self.exits(ENVIRONMENT, self.b.run("endpoint", "listen"), "port", "in use")
        self.exits(DONE, self.a.run("endpoint", "listen", "--seconds", "1"), "listening on", "ended; sessions: 0")

    def test_a_master_key_that_does_not_open_by_itself_is_opened_by_its_password(self):
        known = ["--dmk-password-file", self.b.path("password")]
        self.b.done("dmk", "drop-service-key", "master")
        self.exits(REFUSED, self.b.run("endpoint", "status"), "not open")
        self.exits(DONE, self.b.run("endpoint", "status", *known), "host_a_login")
        listener = self.listen(self.b, *known)
        self.exits(DONE, self.a_check())
        self.exits(DONE, self.b.run("revoke", "connect", "--endpoint", ENDPOINT, "--from", "host_a_login", *known))
        listener.signal(signal.SIGHUP)
        listener.wait_for("reloaded; sessions ended: 0")
        self.exits(REFUSED, self.a_check(), "access_denied")

    def test_addresses_that_are_not_allowed_are_not_admitted(self):
        listener = self.listen(self.b, "--allow", "192.0.2.0/24", "--json")
        self.assertNotEqual(self.a_check().returncode, DONE)
        said = json.loads(listener.wait_for("not admitted"))
        self.assertEqual((said["code"], said["address"]), ("admission_refused", "127.0.0.1"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
