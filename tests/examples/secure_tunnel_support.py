"""What the tests of secure_tunnel share: the program as a child, identity folders, an authority, and services."""

import datetime
import hashlib
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PATIENCE = 30  # seconds; nothing here takes long, but the machine may be busy
PASSWORD = "Correct horse 7 battery"


def wait_until(condition, what, patience=PATIENCE):
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited in vain until {what}")
        time.sleep(0.02)


# ---- certificates -----------------------------------------------------------------------------------------------------

def days_from_now(days):
    return datetime.datetime.utcnow() + datetime.timedelta(days=days)


class Identity:
    """A certificate and its key."""

    def __init__(self, key, certificate):
        self.key, self.certificate = key, certificate

    @property
    def pem(self):
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def fingerprint(self):
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    def key_pem(self, password=None):
        protection = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
        return self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)


class Authority:
    """Issues certificates and revocation lists."""

    def __init__(self, name):
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.revoked = []
        self.certificate = self._sign(self.name, self.key.public_key(), -400, 400, authority=True)

    def _sign(self, subject, key, start, end, authority=False):
        usage = dict.fromkeys(["content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
                               "encipher_only", "decipher_only"], False)
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key)
                   .serial_number(x509.random_serial_number())
                   .not_valid_before(days_from_now(start)).not_valid_after(days_from_now(end))
                   .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
                   .add_extension(x509.KeyUsage(digital_signature=not authority, key_cert_sign=authority,
                                                crl_sign=authority, **usage), critical=True)
                   .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False))
        if not authority:
            builder = builder.add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]), False)
        return builder.sign(self.key, hashes.SHA256())

    def issue(self, name, start=-1, end=90):
        """Valid from and to, in days from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        return Identity(key, self._sign(subject, key.public_key(), start, end))

    def revoke(self, identity):
        self.revoked.append(identity.certificate.serial_number)

    @property
    def pem(self):
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def list_pem(self):
        builder = (x509.CertificateRevocationListBuilder().issuer_name(self.name)
                   .last_update(days_from_now(-1)).next_update(days_from_now(7))
                   .add_extension(x509.CRLNumber(len(self.revoked) + 1), critical=False)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False))
        for serial in self.revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(days_from_now(-1)).build())
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


# ---- identity folders -------------------------------------------------------------------------------------------------

class Folder:
    """An identity folder, as an administrator keeps it."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        for each in ["own", "peers"]:
            (self.path / each).mkdir(parents=True, exist_ok=True)
        if not (self.path / "password").exists():
            self.write("password", PASSWORD + "\n", 0o600)
        self.write("grants", "# who may connect\n")

    def write(self, name, content, mode=0o644):
        """Whole or not at all, for a reload may come at any time."""
        file = self.path / name
        file.parent.mkdir(exist_ok=True)
        fresh = file.with_name("." + file.name + "~")
        fresh.write_bytes(content if isinstance(content, bytes) else content.encode())
        fresh.chmod(mode)
        fresh.rename(file)

    def show(self, name, identity):
        self.write(f"own/{name}.key", identity.key_pem(PASSWORD.encode()), 0o600)
        self.write(f"own/{name}.crt", identity.pem)

    def hide(self, name):
        for extension in [".crt", ".key"]:  # in this order: a certificate without a key stops a reload
            (self.path / "own" / (name + extension)).unlink()

    def know(self, login, *pems):
        self.write(f"peers/{login}.crt", b"".join(pems))

    def grant(self, *logins):
        self.write("grants", "".join(login + "\n" for login in logins))

    def trust(self, authority, allowed):
        self.write("authorities/authority.crt", authority.pem)
        self.write("crls/authority.crl", authority.list_pem())
        self.allow(allowed)

    def allow(self, identities):
        self.write("allowed", "".join(f"{each.fingerprint}  # {each.certificate.subject.rfc4514_string()}\n"
                                      for each in identities))

    def give_to(self, user):
        if user:
            for each in [self.path, *self.path.rglob("*")]:
                shutil.chown(each, user)


# ---- programs ---------------------------------------------------------------------------------------------------------

