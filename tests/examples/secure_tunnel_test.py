#!/usr/bin/env python3
"""secure_tunnel_test.py <secure_tunnel>: the tunnel alone, with the services and clients of this program at its ends."""

import atexit
import contextlib
import hashlib
import os
import pathlib
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from secure_tunnel_support import (PATIENCE, Folder, Program, Service, echo, read_all,  # noqa: E402
                                   start_accept, start_connect, wait_until)

PROGRAM = sys.argv.pop(1)
UNLIMITED = ("--rate", "1000000", "--per-host", "1000")


def run(*words):
    return subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, timeout=60, check=False)


def make_identity(path, name):
    """As the help text says: the program makes the folder. Gives it, and the certificate's PEM."""
    made = run("identity", "--identity", path, "--name", name)
    assert made.returncode == 0, made.stderr
    folder = Folder(path)
    return folder, next((folder.path / "own").glob("*.crt")).read_bytes()


class Pair:
    """Two instances that know each other, and a tunnel between them."""

    made = None  # their folders, made once: a key's encryption is slow on purpose

    def __init__(self, serve=echo, accept_words=UNLIMITED, connect_words=(), listen="127.0.0.1:0"):
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="keywarden-tunnel-"))
        self.here, self.here_pem = self.copy_of("here")
        self.there, self.there_pem = self.copy_of("there")
        self.here.know("there", self.there_pem)
        self.there.know("here", self.here_pem)
        self.here.grant("there")
        self.there.grant("here")
        self.service = Service(serve)
        self.accept, self.port = start_accept(PROGRAM, self.there, f"127.0.0.1:{self.service.port}", *accept_words)
        self.connect, self.local = start_connect(
            PROGRAM, self.here, self.port, *connect_words, listen=listen.format(self.scratch))

    def copy_of(self, name):
        if Pair.made is None:
            Pair.made = pathlib.Path(tempfile.mkdtemp(prefix="keywarden-tunnel-"))
            atexit.register(shutil.rmtree, Pair.made)
            for each in ["here", "there", "other"]:
                make_identity(Pair.made / each, each)
        shutil.copytree(Pair.made / name, self.scratch / name)
        folder = Folder(self.scratch / name)
        return folder, next((folder.path / "own").glob("*.crt")).read_bytes()

    def dial(self):
        made = socket.create_connection(("127.0.0.1", self.local), PATIENCE)
        made.settimeout(PATIENCE)
        return made

    def close(self):
        for each in [self.connect, self.accept]:
            each.kill()
        self.service.close()
        shutil.rmtree(self.scratch, ignore_errors=True)


@contextlib.contextmanager
def pair(*words, **more):
    made = Pair(*words, **more)
    try:
        yield made
    finally:
        made.close()


def ask(connection, said=b"anybody there?"):
    connection.sendall(said)
    heard = b""
    while len(heard) < len(said):
        block = connection.recv(65536)
        if not block:
            break
        heard += block
    return heard == said


def answers(tunnel):
    """Whether a new connection is answered; one that is not may be reset before it is even returned."""
    try:
        with tunnel.dial() as client:
            return ask(client)
    except (ConnectionResetError, BrokenPipeError):
        return False


SIZE = 64 << 20


def send_stream(connection, seed):
    """64 MiB that no two positions of are alike; gives their hash."""
    digest = hashlib.sha256()
    block = os.urandom(1 << 20)
    for number in range(SIZE >> 20):
        part = number.to_bytes(8, "big") + seed + block[16:]
        connection.sendall(part)
        digest.update(part)
    connection.shutdown(socket.SHUT_WR)
    return digest.hexdigest()


def take_stream(connection):
    digest, size = hashlib.sha256(), 0
    while block := connection.recv(1 << 18):
        digest.update(block)
        size += len(block)
    return size, digest.hexdigest()


