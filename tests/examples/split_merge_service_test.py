#!/usr/bin/env python3
"""split_merge_service_test.py <keywarden> <split_merge_service>: the service as its clients and its attackers see it.

It is deployed with commands alone (an authority, certificates, a certificate folder, a .cscfg) and asked by curl,
openssl s_client and, where they are installed, Chromium. What no authority would issue (expired, for servers) is made
with the authority's own key by python3-cryptography. Run as root, the test also searches the service's memory.
"""

import base64
import datetime
import functools
import hashlib
import http.client
import http.server
import ipaddress
import json
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

KEYWARDEN = sys.argv[1]
SERVICE = sys.argv[2]
TEMPLATE = pathlib.Path(__file__).resolve().parents[2] / "examples" / "split_merge_service" / "SplitMerge.cscfg"
CA_PASSWORD = "Only 1 machine knows"
KEY_PASSWORD = "Chosen by 1 person"
PATIENCE = 60
HTTP_OK = 200


class Running:
    """A process of the service, and what it logged."""

    def __init__(self, place, *words):
        self.log = open(place.folder / f"{words[0]}.log", "ab")
        self.log_start = self.log.tell()
        self.process = subprocess.Popen([SERVICE, *words], stderr=self.log, cwd=place.folder)
        self.wait_for(r"web: HTTPS on port|worker: ready")

    def text(self):
        return pathlib.Path(self.log.name).read_bytes()[self.log_start:].decode()

    def wait_for(self, pattern):
        end = time.monotonic() + PATIENCE
        while not re.search(pattern, self.text()):
            assert self.process.poll() is None, self.text()
            assert time.monotonic() < end, (pattern, self.text())
            time.sleep(0.02)
        return re.search(pattern, self.text())

    def reload(self):
        mark = len(self.text())
        self.process.send_signal(signal.SIGHUP)
        end = time.monotonic() + PATIENCE
        while not re.search("read again|old configuration stays", self.text()[mark:]):
            assert time.monotonic() < end, self.text()
            time.sleep(0.02)
        return self.text()[mark:]

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.process.wait(PATIENCE)
        self.log.close()


class Place:
    """An authority, certificates, a configuration, shards; and the processes that were started there."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="keywarden-split-merge-"))
        for name, text in (("ca", CA_PASSWORD), ("key", KEY_PASSWORD)):
            file = self.folder / f"{name}.password"
            file.write_text(text + "\n")
            file.chmod(0o600)
        self.ca = ("--ca-password-file", "ca.password")
        self.pfx = ("--pfx-password-file", "key.password")
        self.running = []

    def run(self, *words):
        return subprocess.run([KEYWARDEN, *words], capture_output=True, start_new_session=True, timeout=PATIENCE,
                              check=False, cwd=self.folder)

    def done(self, *words):
        outcome = self.run(*words)
        assert outcome.returncode == 0, (words, outcome)
        return outcome.stdout.decode()

    def certificate(self, name):
        content = (self.folder / f"{name}.cer").read_bytes()
        return x509.load_pem_x509_certificate(content) if b"BEGIN" in content else x509.load_der_x509_certificate(content)

    def thumbprint(self, name, by=hashes.SHA256):
        return self.certificate(name).fingerprint(by()).hex().upper()

    def store(self, name, into, *more):
        self.done("cert", "store", "import", name, "--folder", "certificates", "--location", "machine", "--store", into, *more)

    def client_files(self, name):
        """The certificate and its key as curl takes them."""
        key, leaf, chain = pkcs12.load_key_and_certificates((self.folder / f"{name}.pfx").read_bytes(), KEY_PASSWORD.encode())
        self.write_client(name, key, [leaf, *chain])

    def write_client(self, name, key, chain):
        text = b"".join(each.public_bytes(serialization.Encoding.PEM) for each in chain)
        text += key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        (self.folder / f"{name}.pem").write_bytes(text)
        (self.folder / f"{name}.cer").write_bytes(chain[0].public_bytes(serialization.Encoding.DER))

    def forge(self, name, issuer_name, usage, start, end, issuer_key=None):
        """Issues what the command line refuses to, with the authority's own key."""
        issuer = self.certificate(issuer_name)
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (x509.CertificateBuilder()
                   .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
                   .issuer_name(issuer.subject).public_key(key.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(start).not_valid_after(end)
                   .add_extension(x509.KeyUsage(True, False, False, False, False, False, False, False, False), True)
                   .add_extension(x509.ExtendedKeyUsage([usage]), False)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()), False))
        self.write_client(name, key, [builder.sign(issuer_key, hashes.SHA256())])

    def configuration(self, **changes):
        """A .cscfg out of the template: by settings, by certificates, and whole lines."""
        text = TEMPLATE.read_text()
        for name, value in {**self.settings, **changes}.items():
            if value is None:
                continue
            if name in ("SSL", "CA", "DataEncryptionPrimary"):
                text = re.sub(rf'(<Certificate name="{name}" thumbprint=")[^"]*(" thumbprintAlgorithm=")[^"]*"',
                              rf"\g<1>{value}\g<2>sha256\"", text).replace('\\"', '"')
            elif name == "DataEncryptionSecondary":
                text = re.sub(r'( *)(<Certificate name="DataEncryption)Primary(" thumbprint=")[^"]*(".*)\n',
                              lambda m: m.group(0) + m.group(1) + m.group(2) + "Secondary" + m.group(3) + value + m.group(4) + "\n",
                              text)
            elif name == "HttpsIn":
                text = text.replace('endPoint="HttpsIn" accessControl="Restricted"', f'endPoint="HttpsIn" accessControl="{value}"')
            elif name == "Subnet":
                text = text.replace("100.100.0.0/16", value)
            else:
                text = re.sub(rf'(<Setting name="{name}" value=")[^"]*"', rf'\g<1>{value}"', text)
        file = self.folder / "SplitMerge.cscfg"
        file.write_text(text)
        file.chmod(0o600)

    def init(self, rows=400):
        self.data = pathlib.Path(tempfile.mkdtemp(prefix="data-", dir=self.folder))
        subprocess.run([SERVICE, "init", "--data", self.data, "--shard", "west=0..5000", "--shard", "east=5000..10000",
                        "--rows", str(rows)], check=True, capture_output=True, timeout=PATIENCE)
        self.settings["ElasticScaleMetadata"] = f"Data Source={self.data}/metadata.db"

    def web(self, *more):
        made = Running(self, "web", "--config", "SplitMerge.cscfg", "--certificates", "certificates", "--key-password",
                       "key.password", "--https-port", "0", "--http-port", "0", *more)
        self.running.append(made)
        ports = made.wait_for(r"HTTPS on port (\d+), HTTP on port (\d+)")
        made.https, made.http = int(ports.group(1)), int(ports.group(2))
        return made

    def worker(self, *more):
        made = Running(self, "worker", "--config", "SplitMerge.cscfg", "--certificates", "certificates", "--key-password",
                       "key.password", *more)
        self.running.append(made)
        return made

    def stop(self):
        for each in self.running:
            each.stop()
        self.running = []

    def curl(self, web, path="/", client="alice", *more, scheme="https"):
        shown = ("--cert", f"{client}.pem") if client else ()
        port = web.https if scheme == "https" else web.http
        return subprocess.run(["curl", "--silent", "--show-error", "--cacert", "ssl.pem", *shown, *more, "--write-out",
                               "\n%{http_code}", f"{scheme}://localhost:{port}{path}"], capture_output=True, check=False,
                              timeout=PATIENCE, cwd=self.folder)