class Program:
    """A running secure_tunnel and its log."""

    def __init__(self, words, **more):
        self.child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                      stderr=subprocess.PIPE, text=True, **more)
        self.lines, self.more = [], threading.Condition()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        with self.child.stderr as log:
            for line in log:
                with self.more:
                    self.lines.append(line.rstrip("\n"))
                    self.more.notify_all()

    @property
    def mark(self):
        """Where the log is now: what is expected next comes after it."""
        with self.more:
            return len(self.lines)

    def expect(self, pattern, since=0, patience=PATIENCE):
        """The first line after `since` that matches."""
        deadline = time.monotonic() + patience
        seen = since
        with self.more:
            while True:
                for line in self.lines[seen:]:
                    if re.search(pattern, line):
                        return line
                seen = len(self.lines)
                if not self.more.wait(deadline - time.monotonic()) and time.monotonic() >= deadline:
                    raise AssertionError(f"no line like {pattern!r} in:\n" + "\n".join(self.lines))

    def count(self, pattern):
        with self.more:
            return sum(bool(re.search(pattern, line)) for line in self.lines)

    def reload(self):
        """SIGHUP; gives how many sessions that ended."""
        mark = self.mark
        self.child.send_signal(signal.SIGHUP)
        return int(self.expect(r"reloaded; sessions ended: \d+$", mark).rsplit(" ", 1)[1])

    def kill(self):
        self.child.kill()
        self.child.wait(PATIENCE)
        self.reader.join()

    def stop(self):
        """SIGTERM; gives the exit status."""
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
        try:
            status = self.child.wait(PATIENCE)
            self.reader.join()
            return status
        except subprocess.TimeoutExpired:
            self.kill()
            raise


def start_accept(program, folder, forward, *words, **more):
    """Gives the running program and the port that it chose."""
    made = Program([program, "accept", "--identity", str(folder.path), "--listen", "127.0.0.1:0", "--forward", forward,
                    *words], **more)
    return made, int(made.expect(r"listening on 127\.0\.0\.1:\d+$").rsplit(":", 1)[1])


def start_connect(program, folder, port, *words, listen="127.0.0.1:0", **more):
    """The same; with "unix:…" to listen on, gives its path."""
    made = Program([program, "connect", "--identity", str(folder.path), "--listen", listen, "--to", f"127.0.0.1:{port}",
                    *words], **more)
    line = made.expect(r"listening on ")
    return made, listen.removeprefix("unix:") if listen.startswith("unix:") else int(line.rsplit(":", 1)[1])


# ---- another program as a peer ----------------------------------------------------------------------------------------

class Refused(Exception):
    """What the peer said."""


def speak_tls(port, identity, scratch, said=b"hello"):
    """Connects with OpenSSL and says something. Gives the peer's certificate (SHA-256 of its DER) and the first
    answer; raises Refused with the alert."""
    file = pathlib.Path(scratch) / "openssl.pem"
    file.write_bytes(identity.key_pem() + identity.pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # it is the acceptor that is tested
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(file)
    try:
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as raw, context.wrap_socket(raw) as peer:
            shown = hashlib.sha256(peer.getpeercert(binary_form=True)).hexdigest()
            peer.sendall(said)
            return shown, peer.recv(65536)
    except ssl.SSLError as why:
        raise Refused(why.reason) from why


# ---- services ---------------------------------------------------------------------------------------------------------

class Service:
    """Listens on loopback and gives each connection to a function, in a thread of its own."""

    def __init__(self, serve):
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listening.getsockname()[1]
        self.taken, self.serve = 0, serve
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            self.taken += 1
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection):
        with connection:
            try:
                self.serve(connection)
            except OSError:
                pass  # the other end broke off; tests that mean that look at their own end

    def close(self):
        self.listening.close()


def echo(connection):
    while block := connection.recv(65536):
        connection.sendall(block)


def read_all(connection):
    return b"".join(iter(lambda: connection.recv(65536), b""))


def unprivileged_user():
    """Whom to become when root runs the tests; None otherwise."""
    return None if os.geteuid() != 0 else "nobody"