class Data(unittest.TestCase):
    def test_64_mib_both_ways_at_once_arrive_byte_for_byte(self):
        ends = {}

        def serve(connection):
            sender = threading.Thread(target=lambda: ends.update(service_sent=send_stream(connection, b"-service")))
            sender.start()
            ends["service_took"] = take_stream(connection)
            sender.join()
            ends["over"] = True

        with pair(serve) as tunnel, tunnel.dial() as client:
            begin = time.monotonic()
            sender = threading.Thread(target=lambda: ends.update(client_sent=send_stream(client, b"--client")))
            sender.start()
            ends["client_took"] = take_stream(client)
            sender.join()
            wait_until(lambda: "over" in ends, "the service has everything")
            print(f"64 MiB both ways in {time.monotonic() - begin:.1f} s")
        self.assertEqual(ends["service_took"], (SIZE, ends["client_sent"]))
        self.assertEqual(ends["client_took"], (SIZE, ends["service_sent"]))

    def test_who_has_said_everything_still_hears_the_answer(self):
        def count(connection):
            connection.sendall(str(len(read_all(connection))).encode())

        with pair(count) as tunnel, tunnel.dial() as client:
            client.sendall(bytes(100_000))
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(read_all(client), b"100000")

    def test_a_service_that_has_said_everything_still_hears_the_client(self):
        heard = []

        def serve(connection):
            connection.sendall(b"that is all")
            connection.shutdown(socket.SHUT_WR)
            heard.append(read_all(connection))

        with pair(serve) as tunnel, tunnel.dial() as client:
            self.assertEqual(read_all(client), b"that is all")
            client.sendall(b"but I have a question")
            client.shutdown(socket.SHUT_WR)
            wait_until(lambda: heard, "the service heard it")
        self.assertEqual(heard, [b"but I have a question"])

    def test_who_does_not_read_makes_the_other_end_wait(self):
        go_on = threading.Event()
        taken = []

        def serve(connection):
            go_on.wait(PATIENCE)
            taken.append(len(read_all(connection)))

        with pair(serve) as tunnel, tunnel.dial() as client:
            client.setblocking(False)
            sent, last = 0, time.monotonic()
            while time.monotonic() < last + 1 and sent < 1 << 30:
                try:
                    sent += client.send(bytes(1 << 16))
                    last = time.monotonic()
                except BlockingIOError:
                    time.sleep(0.01)
            self.assertLess(sent, 64 << 20, "the system's buffers took it, and no more than a record each end of the tunnel")
            go_on.set()
            client.setblocking(True)
            client.shutdown(socket.SHUT_WR)
            wait_until(lambda: taken, "the service has everything")
            self.assertEqual(taken, [sent])

    def test_many_short_connections(self):
        failures = []

        def dial(tunnel):
            for _ in range(50):
                with tunnel.dial() as client:
                    if not ask(client, os.urandom(1000)):
                        failures.append("another answer")

        with pair() as tunnel:
            begin = time.monotonic()
            threads = [threading.Thread(target=dial, args=(tunnel,)) for _ in range(8)]
            for each in threads:
                each.start()
            for each in threads:
                each.join()
            print(f"400 connections in {time.monotonic() - begin:.1f} s")
            self.assertEqual(failures, [])
            self.assertEqual(tunnel.service.taken, 400)
            wait_until(lambda: tunnel.accept.count(r" closed: from 127\.0\.0\.1 as here") == 400, "all are closed")

    def test_a_unix_socket_is_the_users_own_and_a_dead_tunnels_is_replaced(self):
        with pair(listen="unix:{}/socket") as tunnel:
            self.assertEqual(stat.S_IMODE(os.stat(tunnel.local).st_mode), 0o600)
            tunnel.connect.kill()
            self.assertTrue(os.path.exists(tunnel.local))
            tunnel.connect, _ = start_connect(PROGRAM, tunnel.here, tunnel.port, listen=f"unix:{tunnel.local}")
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(PATIENCE)
                client.connect(tunnel.local)
                self.assertTrue(ask(client))
            second = run("connect", "--identity", tunnel.here.path, "--listen", f"unix:{tunnel.local}", "--to", "x:1")
            self.assertEqual(second.returncode, 3, "a living tunnel keeps its socket")
            self.assertEqual(tunnel.connect.stop(), 0)
            self.assertFalse(os.path.exists(tunnel.local))