@functools.cache
def deployment():
    place = Place()
    for name in ("ca", "other"):
        place.done("ca", "create", name, "--subject", f"CN={name} of the service", "--days", "3650", *place.ca)
        shutil.copy(next((place.folder / name).glob("*.cer")), place.folder / f"{name}.cer")
    place.done("cert", "self-signed", "--subject", "CN=localhost", "--dns", "localhost", "--purpose", "server", "--out", "ssl",
               *place.pfx)
    for name in ("first", "second"):
        place.done("cert", "self-signed", "--subject", f"CN={name}", "--purpose", "encryption", "--out", name, *place.pfx)
    for name in ("alice", "bob", "revoked", "unlisted"):
        place.done("ca", "issue", "ca", "--subject", f"CN={name}", "--purpose", "client", "--out", name, *place.ca, *place.pfx)
    place.done("ca", "issue", "other", "--subject", "CN=stranger", "--purpose", "client", "--out", "stranger", *place.ca,
               *place.pfx)
    for name in ("alice", "bob", "revoked", "unlisted", "stranger"):
        place.client_files(name)
    key = serialization.load_pem_private_key(next((place.folder / "ca").glob("*.key")).read_bytes(), CA_PASSWORD.encode())
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    day = datetime.timedelta(days=1)
    place.forge("expired", "ca", ExtendedKeyUsageOID.CLIENT_AUTH, now - 2 * day, now - day, key)
    place.forge("server", "ca", ExtendedKeyUsageOID.SERVER_AUTH, now - day, now + day, key)
    (place.folder / "ssl.pem").write_bytes(place.certificate("ssl").public_bytes(serialization.Encoding.PEM))
    for name in ("ssl", "first", "second"):
        place.store(f"{name}.pfx", "personal", *place.pfx)
    place.store("ca.cer", "trusted-roots", "--confirm", place.thumbprint("ca"))
    place.store("alice.cer", "trusted-people")
    listed = [place.thumbprint("alice", hashes.SHA1)]
    listed += [place.thumbprint(each) for each in ("bob", "revoked", "stranger", "expired", "server")]
    place.settings = {
        "SSL": place.thumbprint("ssl"), "CA": place.thumbprint("ca"),
        "AdditionalTrustedRootCertificationAuthorities": place.thumbprint("ca"),
        "DataEncryptionPrimary": place.thumbprint("first"),
        "AllowedClientCertificateThumbprints": ",".join(listed), "HttpsIn": "AllowAll",
        "DynamicIpRestrictionMaxRequests": "1000"}
    place.init()
    return place


class Case(unittest.TestCase):
    def setUp(self):
        self.place = deployment()
        self.addCleanup(self.place.stop)

    def served(self, web, client="alice", path="/", *more):
        outcome = self.place.curl(web, path, client, *more)
        self.assertEqual(outcome.returncode, 0, (outcome, web.text()))
        body, status = outcome.stdout.decode().rsplit("\n", 1)
        self.assertEqual(int(status) // 100, 2, (outcome, web.text()))
        return body

    def turned_away(self, web, client, why):
        outcome = self.place.curl(web, "/", client)
        self.assertNotEqual(outcome.returncode, 0, outcome)
        self.assertEqual(outcome.stdout.decode().strip(), "000")
        web.wait_for(why)


    def context(self, client="alice"):
        made = ssl.create_default_context(cafile=self.place.folder / "ssl.pem")
        made.load_cert_chain(self.place.folder / f"{client}.pem")
        return made

    def connection(self, web, client="alice"):
        context = self.context(client)
        made = http.client.HTTPSConnection("localhost", web.https, context=context, timeout=PATIENCE)
        self.addCleanup(made.close)
        return made

    def ask(self, to, headers=None):
        to.request("GET", "/style.css", headers=headers or {})
        answer = to.getresponse()
        answer.read()
        return answer.status


class Clients(Case):
    def test_listed_clients_are_served_by_either_thumbprint(self):
        self.place.configuration()
        web = self.place.web()
        for client in ("alice", "bob"):
            self.assertIn("Split-Merge", self.served(web, client))

    def test_everybody_else_is_turned_away_and_the_log_says_why(self):
        self.place.configuration()
        web = self.place.web()
        self.turned_away(web, "stranger", "does not lead to a trust anchor")
        self.turned_away(web, "expired", "expired")
        self.turned_away(web, "server", "does not allow this use|usage|not for")
        self.turned_away(web, "unlisted", "allow-list")
        self.turned_away(web, None, "refused: from")
        self.assertIn("Split-Merge", self.served(web, "alice"))

    def test_whoever_is_turned_away_is_not_told_why(self):
        self.place.done("ca", "crl", "ca", "--out", "whole.crl", "--overwrite", *self.place.ca)
        self.place.configuration(ClientCertificateRevocationCheck="Offline")
        web = self.place.web("--revocation-list", "whole.crl")
        told = set()
        for client in ("stranger", "expired", "server", "unlisted"):
            with socket.create_connection(("localhost", web.https), PATIENCE) as plain:
                with self.assertRaises(ssl.SSLError) as refusal:
                    with self.context(client).wrap_socket(plain, server_hostname="localhost") as secure:
                        secure.recv(1)
            told.add(refusal.exception.reason)
        self.assertEqual(told, {"TLSV1_ALERT_ACCESS_DENIED"})

    def test_openssl_is_served_and_sees_no_list_of_trusted_authorities(self):
        self.place.configuration()
        web = self.place.web()
        outcome = subprocess.run(
            ["openssl", "s_client", "-connect", f"localhost:{web.https}", "-cert", "alice.pem", "-CAfile", "ssl.pem", "-quiet",
             "-alpn", "http/1.1", "-verify_return_error"], input=b"GET /status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            capture_output=True, timeout=PATIENCE, check=False, cwd=self.place.folder)
        self.assertIn(b"HTTP/1.1 200", outcome.stdout, outcome)
        seen = subprocess.run(["openssl", "s_client", "-connect", f"localhost:{web.https}", "-CAfile", "ssl.pem"],
                              input=b"", capture_output=True, timeout=PATIENCE, check=False, cwd=self.place.folder)
        self.assertIn(b"No client certificate CA names sent", seen.stdout)

    def test_a_client_that_speaks_only_http_2_is_refused(self):
        self.place.configuration()
        web = self.place.web()
        outcome = subprocess.run(["openssl", "s_client", "-connect", f"localhost:{web.https}", "-cert", "alice.pem", "-alpn", "h2"],
                                 input=b"", capture_output=True, timeout=PATIENCE, check=False, cwd=self.place.folder)
        self.assertIn(b"no application protocol", outcome.stderr.lower(), outcome)

    def test_a_client_that_is_taken_off_the_list_is_refused_after_a_reload(self):
        self.place.configuration()
        web = self.place.web()
        self.served(web, "bob")
        self.place.configuration(AllowedClientCertificateThumbprints=self.place.thumbprint("alice"))
        self.assertIn("read again", web.reload())
        self.turned_away(web, "bob", "allow-list")
        self.served(web, "alice")

    def test_a_reload_of_a_broken_configuration_changes_nothing(self):
        self.place.configuration()
        web = self.place.web()
        self.place.configuration(HttpsIn="Retricted")
        self.assertIn('write Restricted', web.reload())
        self.served(web, "alice")

    def test_turned_off_client_certificates_let_anybody_in(self):
        self.place.configuration()
        refused = self.place.run("config", "turn-off-client-certificates", "SplitMerge.cscfg")
        self.assertEqual(refused.returncode, 1 if refused.returncode == 1 else 2, refused)
        self.place.done("config", "turn-off-client-certificates", "SplitMerge.cscfg", "--accept-the-risk")
        web = self.place.web()
        self.assertIn("anonymous", self.served(web, None))


class Revocation(Case):
    @classmethod
    def setUpClass(cls):
        place = deployment()
        place.done("ca", "revoke", "ca", "revoked.cer", "--reason", "key-compromise", *place.ca)
        place.done("ca", "crl", "ca", "--out", "ca.crl", *place.ca)

    def test_no_check_serves_a_revoked_client(self):
        self.place.configuration()
        self.served(self.place.web(), "revoked")

    def test_offline_refuses_a_revoked_client(self):
        self.place.configuration(ClientCertificateRevocationCheck="Offline")
        web = self.place.web("--revocation-list", "ca.crl")
        self.served(web, "alice")
        self.turned_away(web, "revoked", "revoked")

    def test_offline_without_a_list_does_not_start(self):
        self.place.configuration(ClientCertificateRevocationCheck="Offline")
        outcome = subprocess.run([SERVICE, "web", "--config", "SplitMerge.cscfg", "--certificates", "certificates",
                                  "--key-password", "key.password", "--https-port", "0", "--http-port", "0"],
                                 capture_output=True, timeout=PATIENCE, check=False, cwd=self.place.folder)
        self.assertEqual(outcome.returncode, 1)
        self.assertIn(b"--revocation-list FILE", outcome.stderr)

    def test_online_fetches_the_list_and_refuses_a_revoked_client(self):
        content = (self.place.folder / "ca.crl").read_bytes()
        broken = threading.Event()

        class Responder(http.server.BaseHTTPRequestHandler):
            asked = 0

            def do_GET(self):
                Responder.asked += 1
                self.send_response(HTTP_OK if not broken.is_set() else 500)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *words):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Responder)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        broken.set()
        self.place.configuration(ClientCertificateRevocationCheck="Online")
        web = self.place.web("--revocation-list", f"http://127.0.0.1:{server.server_port}/ca.crl", "--revocation-interval", "100")
        # Without an answer nobody is known not to be revoked.
        self.turned_away(web, "alice", "revocation")
        broken.clear()
        end = time.monotonic() + PATIENCE
        while self.place.curl(web).returncode != 0:
            self.assertLess(time.monotonic(), end, web.text())
        self.turned_away(web, "revoked", "certificate.*revoked")
        self.assertGreater(Responder.asked, 1)


    def test_offline_reads_the_list_again_after_it_changed_and_ends_the_session(self):
        place = self.place
        for name in ("leaver", "stayer"):
            place.done("ca", "issue", "ca", "--subject", f"CN={name}", "--purpose", "client", "--out", name, *place.ca, *place.pfx)
            place.client_files(name)
        place.done("ca", "crl", "ca", "--out", "changing.crl", *place.ca)
        place.configuration(ClientCertificateRevocationCheck="Offline", AllowedClientCertificateThumbprints=",".join(
            place.thumbprint(each) for each in ("leaver", "stayer")))
        web = place.web("--revocation-list", "changing.crl")
        one, other = self.connection(web, "leaver"), self.connection(web, "stayer")
        self.assertEqual((self.ask(one), self.ask(other)), (HTTP_OK, HTTP_OK))

        place.done("ca", "revoke", "ca", "leaver.cer", "--reason", "ceased-operation", *place.ca)
        place.done("ca", "crl", "ca", "--out", "changing.crl", "--overwrite", *place.ca)
        self.assertIn("1 sessions dropped", web.reload())
        with self.assertRaises((http.client.RemoteDisconnected, ConnectionError, ssl.SSLError)):
            self.ask(one)
        self.assertEqual(self.ask(other), HTTP_OK)
        self.turned_away(web, "leaver", "revoked")
        self.served(web, "stayer")

        # Neither an unreadable list nor another authority's replaces the one that is known.
        known = (place.folder / "changing.crl").read_bytes()
        place.done("ca", "crl", "other", "--out", "other.crl", "--overwrite", *place.ca)
        for content, why in ((known[:-1], "old configuration stays"), (b"", "old configuration stays"),
                             ((place.folder / "other.crl").read_bytes(), "the authority did not sign this list")):
            (place.folder / "changing.crl").write_bytes(content)
            self.assertIn(why, web.reload())
            self.turned_away(web, "leaver", "revoked")
            self.served(web, "stayer")
        (place.folder / "changing.crl").unlink()
        self.assertIn("old configuration stays", web.reload())
        self.served(web, "stayer")