class Ends(unittest.TestCase):
    """No end but a goodbye looks like one."""

    def broken_by(self, act):
        """What the client and the service see when something breaks off a session in its middle."""
        seen = []

        def serve(connection):
            connection.sendall(b"half")
            try:
                seen.append(read_all(connection))
            except ConnectionResetError:
                seen.append("reset")

        with pair(serve) as tunnel, tunnel.dial() as client:
            client.sendall(b"of it")
            self.assertEqual(client.recv(4), b"half")
            act(tunnel)
            try:
                client_saw = client.recv(1)
            except ConnectionResetError:
                client_saw = "reset"
            wait_until(lambda: seen, "the service noticed")
            return client_saw, seen[0]

    def test_a_connector_that_is_killed_is_no_goodbye_to_the_service(self):
        self.assertEqual(self.broken_by(lambda tunnel: tunnel.connect.kill())[1], "reset")

    def test_an_acceptor_that_is_killed_is_no_goodbye_to_the_client(self):
        self.assertEqual(self.broken_by(lambda tunnel: tunnel.accept.kill())[0], "reset")

    def test_a_connector_that_is_terminated_exits_with_0_and_resets_both(self):
        statuses = []
        self.assertEqual(self.broken_by(lambda tunnel: statuses.append(tunnel.connect.stop())), ("reset", "reset"))
        self.assertEqual(statuses, [0])

    def test_an_acceptor_that_is_terminated_tells_its_peers_and_frees_its_port(self):
        def stop(tunnel):
            self.assertEqual(tunnel.accept.stop(), 0)
            tunnel.connect.expect(r"broken off: the peer refused .*access_denied")
            with self.assertRaises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", tunnel.port))

        self.assertEqual(self.broken_by(stop), ("reset", "reset"))

    def test_a_service_that_resets_is_no_goodbye_to_the_client(self):
        def serve(connection):
            connection.recv(1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

        with pair(serve) as tunnel, tunnel.dial() as client:
            client.sendall(b"?")
            with self.assertRaises(ConnectionResetError):
                client.recv(1)

    def test_without_a_service_the_client_is_reset(self):
        with pair() as tunnel:
            tunnel.service.listening.shutdown(socket.SHUT_RDWR)
            tunnel.service.close()
            with self.assertRaises(ConnectionResetError), tunnel.dial() as client:
                client.sendall(b"?")
                client.recv(1)
            tunnel.accept.expect("not forwarded: .*Connection refused")


class Trust(unittest.TestCase):
    def refused(self, tunnel):
        self.assertFalse(answers(tunnel))
        self.assertEqual(tunnel.service.taken, 0, "nothing reached the service")

    def test_another_known_peer_than_expected_is_refused_by_the_connector(self):
        with pair(connect_words=("--expect", "elsewhere")) as tunnel:
            self.refused(tunnel)
            tunnel.connect.expect(r"refused: to 127\.0\.0\.1:\d+: the peer's credential is not one this instance knows")

    def test_the_expected_peer_is_taken(self):
        with pair(connect_words=("--expect", "there")) as tunnel, tunnel.dial() as client:
            self.assertTrue(ask(client))

    def test_an_acceptor_that_was_not_granted_may_not_answer(self):
        with pair() as tunnel:
            tunnel.here.grant()
            tunnel.connect.reload()
            self.refused(tunnel)
            tunnel.connect.expect(r"refused: to .*the policy does not permit this \(kind: CONNECT, peer: there")

    def test_a_stranger_is_refused(self):
        with pair() as tunnel:
            tunnel.there.know("here", tunnel.there_pem)  # another certificate than the one it will show
            tunnel.accept.reload()
            self.refused(tunnel)
            tunnel.accept.expect(r"refused: from 127\.0\.0\.1: the peer's credential is not one this instance knows")
            tunnel.connect.expect(r"broken off: the peer refused the connection \(.*access_denied")

    def test_networks_that_are_denied_are_closed_before_a_handshake(self):
        with pair(accept_words=("--deny", "127.0.0.0/8")) as tunnel:
            self.refused(tunnel)
            tunnel.accept.expect(r"not admitted: from 127\.0\.0\.1: .*kind: network_acl, "
                                 r"reason: rule 1 denies 127\.0\.0\.0/8")

    def test_networks_that_are_not_allowed_are_closed(self):
        with pair(accept_words=("--allow", "192.0.2.0/24")) as tunnel:
            self.refused(tunnel)
            tunnel.accept.expect("not admitted: .*reason: no rule permits it")

    def test_too_many_connections_in_a_while_are_closed(self):
        with pair(accept_words=("--rate", "2")) as tunnel:
            outcomes = [answers(tunnel) for _ in range(20)]
            self.assertEqual(outcomes[:2], [True, True])
            self.assertIn(False, outcomes)
            tunnel.accept.expect("not admitted: .*kind: connection_rate")

    def test_too_many_open_connections_are_closed(self):
        with pair(accept_words=("--per-host", "1")) as tunnel, tunnel.dial() as first:
            self.assertTrue(ask(first))
            self.assertFalse(answers(tunnel))
            tunnel.accept.expect("not admitted: .*kind: concurrent_connections")
            self.assertTrue(ask(first))


class Reload(unittest.TestCase):
    def test_both_certificates_change_while_a_session_goes_on(self):
        with pair() as tunnel, tunnel.dial() as session:
            self.assertTrue(ask(session))
            old = {}
            for folder in [tunnel.here, tunnel.there]:
                old[folder] = next((folder.path / "own").glob("*.crt")).stem
                wait_until(lambda: time.strftime("%Y-%m-%dT%H%M%SZ", time.gmtime()) > old[folder], "the next second")
                made = run("identity", "--identity", folder.path, "--name", folder.path.name)
                self.assertEqual(made.returncode, 0, made.stderr)
            new_here, new_there = (max((folder.path / "own").glob("*.crt")).read_bytes()
                                   for folder in [tunnel.here, tunnel.there])
            tunnel.there.know("here", tunnel.here_pem, new_here)
            tunnel.here.know("there", tunnel.there_pem, new_there)
            self.assertEqual([tunnel.accept.reload(), tunnel.connect.reload()], [0, 0])
            self.assertTrue(ask(session), "it goes on")
            for folder in [tunnel.here, tunnel.there]:
                folder.hide(old[folder])
            self.assertEqual([tunnel.accept.reload(), tunnel.connect.reload()], [0, 0])
            with tunnel.dial() as fresh:
                self.assertTrue(ask(fresh))
                # Forgetting the old ones ends who came with them, and nobody else.
                tunnel.there.know("here", new_here)
                self.assertEqual(tunnel.accept.reload(), 1)
                with self.assertRaises(ConnectionResetError):
                    session.recv(1)
                tunnel.here.know("there", new_there)
                self.assertEqual(tunnel.connect.reload(), 0)
                self.assertTrue(ask(fresh))

    def test_a_login_that_may_no_longer_connect_is_cut_off_and_others_are_not(self):
        with pair() as tunnel:
            other, other_pem = tunnel.copy_of("other")
            other.know("there", tunnel.there_pem)
            other.grant("there")
            tunnel.there.know("other", other_pem)
            tunnel.there.grant("here", "other")
            self.assertEqual(tunnel.accept.reload(), 0)
            second, port = start_connect(PROGRAM, other, tunnel.port)
            try:
                with tunnel.dial() as here, socket.create_connection(("127.0.0.1", port), PATIENCE) as elsewhere:
                    self.assertTrue(ask(here) and ask(elsewhere))
                    tunnel.there.grant("other")
                    self.assertEqual(tunnel.accept.reload(), 1)
                    tunnel.accept.expect(r"dropped: from 127\.0\.0\.1 as here: the policy does not permit this "
                                         r"\(.*reason: not granted")
                    with self.assertRaises(ConnectionResetError):
                        here.recv(1)
                    self.assertTrue(ask(elsewhere))
            finally:
                second.kill()

    def test_a_folder_that_makes_no_sense_changes_nothing(self):
        with pair() as tunnel, tunnel.dial() as session:
            self.assertTrue(ask(session))
            tunnel.there.grant()
            tunnel.there.write("peers/here.crt", "no certificate")
            mark = tunnel.accept.mark
            tunnel.accept.child.send_signal(1)
            tunnel.accept.expect("not reloaded, all stays as it was: the bytes are not of the expected form", mark)
            with tunnel.dial() as another:
                self.assertTrue(ask(session) and ask(another))

    def test_trust_by_authorities_needs_a_restart(self):
        with pair() as tunnel:
            (tunnel.there.path / "authorities").mkdir()
            mark = tunnel.accept.mark
            tunnel.accept.child.send_signal(1)
            tunnel.accept.expect("not reloaded.*restart", mark)


class CommandLine(unittest.TestCase):
    def setUp(self):
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="keywarden-tunnel-"))
        self.addCleanup(shutil.rmtree, self.scratch)

    def test_help_is_no_error(self):
        made = run("--help")
        self.assertEqual((made.returncode, made.stderr), (0, ""))
        for word in ["--plaintext-on-the-network", "--expect", "SIGHUP", "Exit status"]:
            self.assertIn(word, made.stdout)

    def test_wrong_usage_exits_with_2_and_says_what_is_wrong(self):
        for words, reason in [
                ([], "the first word is accept, connect or identity"),
                (["listen"], "the first word is"),
                (["accept", "--identity", "x", "--listen", "127.0.0.1:0"], "accept needs --forward"),
                (["accept", "--to", "x"], 'accept takes no "--to"'),
                (["accept", "--identity"], "--identity needs a value"),
                (["accept", "--rate", "-1"], '"-1" is not a number that fits'),
                (["accept", "--rate", "1", "--rate", "2"], "--rate was given twice"),
                (["accept", "--allow", "10.0.0.1/8"], "10.0.0.0/8")]:
            made = run(*words)
            self.assertEqual(made.returncode, 2, words)
            self.assertIn(reason, made.stderr)

    def test_plaintext_stays_on_the_machine_unless_a_flag_says_otherwise(self):
        folder, _ = make_identity(self.scratch / "here", "here")
        for words in [["accept", "--listen", "127.0.0.1:0", "--forward", "192.0.2.1:80"],
                      ["connect", "--listen", "0.0.0.0:0", "--to", "127.0.0.1:1"]]:
            made = run(*words, "--identity", folder.path)
            self.assertEqual(made.returncode, 2, made.stderr)
            self.assertIn("--plaintext-on-the-network", made.stderr)
        allowed = Program([PROGRAM, "connect", "--listen", "0.0.0.0:0", "--to", "127.0.0.1:1", "--identity",
                           str(folder.path), "--plaintext-on-the-network"])
        allowed.expect("listening on")
        self.assertEqual(allowed.stop(), 0)

    def test_an_unusable_identity_exits_with_1(self):
        folder, _ = make_identity(self.scratch / "here", "here")
        words = ["accept", "--listen", "127.0.0.1:0", "--forward", "127.0.0.1:1", "--identity", folder.path]
        (folder.path / "password").chmod(0o640)
        self.assertIn("others may read it", run(*words).stderr)
        folder.write("password", "Another horse 8 battery\n", 0o600)
        made = run(*words)
        self.assertEqual(made.returncode, 1)
        self.assertIn("a wrong password", made.stderr)

    def test_a_port_that_is_taken_exits_with_3(self):
        folder, _ = make_identity(self.scratch / "here", "here")
        with socket.create_server(("127.0.0.1", 0)) as taken:
            made = run("accept", "--listen", f"127.0.0.1:{taken.getsockname()[1]}", "--forward", "127.0.0.1:1",
                       "--identity", folder.path)
        self.assertEqual(made.returncode, 3)
        self.assertIn("Address already in use", made.stderr)

    def test_an_identity_is_made_for_its_owner_only(self):
        folder, _ = make_identity(self.scratch / "here", "here")
        self.assertEqual(stat.S_IMODE((folder.path / "password").stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(folder.path.stat().st_mode), 0o700)
        key = next((folder.path / "own").glob("*.key"))
        self.assertIn("BEGIN ENCRYPTED PRIVATE KEY", key.read_text())
        self.assertEqual(stat.S_IMODE(key.stat().st_mode), 0o600)


if __name__ == "__main__":
    unittest.main(verbosity=2)