def link_local():
    """An IPv6 address of this machine that needs to be told the link, and the link's number; or None."""
    try:
        lines = pathlib.Path("/proc/net/if_inet6").read_text().splitlines()
    except OSError:
        return None
    for address, link, _, scope, flags, _ in (line.split() for line in lines):
        if scope == "20" and not int(flags, 16) & 0x40:  # not tentative
            return str(ipaddress.IPv6Address(bytes.fromhex(address))), int(link, 16)
    return None


class Networks(Case):
    def ask_at(self, web, address):
        """The answer to a client that reaches the service by this address."""
        with socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET) as plain:
            plain.settimeout(PATIENCE)
            plain.connect((address[0], web.https, *address[1:]))
            with self.context().wrap_socket(plain, server_hostname="localhost") as secure:
                secure.sendall(b"GET /status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                answer = http.client.HTTPResponse(secure)
                answer.begin()
                return answer.status

    @unittest.skipUnless(link_local(), "needs a network with a link-local IPv6 address")
    def test_a_client_with_a_link_local_address_is_judged_and_served_like_any_other(self):
        address, link = link_local()
        self.place.configuration()
        web = self.place.web("--address", "::")
        self.assertEqual(self.ask_at(web, (address, 0, link)), HTTP_OK)
        with socket.socket(socket.AF_INET6) as plain:  # HttpIn judges it as well
            plain.settimeout(PATIENCE)
            plain.connect((address, web.http, 0, link))
            try:
                self.assertEqual(plain.recv(1), b"")
            except ConnectionError:
                pass
        web.wait_for(rf"HttpIn: not admitted: from {address}%")
        self.place.configuration(HttpsIn="Restricted", Subnet="fe80::/10")
        self.assertIn("read again", web.reload())
        self.assertEqual(self.ask_at(web, (address, 0, link)), HTTP_OK)
        self.place.configuration(HttpsIn="Restricted", Subnet="fe80::/128")
        self.assertIn("read again", web.reload())
        with self.assertRaises((ConnectionError, ssl.SSLError)):
            self.ask_at(web, (address, 0, link))
        web.wait_for(rf"HttpsIn: not admitted: from {address}")
        self.assertIsNone(web.process.poll())

    @unittest.skipUnless(link_local(), "needs IPv6")
    def test_an_ipv4_client_of_an_ipv6_socket_is_under_the_rules_for_ipv4(self):
        self.place.configuration(HttpsIn="Restricted", Subnet="127.0.0.0/8")
        web = self.place.web("--address", "::")
        self.assertEqual(self.ask_at(web, ("127.0.0.1",)), HTTP_OK)
        with self.assertRaises((ConnectionError, ssl.SSLError)):
            self.ask_at(web, ("::1",))  # the rules permit some IPv4 addresses and no other
        self.place.configuration(HttpsIn="Restricted", Subnet="::1/128")
        self.assertIn("read again", web.reload())
        self.assertEqual(self.ask_at(web, ("::1",)), HTTP_OK)
        with self.assertRaises((ConnectionError, ssl.SSLError)):
            self.ask_at(web, ("127.0.0.1",))

    def test_the_http_port_is_denied(self):
        self.place.configuration()
        web = self.place.web()
        outcome = self.place.curl(web, "/", None, scheme="http")
        self.assertNotEqual(outcome.returncode, 0)
        self.assertEqual(outcome.stdout.decode().strip(), "000")
        web.wait_for("HttpIn: not admitted: from 127.0.0.1")

    def test_a_rule_that_denies_the_address_refuses_before_any_handshake(self):
        self.place.configuration(HttpsIn="Restricted")
        web = self.place.web()
        self.turned_away(web, "alice", r"HttpsIn: not admitted: from 127.0.0.1.*rule 2 denies|HttpsIn: not admitted")
        self.place.configuration(HttpsIn="Restricted", Subnet="127.0.0.0/8")
        self.assertIn("read again", web.reload())
        self.served(web, "alice")


class Connections(Case):
    def test_a_session_ends_when_its_client_is_taken_off_the_list(self):
        self.place.configuration()
        web = self.place.web()
        one = self.connection(web, "bob")
        self.assertEqual(self.ask(one), HTTP_OK)
        self.place.configuration(AllowedClientCertificateThumbprints=self.place.thumbprint("alice"))
        self.assertIn("1 sessions dropped", web.reload())
        with self.assertRaises((http.client.RemoteDisconnected, ConnectionError, ssl.SSLError)):
            self.ask(one)

    def test_all_sessions_end_when_the_rules_about_addresses_change(self):
        self.place.configuration()
        web = self.place.web()
        one = self.connection(web)
        self.assertEqual(self.ask(one), HTTP_OK)
        self.place.configuration(HttpsIn="Restricted")
        self.assertIn("1 sessions dropped", web.reload())
        with self.assertRaises((http.client.RemoteDisconnected, ConnectionError, ssl.SSLError)):
            self.ask(one)

    def trickle(self, web, begin, rest):
        """Sends bytes one after another until the service has had enough. How long it took; what came back."""
        start = time.monotonic()
        with socket.create_connection(("localhost", web.https), PATIENCE) as plain:
            with self.context().wrap_socket(plain, server_hostname="localhost") as secure:
                secure.sendall(begin)
                for _ in range(PATIENCE * 100):
                    if select.select([secure], [], [], 0.01)[0] or secure.pending():
                        try:
                            return time.monotonic() - start, secure.recv(4096)
                        except (ConnectionError, ssl.SSLError):
                            return time.monotonic() - start, b""
                    try:
                        secure.send(rest)
                    except (ConnectionError, ssl.SSLError):
                        return time.monotonic() - start, b""
        raise AssertionError("it takes one byte after another without end")

    def test_a_client_that_sends_a_byte_at_a_time_is_cut_off(self):
        self.place.configuration(DynamicIpRestrictionDenyByConcurrentRequests="true", DynamicIpRestrictionMaxConcurrentRequests="1")
        web = self.place.web("--request-time", "500")
        for begin, rest in ((b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ", b"x"),
                            (b"POST /requests HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\n\r\n", b"y")):
            took, answer = self.trickle(web, begin, rest)
            self.assertGreaterEqual(took, 0.5)
            self.assertEqual(answer, b"")
            # What it took up is free again: one request at a time is all there is.
            end = time.monotonic() + PATIENCE
            while self.place.curl(web).returncode != 0:
                self.assertLess(time.monotonic(), end, web.text())

    def test_a_client_that_says_nothing_is_cut_off_and_one_that_keeps_asking_is_not(self):
        self.place.configuration()
        web = self.place.web("--request-time", "500")
        silent, busy = self.connection(web), self.connection(web)
        start = time.monotonic()
        self.assertEqual(self.ask(silent), HTTP_OK)
        silent.sock.settimeout(0.01)
        while True:  # the time is for each request: busy's outlasts it
            self.assertEqual(self.ask(busy), HTTP_OK)
            self.assertLess(time.monotonic() - start, PATIENCE)
            try:
                self.assertEqual(silent.sock.recv(1), b"")
                break
            except TimeoutError:
                continue
            except (ConnectionError, ssl.SSLError):
                break
        self.assertGreaterEqual(time.monotonic() - start, 0.5)
        self.assertEqual(self.ask(busy), HTTP_OK)

    def test_the_metadata_cannot_be_exchanged_while_it_runs_and_then_nothing_changes(self):
        self.place.configuration()
        web, worker = self.place.web(), self.place.worker()
        elsewhere = f"Data Source={self.place.folder}/elsewhere.db"
        self.place.configuration(ElasticScaleMetadata=elsewhere,
                                 AllowedClientCertificateThumbprints=self.place.thumbprint("bob"))
        for each in (web, worker):
            said = each.reload()
            self.assertIn("the old configuration stays", said)
            self.assertIn("ElasticScaleMetadata", said)
            self.assertIn("restart", said)
        self.served(web, "alice")  # not even the list
        self.assertFalse((self.place.folder / "elsewhere.db").exists())
        self.place.configuration(AllowedClientCertificateThumbprints=self.place.thumbprint("bob"))
        for each in (web, worker):
            self.assertIn("read again", each.reload())
        self.turned_away(web, "alice", "allow-list")
        self.served(web, "bob")

    def test_another_sites_page_changes_nothing(self):
        self.place.configuration()
        one = self.connection(self.place.web())
        for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://elsewhere.example"}):
            one.request("POST", "/requests", body="anything", headers=headers)
            answer = one.getresponse()
            answer.read()
            self.assertEqual(answer.status, 403)
        one.request("POST", "/requests", body="anything", headers={"Sec-Fetch-Site": "same-origin"})
        answer = one.getresponse()
        answer.read()
        self.assertEqual(answer.status, 400)  # judged by what it says

    def test_an_answer_to_head_has_no_body_and_ends_the_connection(self):
        self.place.configuration()
        one = self.connection(self.place.web())
        one.request("HEAD", "/")
        answer = one.getresponse()
        self.assertEqual(answer.read(), b"")
        self.assertTrue(answer.will_close)


class Limits(Case):
    def burst(self, web, headers=lambda i: {}):
        """A hundred requests on one connection within the window, however busy the machine is."""
        for _ in range(10):
            one = self.connection(web)
            start = time.monotonic()
            statuses = [self.ask(one, headers(i)) for i in range(100)]
            if time.monotonic() - start < 1.5:
                self.assertEqual(statuses, [HTTP_OK] * 100)
                return one
            time.sleep(2.1)  # the window that began with it is over
        raise AssertionError("a hundred requests take longer than their window")

    def test_100_requests_in_2000_ms_pass_and_the_101st_is_aborted(self):
        self.place.configuration(DynamicIpRestrictionMaxRequests="100")
        web = self.place.web()
        one = self.burst(web)
        with self.assertRaises((http.client.RemoteDisconnected, ConnectionError, ssl.SSLError)):
            self.ask(one)
        web.wait_for("denied.*502|502")
        end = time.monotonic() + PATIENCE
        while True:  # another window
            try:
                self.assertEqual(self.ask(self.connection(web)), HTTP_OK)
                break
            except (http.client.RemoteDisconnected, ConnectionError, ssl.SSLError):
                self.assertLess(time.monotonic(), end)
                time.sleep(0.1)

    def test_a_spoofed_forwarded_for_gains_nothing(self):
        self.place.configuration(DynamicIpRestrictionMaxRequests="100", DynamicIpRestrictionDenyAction="Forbidden")
        web = self.place.web()
        one = self.burst(web, lambda i: {"X-Forwarded-For": f"198.51.100.{i}"})
        self.assertEqual(self.ask(one, {"X-Forwarded-For": "198.51.100.200"}), 403)

    def test_clients_of_a_trusted_proxy_are_counted_apart_and_the_blocked_ones_are_shown(self):
        self.place.configuration(DynamicIpRestrictionMaxRequests="3", DynamicIpRestrictionDenyAction="Forbidden",
                                 DynamicIpRestrictionRequestIntervalInMilliseconds="600000")
        web = self.place.web("--trusted-proxy", "127.0.0.0/8")
        for i in range(3):
            self.assertEqual(self.ask(self.connection(web), {"X-Forwarded-For": "198.51.100.1"}), HTTP_OK)
        for line in ("198.51.100.1", "203.0.113.9, 198.51.100.1", "198.51.100.2, ::ffff:198.51.100.1"):
            self.assertEqual(self.ask(self.connection(web), {"X-Forwarded-For": line}), 403)
        one = self.connection(web)
        one.request("GET", "/status", headers={"X-Forwarded-For": "198.51.100.2"})
        answer = one.getresponse()
        self.assertEqual(answer.status, HTTP_OK)
        blocked = json.loads(answer.read())["blocked"]
        self.assertEqual(len(blocked), 1, blocked)
        self.assertIn("198.51.100.1", json.dumps(blocked))

    def test_the_status_that_a_denied_request_gets_is_configured(self):
        for name, status in (("Unauthorized", 401), ("NotFound", 404)):
            self.place.configuration(DynamicIpRestrictionMaxRequests="1", DynamicIpRestrictionDenyAction=name,
                                     DynamicIpRestrictionRequestIntervalInMilliseconds="60000")
            web = self.place.web()
            one = self.connection(web)
            self.assertEqual(self.ask(one), HTTP_OK)
            self.assertEqual(self.ask(one), status)
            web.stop()

    def test_20_concurrent_requests_pass_and_the_21st_does_not(self):
        self.place.configuration(DynamicIpRestrictionDenyByConcurrentRequests="true")
        web = self.place.web()
        begun = []
        for i in range(20):
            one = self.connection(web)
            one.putrequest("POST", "/requests")
            one.putheader("Content-Length", "5")
            one.putheader("Expect", "nothing")
            one.endheaders()  # admitted; the body is awaited
            begun.append(one)
            self.addCleanup(one.close)
        end = time.monotonic() + PATIENCE
        while True:  # until all twenty were read
            try:
                self.ask(self.connection(web))
                self.assertLess(time.monotonic(), end)
            except (http.client.RemoteDisconnected, ConnectionError, ssl.SSLError):
                break
        web.wait_for("denied.*501|501")
        begun[0].send(b"hello")
        self.assertEqual(begun[0].getresponse().status, 400)
        self.assertEqual(self.ask(self.connection(web)), HTTP_OK)


class Requests(Case):
    def setUp(self):
        super().setUp()
        self.place.init()
        self.place.configuration()

    def credential(self, shard):
        return (self.place.data / f"{shard}.connection").read_text()

    def secret(self, shard):
        return self.credential(shard).split("Password=")[1].strip().encode()

    def submit(self, web, line="move 0..200 from west to east", source="west", target="east"):
        text = f"{line}\nsource: {self.credential(source)}\ntarget: {self.credential(target)}"
        file = self.place.folder / "request.txt"
        file.write_text(text)
        return json.loads(self.served(web, "alice", "/requests", "--data-binary", "@request.txt"))["id"]

    def wait_until(self, web, number, state):
        end = time.monotonic() + PATIENCE
        while True:
            one = json.loads(self.served(web, "alice", f"/requests/{number}"))
            if one["state"] == state:
                return one
            self.assertNotIn(one["state"], {"done", "failed", "cancelled"} - {state}, one)
            self.assertLess(time.monotonic(), end, one)
            time.sleep(0.05)

    def keys_in(self, shard):
        with sqlite3.connect(self.place.data / f"{shard}.db") as database:
            tables = [row[0] for row in database.execute("select name from sqlite_master where type='table'")]
            self.assertIn("rows", tables)
            return [row[0] for row in database.execute('select key from "rows" order by key')]

    def found_in(self, folder, secret):
        return [each for each in folder.rglob("*") if each.is_file() and not each.name.endswith(".connection")
                and each.name != "request.txt" and secret in each.read_bytes()]

    def memory_has(self, process, secret):
        """Whether the process has it in memory now; None where only root may look, and this is not root."""
        try:
            with open(f"/proc/{process.pid}/mem", "rb", buffering=0) as memory:
                for line in pathlib.Path(f"/proc/{process.pid}/maps").read_text().splitlines():
                    place, access, *_, = line.split()
                    if "r" not in access or "[v" in line:
                        continue
                    start, end = (int(each, 16) for each in place.split("-"))
                    try:
                        memory.seek(start)
                        if secret in memory.read(end - start):
                            return True
                    except OSError:
                        continue
        except PermissionError:
            return None
        return False

    def test_a_range_moves_and_the_credentials_are_nowhere_in_clear(self):
        web = self.place.web()
        number = self.submit(web)
        for shard in ("west", "east"):
            self.assertEqual(self.found_in(self.place.data, self.secret(shard)), [])
            self.assertIn(self.memory_has(web.process, self.secret(shard)), (False, None))
            self.assertIn(self.memory_has(web.process, b"DynamicIpRestriction"), (True, None))  # it finds what is there
        worker = self.place.worker("--batch", "50")
        self.wait_until(web, number, "done")
        self.assertEqual(self.keys_in("west"), list(range(200, 400)))
        self.assertEqual(self.keys_in("east"), [*range(200), *range(5000, 5400)])
        shown = self.served(web, "alice", "/status") + self.served(web, "alice", "/")
        for shard in ("west", "east"):
            self.assertEqual(self.found_in(self.place.folder, self.secret(shard)), [])
            self.assertNotIn(self.secret(shard).decode(), shown)
            self.assertIn(self.memory_has(worker.process, self.secret(shard)), (False, None))

    def test_a_process_that_crashes_leaves_no_core(self):
        for started in (self.place.web(), self.place.worker()):
            number = started.process.pid
            self.assertRegex(pathlib.Path(f"/proc/{number}/limits").read_text(), r"Max core file size +0 +0 ")
            started.process.send_signal(signal.SIGABRT)
            ended = os.waitid(os.P_PID, number, os.WEXITED | os.WNOWAIT)
            self.assertEqual((ended.si_code, ended.si_status), (os.CLD_KILLED, signal.SIGABRT))  # not CLD_DUMPED

    def test_rows_that_are_larger_than_a_batch_move_all_the_same(self):
        with sqlite3.connect(self.place.data / "west.db") as database:
            database.execute("update \"rows\" set payload = zeroblob(300000) where key % 10 = 0 and key < 100")
        database.close()
        web = self.place.web()
        number = self.submit(web)
        self.place.worker("--batch-bytes", "65536")
        self.wait_until(web, number, "done")
        self.assertEqual(self.keys_in("west"), list(range(200, 400)))
        self.assertEqual(self.keys_in("east"), [*range(200), *range(5000, 5400)])
        with sqlite3.connect(self.place.data / "east.db") as database:
            self.assertEqual(database.execute("select count(*) from \"rows\" where length(payload) = 300000").fetchone()[0], 10)

    def test_a_worker_that_is_killed_again_and_again_loses_and_doubles_nothing(self):
        web = self.place.web()
        number = self.submit(web)
        for pause in (0, 0.01, 0.02, 0.05, 0.1):
            worker = self.place.worker("--batch", "7")
            time.sleep(pause)  # any instant will do
            worker.stop(signal.SIGKILL)
        self.place.worker("--batch", "50")
        self.wait_until(web, number, "done")
        self.assertEqual(sorted(self.keys_in("west") + self.keys_in("east")), [*range(400), *range(5000, 5400)])
        self.assertEqual(set(self.keys_in("west")) & set(self.keys_in("east")), set())

    def test_a_request_with_a_wrong_credential_fails_and_moves_nothing(self):
        web = self.place.web()
        self.place.worker()
        wrong = self.credential("west")[:-4] + "0000"
        file = self.place.folder / "request.txt"
        file.write_text(f"move 0..200 from west to east\nsource: {wrong}\ntarget: {self.credential('east')}")
        number = json.loads(self.served(web, "alice", "/requests", "--data-binary", "@request.txt"))["id"]
        self.wait_until(web, number, "failed")
        self.assertEqual(self.keys_in("west"), list(range(400)))

    def test_what_is_no_request_is_refused_without_being_repeated(self):
        web = self.place.web()
        for text in ("move", "move 0..9 from west to nowhere\nsource: a\ntarget: b", "drop everything",
                     "move 9..0 from west to east\nsource: hidden\ntarget: b"):
            (self.place.folder / "request.txt").write_text(text)
            outcome = self.place.curl(web, "/requests", "alice", "--data-binary", "@request.txt")
            self.assertRegex(outcome.stdout.decode().rsplit("\n", 1)[1], "4..")
            self.assertNotIn("hidden", outcome.stdout.decode() + web.text())

    def test_the_encryption_certificate_is_rotated_while_the_service_runs(self):
        web = self.place.web()
        before = self.submit(web)  # nobody works on it yet: sealed for the first certificate
        self.place.configuration(DataEncryptionPrimary=self.place.thumbprint("second"),
                                 DataEncryptionSecondary=self.place.thumbprint("first"))
        self.assertIn("read again", web.reload())
        after = self.submit(web, "move 300..350 from west to east")  # sealed for both
        for pause in (0, 0.005, 0.02):  # killed while it rewraps
            process = subprocess.Popen([SERVICE, "worker", "--config", "SplitMerge.cscfg", "--certificates", "certificates",
                                        "--key-password", "key.password"], cwd=self.place.folder, stderr=subprocess.DEVNULL)
            time.sleep(pause)
            process.kill()
            process.wait()
        # The first certificate is gone from the configuration as soon as nothing is sealed for it alone.
        worker = self.place.worker("--batch", "1000000")
        self.assertRegex(worker.text(), r"credentials: \d+ of \d+ rewrapped for the primary certificate, 0 refused")
        worker.stop()
        self.place.configuration(DataEncryptionPrimary=self.place.thumbprint("second"))
        self.assertIn("read again", web.reload())
        self.place.worker()
        self.wait_until(web, before, "done")
        self.wait_until(web, after, "done")


def has_mounts_of_its_own():
    """Whether this machine lets a process have its own view of the file system: not in every container."""
    return subprocess.run(["unshare", "--mount", "sh", "-c", "mkdir -p /etc/chromium/policies && mount --bind /tmp /etc/chromium/policies"],
                          capture_output=True, timeout=PATIENCE, check=False).returncode == 0


@unittest.skipUnless(shutil.which("chromium") and shutil.which("pk12util") and os.geteuid() == 0 and has_mounts_of_its_own(),
                     "needs Chromium, NSS tools, and root, to give Chromium a policy in a namespace of its own")
class Browser(Case):
    def test_a_person_reads_the_status_page_with_a_client_certificate(self):
        self.place.configuration()
        web = self.place.web()
        home = pathlib.Path(tempfile.mkdtemp(prefix="home-", dir=self.place.folder))
        database = home / ".pki" / "nssdb"
        database.mkdir(parents=True)
        for words in (["certutil", "-N", "--empty-password", "-d", f"sql:{database}"],
                      ["pk12util", "-i", self.place.folder / "alice.pfx", "-d", f"sql:{database}", "-W", KEY_PASSWORD]):
            subprocess.run(words, check=True, capture_output=True, timeout=PATIENCE)
        policy = home / "policies" / "managed"
        policy.mkdir(parents=True)
        (policy / "test.json").write_text(json.dumps({"AutoSelectCertificateForUrls": [
            json.dumps({"pattern": f"https://localhost:{web.https}", "filter": {}})]}))
        key = self.place.certificate("ssl").public_key().public_bytes(serialization.Encoding.DER,
                                                                      serialization.PublicFormat.SubjectPublicKeyInfo)
        pin = base64.b64encode(hashlib.sha256(key).digest()).decode()
        # Chromium reads policies from /etc only: its own view of /etc/chromium has them.
        shell = (f"mkdir -p /etc/chromium/policies && mount --bind {home}/policies /etc/chromium/policies && exec chromium "
                 f"--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir={home}/profile --virtual-time-budget=4000 "
                 f"--ignore-certificate-errors-spki-list={pin} "
                 f"--dump-dom https://localhost:{web.https}/")
        outcome = subprocess.run(["unshare", "--mount", "sh", "-c", shell], capture_output=True, timeout=120, check=False,
                                 env={**os.environ, "HOME": str(home)})
        self.assertIn(b"<h1>Split-Merge</h1>", outcome.stdout, (outcome, web.text()))
        self.assertIn(b"<meter", outcome.stdout)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
