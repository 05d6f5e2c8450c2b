#!/usr/bin/env python3
"""cli_config_test.py <keywarden>: a service's configuration, an authority and certificates by commands alone.

OpenSSL judges what is made; the configuration is examples/split_merge_service/SplitMerge.cscfg. An authority and a client
are made once; tests that change them work with copies.
"""

import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import stat
import subprocess
import tempfile
import unittest

from cli_test import DONE, ENVIRONMENT, PROGRAM, REFUSED, USAGE

TEMPLATE = pathlib.Path(__file__).resolve().parents[2] / "examples" / "split_merge_service" / "SplitMerge.cscfg"
CA_PASSWORD = "Only 1 machine knows"
PFX_PASSWORD = "Chosen by 1 person"
MARK = "\u200e"  # what a certificate dialog puts in front of a thumbprint


class Place:
    """A folder to work in, and the passwords as files."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="keywarden-config-"))
        for name, text in (("ca", CA_PASSWORD), ("pfx", PFX_PASSWORD), ("wrong", "Wrong 2 passwords"), ("weak", "abc")):
            self.write(f"{name}.password", text + "\n", 0o600)
        self.ca = ("--ca-password-file", self.path("ca.password"))
        self.pfx = ("--pfx-password-file", self.path("pfx.password"))

    def path(self, name):
        return str(self.folder / name)

    def write(self, name, content, mode=0o644):
        file = self.folder / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        file.chmod(mode)
        return str(file)

    def read(self, name):
        return (self.folder / name).read_bytes()

    def run(self, *words):
        # A session of its own has no terminal: whatever is missing is refused, not asked for.
        return subprocess.run([PROGRAM, *words], capture_output=True, start_new_session=True, timeout=60, check=False,
                              cwd=self.folder, env={**os.environ, "XDG_DATA_HOME": self.path("data")})

    def done(self, *words):
        outcome = self.run(*words)
        assert outcome.returncode == DONE, (words, outcome)
        return outcome.stdout.decode()

    def facts(self, *words):
        return json.loads(self.done(*words, "--json"))

    def openssl(self, *words):
        made = subprocess.run(["openssl", *words], capture_output=True, timeout=60, check=False, cwd=self.folder)
        return made.returncode, (made.stdout + made.stderr).decode(errors="replace")

    def says(self, *words):
        status, text = self.openssl(*words)
        assert status == 0, (words, text)
        return text

    def issue(self, name, subject, *more):
        self.done("ca", "issue", "ca", "--subject", subject, "--purpose", "client", "--out", name, *self.ca, *self.pfx, *more)


def prepare():
    place = Place()
    place.done("ca", "create", "ca", "--subject", "CN=MyCA", "--days", "3650", *place.ca)
    place.issue("MyID", "CN=My ID")
    place.done("cert", "self-signed", "--subject", "CN=split.example.org, CN=*.shards.example.org", "--purpose", "server",
               "--out", "MySSL", *place.pfx)
    place.write("service.cscfg", TEMPLATE.read_bytes())
    return place


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not hasattr(Case, "prepared"):
            Case.prepared = prepare()
            unittest.addModuleCleanup(shutil.rmtree, Case.prepared.folder, True)

    def setUp(self):
        self.at = Place.__new__(Place)
        self.at.__dict__.update(self.prepared.__dict__)
        self.at.folder = pathlib.Path(tempfile.mkdtemp(prefix="keywarden-config-"))
        self.addCleanup(shutil.rmtree, self.at.folder, True)
        shutil.copytree(self.prepared.folder, self.at.folder, dirs_exist_ok=True)
        self.wrong = self.at.path("wrong.password")

    def exits(self, status, outcome, *words):
        self.assertEqual(outcome.returncode, status, outcome)
        for word in words:
            self.assertIn(word, (outcome.stdout + outcome.stderr).decode())
        return outcome

    def refuses(self, words, *said, status=REFUSED, unchanged="service.cscfg"):
        before = self.at.read(unchanged)
        outcome = self.exits(status, self.at.run(*words), *said)
        self.assertEqual(self.at.read(unchanged), before)
        return outcome

    def file_mode(self, name):
        return stat.S_IMODE((self.at.folder / name).stat().st_mode)


class Configuration(Case):
    def edit(self, old, new):
        text = self.at.read("service.cscfg").decode()
        self.assertIn(old, text)
        self.at.write("service.cscfg", text.replace(old, new))

    def setting(self, name, role="SplitMergeWeb"):
        roles = self.at.facts("config", "show", "service.cscfg")["roles"]
        return next(each for each in roles if each["name"] == role)["settings"][name]

    def certificate(self, name, role="SplitMergeWeb"):
        roles = self.at.facts("config", "show", "service.cscfg")["roles"]
        return next(each for each in roles if each["name"] == role)["certificates"][name]

    # ---- checking

    def test_the_template_has_no_error(self):
        self.exits(DONE, self.at.run("config", "check", "service.cscfg"), "0 errors")
        self.assertTrue(self.at.facts("config", "check", "service.cscfg")["ok"])

    def test_a_finding_names_its_place_as_a_compiler_does(self):
        self.edit('<AccessControl name="Restricted">', '<AccessControl name="Retricted">')
        lines = self.at.read("service.cscfg").decode().splitlines()
        line = 1 + next(i for i, each in enumerate(lines) if 'accessControl="Restricted"' in each)
        outcome = self.exits(REFUSED, self.at.run("config", "check", "service.cscfg"), 'did you mean "Retricted"')
        self.assertRegex(outcome.stdout.decode(), rf"(?m)^service.cscfg:{line}:\d+: error: there is no group")
        told = json.loads(self.exits(REFUSED, self.at.run("config", "check", "service.cscfg", "--json")).stdout)
        self.assertEqual((told["ok"], [each["line"] for each in told["findings"] if each["severity"] == "error"]),
                         (False, [line]))

    def test_every_error_is_reported_and_not_only_the_first(self):
        self.edit('name="DynamicIpRestrictionMaxRequests" value="100"', 'name="DynamicIpRestrictionMaxRequests" value="0"')
        self.edit('value="AbortRequest"', 'value="AbortRequests"')
        self.exits(REFUSED, self.at.run("config", "check", "service.cscfg"), "nobody is served",
                   'did you mean "AbortRequest"', "2 errors")

    def test_warnings_pass_unless_they_are_not_to(self):
        self.at.done("config", "set", "service.cscfg", "AllowedClientCertificateThumbprints", "")
        self.exits(DONE, self.at.run("config", "check", "service.cscfg"), "warning:", "nobody is allowed")
        self.exits(REFUSED, self.at.run("config", "check", "service.cscfg", "--strict"), "--strict takes none")

    def test_a_rule_that_is_only_implied_is_an_error_when_strict(self):
        self.edit('        <Rule action="deny" description="Everybody else" order="2" remoteSubnet="0.0.0.0/0" />\n', "")
        self.exits(DONE, self.at.run("config", "check", "service.cscfg"), "only implied: deny")
        self.exits(REFUSED, self.at.run("config", "check", "service.cscfg", "--strict"), "error: what")

    def test_lines_copied_out_of_a_document_are_checked_as_such(self):
        self.at.write("lines", '<EndpointAcl role="SplitMergeWeb" endPoint="HttpIn" accessControl="DenyAl" />')
        self.exits(REFUSED, self.at.run("config", "check", "lines", "--fragment"), 'did you mean "DenyAll"')

    def test_what_is_no_configuration_is_refused(self):
        self.at.write("doctype", '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><ServiceConfiguration/>')
        self.at.write("other", "<html/>")
        for name, status in (("doctype", REFUSED), ("other", REFUSED), ("missing", REFUSED), (".", ENVIRONMENT)):
            with self.subTest(name=name):
                self.exits(status, self.at.run("config", "check", name))

    def test_a_connection_string_is_never_shown(self):
        self.edit("Server=metadata.example", "Password=hidden;Server=metadata.example")
        for words in (["show"], ["show", "--json"], ["check"], ["check", "--json"]):
            outcome = self.exits(DONE, self.at.run("config", words[0], "service.cscfg", *words[1:]))
            self.assertNotIn(b"hidden", outcome.stdout + outcome.stderr)
        self.assertIsNone(self.setting("ElasticScaleMetadata"))

    def test_show_tells_the_implied_last_rule(self):
        self.exits(DONE, self.at.run("config", "show", "service.cscfg"), "SplitMergeWeb / HttpIn", "deny everybody",
                   "permit 100.100.0.0/16", "everybody else (implied)")

    # ---- changing

    def test_a_change_touches_one_value_and_nothing_else(self):
        (self.at.folder / "service.cscfg").chmod(0o640)
        before = self.at.read("service.cscfg").decode().splitlines()
        self.exits(DONE, self.at.run("config", "set", "service.cscfg", "DynamicIpRestrictionMaxRequests", "250"), "Set")
        after = self.at.read("service.cscfg").decode().splitlines()
        changed = [(old, new) for old, new in zip(before, after) if old != new]
        self.assertEqual((len(before), changed), (len(after), [(
            '      <Setting name="DynamicIpRestrictionMaxRequests" value="100" />',
            '      <Setting name="DynamicIpRestrictionMaxRequests" value="250" />')]))
        self.assertEqual(self.file_mode("service.cscfg"), 0o640)
        self.exits(DONE, self.at.run("config", "set", "service.cscfg", "DynamicIpRestrictionMaxRequests", "250"),
                   "nothing changed")

    def test_a_change_that_makes_something_wrong_is_refused(self):
        for words, said in [(("DynamicIpRestrictionMaxRequests", "0"), "nobody is served"),
                            (("DynamicIpRestrictionDenyByRequestRate", "yes"), "neither true nor false"),
                            (("ClientCertificateRevocationCheck", "Onlin"), "Online"),
                            (("SetupWebAppForClientCertificates", "false"), "turn-off-client-certificates"),
                            (("AdditionalTrustedRootCertificationAuthorities", "00" * 20), "CA"),
                            (("AllowedClientCertificateThumbprints", "12 34"), "digits"),
                            (("DynamicIpRestrictionMaxRequest", "1"), "did you mean DynamicIpRestrictionMaxRequests?")]:
            with self.subTest(words=words):
                self.refuses(["config", "set", "service.cscfg", *words], said, status=REFUSED)

    def test_a_template_is_filled_in_step_by_step(self):
        text = re.sub(r'thumbprint="\w+"', 'thumbprint=""', self.at.read("service.cscfg").decode())
        self.at.write("service.cscfg", text)
        self.exits(REFUSED, self.at.run("config", "check", "service.cscfg"), "4 errors", "keywarden config set-certificate")
        self.exits(DONE, self.at.run("config", "set-certificate", "service.cscfg", "SSL", "MySSL.cer"), "3 errors")
        self.at.done("config", "set-certificate", "service.cscfg", "CA", "ca/ca.cer")
        self.exits(DONE, self.at.run("config", "set-certificate", "service.cscfg", "DataEncryptionPrimary", "MySSL.cer"))
        self.exits(DONE, self.at.run("config", "check", "service.cscfg"), "0 errors")

    def test_a_secret_setting_is_no_argument(self):
        self.refuses(["config", "set", "service.cscfg", "ElasticScaleMetadata", "Server=x;Password=y"], "--value-file",
                     status=USAGE)
        self.refuses(["config", "set", "service.cscfg", "ElasticScaleMetadata", "--value", "y"], "--value-file", status=USAGE)
        self.refuses(["config", "set", "service.cscfg", "ElasticScaleMetadata"], "--value-fd")
        secret = self.at.write("secret", 'Server=x;Password="<&>"\n', 0o600)
        outcome = self.exits(DONE, self.at.run("config", "set", "service.cscfg", "ElasticScaleMetadata", "--value-file", secret))
        self.assertNotIn(b"Password", outcome.stdout + outcome.stderr)
        self.assertEqual(self.at.read("service.cscfg").count(b"Server=x;Password=&quot;&lt;&amp;"), 2)

    def test_a_pasted_thumbprint_is_cleaned_and_a_doubtful_one_refused(self):
        digits = "ab" * 20
        spaced = MARK + " ".join(digits[i:i + 2] for i in range(0, 40, 2))
        self.exits(DONE, self.at.run("config", "set-certificate", "service.cscfg", "DataEncryptionPrimary", spaced),
                   "left out: 1 invisible character, 19 spaces")
        self.assertEqual(self.certificate("DataEncryptionPrimary"), digits.upper())
        self.assertEqual(self.certificate("DataEncryptionPrimary", "SplitMergeWorker"), digits.upper())
        for text, said in [("?" + digits, "ANSI"), ("\uff11" + digits[1:], "U+FF11"), (digits[:-1], "odd number")]:
            self.refuses(["config", "set-certificate", "service.cscfg", "SSL", text], said)
        self.refuses(["config", "set-certificate", "service.cscfg", "SSL", digits, "--algorithm", "sha256"], status=USAGE)

    def test_a_certificates_file_gives_its_thumbprint(self):
        self.at.done("config", "set-certificate", "service.cscfg", "SSL", "MySSL.cer")
        self.assertEqual(self.certificate("SSL"), self.at.facts("cert", "thumbprint", "MySSL.cer")["sha256_thumbprint"])
        self.assertIn(b'thumbprintAlgorithm="sha256"', self.at.read("service.cscfg"))
        self.at.done("config", "set-certificate", "service.cscfg", "SSL", "MySSL.cer", "--algorithm", "sha1")
        self.assertEqual(self.certificate("SSL"), self.at.facts("cert", "thumbprint", "MySSL.cer")["sha1_thumbprint"])
        self.refuses(["config", "set-certificate", "service.cscfg", "SSL", "no/such.cer"], status=ENVIRONMENT)
        self.refuses(["config", "set-certificate", "service.cscfg", "SSL", "MySSL.pfx"], "keywarden cert pfx show")
        self.refuses(["config", "set-certificate", "service.cscfg", "SLS", "MySSL.cer"])

    def test_the_authority_and_the_trusted_root_change_together(self):
        self.exits(DONE, self.at.run("config", "set-certificate", "service.cscfg", "CA", "ca/ca.cer"),
                   "AdditionalTrustedRootCertificationAuthorities as well")
        self.assertEqual(self.setting("AdditionalTrustedRootCertificationAuthorities"), self.certificate("CA"))
        self.exits(DONE, self.at.run("config", "check", "service.cscfg"), "0 errors")

    def test_clients_are_allowed_and_forbidden_one_by_one(self):
        before = self.setting("AllowedClientCertificateThumbprints")
        one = self.at.facts("cert", "thumbprint", "MyID.cer")
        self.at.done("config", "allow-client", "service.cscfg", one["sha1_thumbprint"])
        self.at.done("config", "allow-client", "service.cscfg", "MyID.cer")  # takes the place of its SHA-1
        self.assertEqual(self.setting("AllowedClientCertificateThumbprints"), f"{before},{one['sha256_thumbprint']}")
        self.exits(DONE, self.at.run("config", "allow-client", "service.cscfg", "MyID.cer"), "nothing changed")
        self.at.done("config", "forbid-client", "service.cscfg", "MyID.cer")
        self.assertEqual(self.setting("AllowedClientCertificateThumbprints"), before)
        self.refuses(["config", "forbid-client", "service.cscfg", "MyID.cer"], "nothing of this name", "config show")

    def test_changes_at_the_same_time_are_not_lost(self):
        thumbprints = [f"{number:040X}" for number in range(1, 9)]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for outcome in pool.map(lambda each: self.at.run("config", "allow-client", "service.cscfg", each), thumbprints):
                self.exits(DONE, outcome)
        listed = self.setting("AllowedClientCertificateThumbprints").split(",")
        self.assertEqual(set(listed[-8:]), set(thumbprints))
        self.assertEqual([each for each in os.listdir(self.at.folder) if each.startswith(".")], [])

    # ---- client certificates

    def test_turning_client_certificates_off_takes_an_acknowledgement(self):
        self.refuses(["config", "turn-off-client-certificates", "service.cscfg"], "HttpsIn of SplitMergeWeb",
                     'to whom "Restricted" permits', "--accept-the-risk", "become public")
        self.at.done("config", "set-acl", "service.cscfg", "HttpsIn", "AllowAll")
        self.refuses(["config", "turn-off-client-certificates", "service.cscfg"], "HttpsIn of SplitMergeWeb (to everybody)")

    def test_off_and_on_are_one_change_each(self):
        self.exits(DONE, self.at.run("config", "turn-off-client-certificates", "service.cscfg", "--accept-the-risk"))
        self.assertEqual((self.setting("SetupWebAppForClientCertificates"), self.setting("SetupWebserverForClientCertificates"),
                          self.certificate("CA")), ("false", "false", self.certificate("SSL")))
        self.exits(DONE, self.at.run("config", "check", "service.cscfg"), "0 errors", "client certificates are off")
        self.exits(DONE, self.at.run("config", "set-certificate", "service.cscfg", "SSL", "MySSL.cer"), "CA as well")
        self.refuses(["config", "set-certificate", "service.cscfg", "CA", "ca/ca.cer"], "must be the same")
        self.refuses(["config", "turn-on-client-certificates", "service.cscfg", "MyID.cer"], "not an authority")
        self.at.done("config", "turn-on-client-certificates", "service.cscfg", "ca/ca.cer")
        self.assertEqual((self.setting("SetupWebAppForClientCertificates"), self.setting("SetupWebserverForClientCertificates")),
                         ("true", "true"))
        self.exits(DONE, self.at.run("config", "check", "service.cscfg"), "0 errors")

    # ---- network rules

    def test_endpoints_get_rules(self):
        self.at.done("config", "add-access-control", "service.cscfg", "Office", "--endpoint", "HttpsIn",
                     "--rule", "deny 100.100.7.0/24 the guests", "--rule", "permit 100.100.0.0/16",
                     "--rule", "deny 0.0.0.0/0 everybody else")
        shown = next(each for each in self.at.facts("config", "show", "service.cscfg")["endpoints"]
                     if each["endpoint"] == "HttpsIn")
        self.assertEqual((shown["access_control"], [(each["action"], each["subnet"]) for each in shown["rules"]]),
                         ("Office", [("deny", "100.100.7.0/24"), ("permit", "100.100.0.0/16"), ("deny", "0.0.0.0/0")]))
        self.refuses(["config", "add-access-control", "service.cscfg", "Office", "--rule", "deny 0.0.0.0/0"], "exists already")

    def test_rules_that_open_too_much_or_make_no_sense_are_refused(self):
        self.refuses(["config", "set-acl", "service.cscfg", "HttpIn", "AllowAll"], "database credentials")
        self.refuses(["config", "set-acl", "service.cscfg", "HttpsIn", "Retricted"], "Retricted")
        adding = ["config", "add-access-control", "service.cscfg", "New"]
        self.refuses([*adding, "--rule", "permit 0.0.0.0/0", "--rule", "deny 10.0.0.0/8"], "never gets a turn")
        for rule in ("permit 100.100.0.1/16", "allow 100.100.0.0/16", "permit", "permit 1.2.3.0/33"):
            self.refuses([*adding, "--rule", rule], status=USAGE)
        self.refuses(adding, "permits everybody", status=USAGE)


class Authority(Case):
    def known(self, *words):
        return [*words, *self.at.ca]

    def issuing(self, name, *more):
        return ["ca", "issue", "ca", "--subject", "CN=Other ID", "--purpose", "client", "--out", name, *more]

    def issued(self):
        return sorted(os.listdir(self.at.folder / "ca" / "issued"))

    def test_an_authority_is_what_the_document_asks_for(self):
        text = self.at.says("x509", "-in", "ca/ca.cer", "-noout", "-text")
        for part in ("CA:TRUE, pathlen:1", "CN = MyCA", "ecdsa-with-SHA256", "Certificate Sign, CRL Sign"):
            self.assertIn(part, text)
        self.assertEqual([self.file_mode(name) for name in ("ca", "ca/ca.key")], [0o700, 0o600])
        self.assertTrue(self.at.read("ca/ca.key").startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----"))
        self.at.says("pkey", "-in", "ca/ca.key", "-passin", "file:ca.password", "-noout")

    def test_rsa_as_in_the_document(self):
        self.at.done("ca", "create", "old", "--subject", "CN=MyCA", "--algorithm", "rsa2048", "--path-length", "0", *self.at.ca)
        text = self.at.says("x509", "-in", "old/ca.cer", "-noout", "-text")
        for part in ("Public-Key: (2048 bit)", "sha256WithRSAEncryption", "pathlen:0"):
            self.assertIn(part, text)

    def test_a_client_certificate_is_for_clients_only(self):
        self.at.says("verify", "-CAfile", "ca/ca.cer", "-purpose", "sslclient", "MyID.cer")
        self.assertNotEqual(self.at.openssl("verify", "-CAfile", "ca/ca.cer", "-purpose", "sslserver", "MyID.cer")[0], 0)
        text = self.at.says("pkcs12", "-in", "MyID.pfx", "-passin", "file:pfx.password", "-noenc", "-info")
        for part in ("friendlyName: My ID", "AES-256-CBC", "subject=CN = MyCA", "BEGIN PRIVATE KEY"):
            self.assertIn(part, text)
        self.assertEqual(self.file_mode("MyID.pfx"), 0o600)
        self.assertNotEqual(self.at.openssl("pkcs12", "-in", "MyID.pfx", "-passin", "file:ca.password", "-noout")[0], 0)

    def test_a_server_certificate_has_names_that_clients_compare(self):
        self.at.done("ca", "issue", "ca", "--subject", "CN=web.example.org", "--dns", "*.web.example.org", "--ip", "192.0.2.7",
                     "--purpose", "server", "--algorithm", "rsa2048", "--days", "30", "--out", "Web", *self.at.ca, *self.at.pfx)
        self.at.says("verify", "-CAfile", "ca/ca.cer", "-purpose", "sslserver", "-verify_hostname", "web.example.org", "Web.cer")
        text = self.at.says("x509", "-in", "Web.cer", "-noout", "-text")
        for part in ("DNS:*.web.example.org", "IP Address:192.0.2.7", "TLS Web Server Authentication"):
            self.assertIn(part, text)
        self.assertNotIn("Client Authentication", text)
        self.exits(USAGE, self.at.run("ca", "issue", "ca", "--subject", "My server", "--purpose", "server", "--out", "None"),
                   "--dns")

    def test_a_request_is_granted_its_key_and_no_wish(self):
        self.at.says("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "own.key", "-out", "own.csr", "-subj", "/CN=Mine",
                     "-addext", "basicConstraints=CA:TRUE", "-addext", "subjectAltName=DNS:a.example.org,DNS:bank.example.org")
        outcome = self.exits(DONE, self.at.run("ca", "issue", "ca", "--request", "own.csr", "--purpose", "client", "--dns",
                                               "a.example.org", "--out", "Mine", *self.at.ca))
        self.assertIn("not granted: bank.example.org", outcome.stderr.decode())
        self.assertEqual(self.at.says("x509", "-in", "Mine.cer", "-noout", "-pubkey"),
                         self.at.says("pkey", "-in", "own.key", "-pubout"))
        text = self.at.says("x509", "-in", "Mine.cer", "-noout", "-text")
        self.assertIn("CA:FALSE", text)
        self.assertNotIn("bank", text)
        self.assertFalse((self.at.folder / "Mine.pfx").exists())

    def test_a_request_that_nobody_signed_is_refused(self):
        self.at.says("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "own.key",
                     "-out", "own.csr", "-outform", "DER", "-subj", "/CN=Mine")
        content = bytearray(self.at.read("own.csr"))
        content[content.index(b"Mine")] ^= 1
        self.at.write("own.csr", bytes(content))
        self.refuses(["ca", "issue", "ca", "--request", "own.csr", "--purpose", "client", "--out", "Mine", *self.at.ca],
                     "nobody proved")
        self.assertEqual(len(self.issued()), 1)

    def test_a_key_that_never_travels(self):
        self.exits(DONE, self.at.run("cert", "request", "--subject", "CN=Far away", "--out", "Far", "--key-password-file",
                                     self.at.path("pfx.password")), "keywarden ca issue")
        self.at.done("ca", "issue", "ca", "--request", "Far.csr", "--purpose", "client", "--out", "Far", *self.at.ca)
        self.at.done("cert", "pfx", "export", "Far.pfx", "--certificate", "Far.cer", "--private-key", "Far.key", "--chain",
                     "ca/ca.cer", "--name", "Far away", "--file-password-file", self.at.path("pfx.password"), *self.at.pfx)
        self.at.says("verify", "-CAfile", "ca/ca.cer", "Far.cer")
        self.assertIn("friendlyName: Far away",
                      self.at.says("pkcs12", "-in", "Far.pfx", "-passin", "file:pfx.password", "-noenc"))

    def test_a_revoked_certificate_is_on_the_list_that_openssl_checks(self):
        serial = self.at.facts("ca", "list", "ca")["certificates"][0]["serial"]
        self.at.issue("Other", "CN=Other ID")
        self.exits(DONE, self.at.run("ca", "revoke", "ca", serial.lower(), "--reason", "key-compromise", *self.at.ca), "My ID",
                   "ClientCertificateRevocationCheck")
        self.exits(DONE, self.at.run("ca", "crl", "ca", "--out", "ca.crl", *self.at.ca), "names 1 revoked")
        self.at.says("crl", "-in", "ca.crl", "-inform", "DER", "-out", "ca.crl.pem")
        text = self.at.says("crl", "-in", "ca.crl.pem", "-noout", "-text", "-CAfile", "ca/ca.cer")
        self.assertIn("Key Compromise", text)
        self.assertIn(serial, text)
        checking = ["verify", "-crl_check", "-CAfile", "ca/ca.cer", "-CRLfile", "ca.crl.pem"]
        self.assertIn("certificate revoked", self.at.openssl(*checking, "MyID.cer")[1])
        self.at.says(*checking, "Other.cer")
        states = {row["subject"]: row["state"] for row in self.at.facts("ca", "list", "ca")["certificates"]}
        self.assertEqual(states, {'CN="My ID"': "revoked", 'CN="Other ID"': "valid"})
        self.refuses(["ca", "revoke", "ca", "MyID.cer", *self.at.ca], "exists already", unchanged="ca/ca.crl")

    def test_lists_are_numbered_upwards_and_forget_nothing(self):
        self.at.done("ca", "revoke", "ca", "MyID.cer", *self.at.ca)

        def number():
            text = self.at.says("crl", "-in", "ca/ca.crl", "-inform", "DER", "-noout", "-crlnumber")
            return int(text.strip().split("=")[1], 16)
        first = number()
        told = self.at.facts("ca", "crl", "ca", "--next-days", "30", *self.at.ca)
        self.assertEqual((told["revoked"], number() > first), (1, True))

    def test_what_another_authority_issued_is_not_revoked_here(self):
        self.refuses(["ca", "revoke", "ca", "MySSL.cer", *self.at.ca], status=USAGE, unchanged="ca/ca.crl")
        self.refuses(["ca", "revoke", "ca", "00FF", *self.at.ca], "ca list", unchanged="ca/ca.crl")
        self.refuses(["ca", "revoke", "ca", "MyID.cer", "--reason", "boredom", *self.at.ca], "key-compromise", status=USAGE,
                     unchanged="ca/ca.crl")

    def test_a_wrong_password_opens_nothing(self):
        wrong = ["--ca-password-file", self.wrong]
        self.exits(REFUSED, self.at.run(*self.issuing("Other", *wrong, *self.at.pfx)), "wrong password")
        self.refuses(["ca", "revoke", "ca", "MyID.cer", *wrong], unchanged="ca/ca.crl")
        self.assertEqual((len(self.issued()), (self.at.folder / "Other.cer").exists()), (1, False))

    def test_nothing_is_issued_under_a_weak_password_or_over_another_file(self):
        weak = self.at.path("weak.password")
        self.exits(REFUSED, self.at.run(*self.issuing("Other", *self.at.ca, "--pfx-password-file", weak)), "8 to 128")
        self.refuses(self.issuing("MyID", *self.at.ca, *self.at.pfx), "exists already", unchanged="MyID.pfx")
        self.exits(REFUSED, self.at.run(*self.issuing("Other", *self.at.ca)), "--pfx-password-file")
        self.assertEqual(len(self.issued()), 1)
        self.exits(REFUSED, self.at.run("ca", "create", "new", "--subject", "CN=x", "--ca-password-file", weak))
        self.assertEqual([name for name in os.listdir(self.at.folder) if name.startswith("new")], [])

    def test_an_authority_is_not_replaced(self):
        self.refuses(["ca", "create", "ca", "--subject", "CN=MyCA", *self.at.ca], "exists already", unchanged="ca/ca.key")
        (self.at.folder / "taken").mkdir()
        self.at.write("taken/file", "")
        self.exits(REFUSED, self.at.run("ca", "create", "taken", "--subject", "CN=MyCA", *self.at.ca), "exists already")
        self.assertEqual(os.listdir(self.at.folder / "taken"), ["file"])

    def test_a_lost_list_stops_everything_since_revocations_would_be_forgotten(self):
        (self.at.folder / "ca" / "ca.crl").unlink()
        self.exits(ENVIRONMENT, self.at.run("ca", "crl", "ca", *self.at.ca), "backup")
        self.exits(ENVIRONMENT, self.at.run("ca", "list", "ca"), "backup")

    def test_a_folder_that_others_may_write_is_refused(self):
        (self.at.folder / "ca").chmod(0o777)
        self.exits(REFUSED, self.at.run(*self.issuing("Other", *self.at.ca, *self.at.pfx)), "others may write it")

    def test_what_makes_no_sense_is_refused_as_usage(self):
        for words in [["ca", "issue", "ca", "--subject", "x", "--purpose", "encryption", "--out", "x"],
                      ["ca", "issue", "ca", "--subject", "x", "--purpose", "king", "--out", "x"],
                      ["ca", "issue", "ca", "--subject", "CN=a, CN=b", "--purpose", "client", "--out", "x"],
                      ["ca", "issue", "ca", "--subject", "x", "--purpose", "client"],
                      [*self.issuing("x"), "--days", "0"], [*self.issuing("x"), "--days", "1", "--expires", "2030-01-01"],
                      [*self.issuing("x"), "--algorithm", "rot13", *self.at.ca, *self.at.pfx],
                      [*self.issuing("x"), "--request", "MyID.cer", *self.at.pfx],
                      ["ca", "crl", "ca", "--next-days", "0"], ["ca", "create", "x", "--subject", "", *self.at.ca],
                      ["ca", "create", "x", "--subject", "x", "--ca-password", "text"]]:
            with self.subTest(words=words):
                self.exits(USAGE, self.at.run(*words))
        self.exits(REFUSED, self.at.run("ca", "list", "nowhere"), "keywarden ca create")


class Files(Case):
    def test_a_self_signed_server_certificate_has_every_name(self):
        text = self.at.says("x509", "-in", "MySSL.cer", "-noout", "-text")
        for part in ("DNS:split.example.org", "DNS:*.shards.example.org", "TLS Web Server Authentication", "CA:FALSE"):
            self.assertIn(part, text)
        self.at.says("verify", "-CAfile", "MySSL.cer", "-verify_hostname", "one.shards.example.org", "MySSL.cer")

    def test_an_encryption_certificate_is_for_encryption_only(self):
        made = ["cert", "self-signed", "--subject", "CN=Credentials", "--purpose", "encryption"]
        self.at.done(*made, "--algorithm", "rsa2048", "--out", "Old", *self.at.pfx)
        self.at.done(*made, "--out", "New", *self.at.pfx)
        self.assertIn("Key Encipherment", self.at.says("x509", "-in", "Old.cer", "-noout", "-ext", "keyUsage"))
        self.assertIn("Key Agreement", self.at.says("x509", "-in", "New.cer", "-noout", "-ext", "keyUsage"))
        self.assertNotEqual(self.at.openssl("verify", "-CAfile", "Old.cer", "-purpose", "sslserver", "Old.cer")[0], 0)
        self.exits(USAGE, self.at.run(*made[:-1], "client", "--out", "x"), "keywarden ca issue")
        self.refuses([*made, "--out", "Old", *self.at.pfx], "exists already", unchanged="Old.pfx")

    def test_thumbprints_are_those_of_openssl(self):
        told = self.at.facts("cert", "thumbprint", "MyID.cer")
        for name in ("sha1", "sha256"):
            text = self.at.says("x509", "-in", "MyID.cer", "-noout", "-fingerprint", f"-{name}")
            self.assertEqual(told[f"{name}_thumbprint"], text.strip().split("=")[1].replace(":", ""))

    def test_a_pasted_thumbprint_is_read_out_with_what_was_left_out(self):
        pasted = MARK + "a1:" + "0f " * 19
        self.exits(DONE, self.at.run("cert", "thumbprint", "--text", pasted), "A1" + "0F" * 19, "proves nothing",
                   "1 invisible character", "spaces", "1 separator")
        told = self.at.facts("cert", "thumbprint", "--text", pasted + "," + "00" * 32)
        self.assertEqual((len(told["thumbprints"]), told["invisible"], told["separators"]), (2, 1, 1))
        for text, said in [("?" + "00" * 20, "ANSI"), ("O" + "0" * 39, "U+004F"), ("00" * 19, "38 hexadecimal digits"),
                           ("\u0430" + "0" * 39, "U+0430"), ("", "no digits"), ("00" * 20 + ",,", "entry 2")]:
            self.exits(REFUSED, self.at.run("cert", "thumbprint", "--text", text), said)
        self.exits(USAGE, self.at.run("cert", "thumbprint"))

    def test_a_pasted_thumbprint_is_compared_with_a_certificate(self):
        right = self.at.facts("cert", "thumbprint", "MyID.cer")["sha1_thumbprint"]
        self.exits(DONE, self.at.run("cert", "thumbprint", "MyID.cer", "--text", MARK + right.lower()), "is this certificate's")
        self.exits(REFUSED, self.at.run("cert", "thumbprint", "MySSL.cer", "--text", right), "another certificate's")

    def test_a_pfx_file_is_shown_and_taken_apart(self):
        self.exits(DONE, self.at.run("cert", "pfx", "show", "MyID.pfx", *self.at.pfx), "My ID", "ECDSA", "MyCA")
        self.at.done("cert", "pfx", "import", "MyID.pfx", "--out", "apart", "--key-password-file", self.at.path("ca.password"),
                     *self.at.pfx)
        self.at.says("verify", "-CAfile", "apart.chain.cer", "apart.cer")
        self.assertEqual(self.at.says("pkey", "-in", "apart.key", "-passin", "file:ca.password", "-pubout"),
                         self.at.says("x509", "-in", "apart.cer", "-noout", "-pubkey"))
        self.assertEqual(self.file_mode("apart.key"), 0o600)
        self.refuses(["cert", "pfx", "import", "MyID.pfx", "--out", "apart", *self.at.pfx], "--overwrite", unchanged="apart.key")

    def test_a_pfx_file_of_openssl_is_read(self):
        self.at.says("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "o.key", "-out", "o.cer", "-subj", "/CN=Other")
        self.at.says("pkcs12", "-export", "-inkey", "o.key", "-in", "o.cer", "-out", "o.pfx", "-passout", "file:pfx.password",
                     "-name", "from elsewhere")
        told = self.at.facts("cert", "pfx", "show", "o.pfx", *self.at.pfx)
        self.assertEqual((told["subject"], told["friendly_name"], told["private_key"]), ('CN="Other"', "from elsewhere", "RSA"))

    def test_a_pfx_file_is_not_read_with_a_wrong_password_or_when_it_was_altered(self):
        wrong = ["--pfx-password-file", self.wrong]
        self.exits(REFUSED, self.at.run("cert", "pfx", "show", "MyID.pfx", *wrong), "authentication failed")
        content = bytearray(self.at.read("MyID.pfx"))
        content[len(content) // 2] ^= 1
        self.at.write("altered.pfx", bytes(content))
        self.exits(REFUSED, self.at.run("cert", "pfx", "show", "altered.pfx", *self.at.pfx))
        self.exits(REFUSED, self.at.run("cert", "pfx", "show", "MyID.cer", *self.at.pfx), "PEM")
        self.exits(USAGE, self.at.run("cert", "pfx", "show", "MyID.pfx", "--pfx-password", PFX_PASSWORD), "history")

    def test_old_encryption_is_written_only_by_its_name(self):
        self.at.done("cert", "pfx", "import", "MyID.pfx", "--out", "a", "--key-password-file", self.at.path("pfx.password"),
                     *self.at.pfx)
        parts = ["--certificate", "a.cer", "--private-key", "a.key", "--file-password-file", self.at.path("pfx.password"),
                 *self.at.pfx]
        self.exits(USAGE, self.at.run("cert", "pfx", "export", "old.pfx", *parts, "--legacy"))
        self.at.done("cert", "pfx", "export", "old.pfx", *parts, "--legacy-encryption-i-accept-the-risk")
        self.assertIn("pbeWithSHA1And3-KeyTripleDES-CBC",
                      self.at.says("pkcs12", "-in", "old.pfx", "-passin", "file:pfx.password", "-noenc", "-info"))
        told = self.at.facts("cert", "pfx", "show", "old.pfx", *self.at.pfx)
        self.assertNotEqual(told["weaknesses"], [])

    def test_a_key_of_another_certificate_is_not_exported(self):
        self.at.done("cert", "pfx", "import", "MyID.pfx", "--out", "a", "--key-password-file", self.at.path("pfx.password"),
                     *self.at.pfx)
        self.exits(USAGE, self.at.run("cert", "pfx", "export", "x.pfx", "--certificate", "MySSL.cer", "--private-key", "a.key",
                                      "--file-password-file", self.at.path("pfx.password"), *self.at.pfx), "is not that of")
        self.assertFalse((self.at.folder / "x.pfx").exists())


class Stores(Case):
    def store(self, command, *words, where="personal"):
        return ["cert", "store", command, *words, "--store", where, "--folder", "certificates"]

    def sha256(self, name):
        return self.at.facts("cert", "thumbprint", name)["sha256_thumbprint"]

    def test_a_certificate_with_its_key_goes_in_and_out(self):
        told = self.at.facts(*self.store("import", "MyID.pfx"), *self.at.pfx)
        self.assertEqual(told["sha256_thumbprint"], self.sha256("MyID.cer"))
        sha1 = MARK + told["sha1_thumbprint"]
        self.exits(DONE, self.at.run(*self.store("find", sha1)), "My ID", "under its password")
        rows = self.at.facts(*self.store("list"))["certificates"]
        self.assertEqual([(row["subject"], row["private_key"], row["state"]) for row in rows], [('CN="My ID"', True, "valid")])
        self.assertEqual(len(self.at.facts(*self.store("find"), "--subject", "My ID")["certificates"]), 1)
        self.at.done(*self.store("export", sha1), "--output", "again.pfx", "--key-password-file", self.at.path("pfx.password"),
                     "--pfx-password-file", self.at.path("ca.password"))
        text = self.at.says("pkcs12", "-in", "again.pfx", "-passin", "file:ca.password", "-noenc")
        self.assertEqual(text.count("BEGIN CERTIFICATE"), 2)  # the path as well
        self.at.done(*self.store("export", sha1), "--output", "again.cer")
        self.assertEqual(self.sha256("again.cer"), told["sha256_thumbprint"])
        self.exits(DONE, self.at.run(*self.store("remove", sha1)), "with its private key")
        self.exits(REFUSED, self.at.run(*self.store("find", sha1)), "nothing of this name", "cert store list")

    def test_the_authority_of_a_client_is_found_in_its_path(self):
        self.at.done(*self.store("import", "MyID.pfx"), *self.at.pfx)
        self.at.done(*self.store("export", self.sha256("MyID.cer")), "--output", "path.cer", "--with-chain")
        self.assertEqual(self.at.read("path.cer").count(b"BEGIN CERTIFICATE"), 2)
        self.assertTrue(self.at.read("path.cer").endswith(self.at.read("ca/ca.cer")))

    def test_a_root_is_trusted_only_when_somebody_confirmed_it(self):
        roots = dict(where="trusted-roots")
        importing = self.store("import", "ca/ca.cer", **roots)
        self.exits(REFUSED, self.at.run(*importing), "nobody confirmed", "--confirm")
        sha1 = self.at.facts("cert", "thumbprint", "ca/ca.cer")["sha1_thumbprint"]
        self.exits(REFUSED, self.at.run(*importing, "--confirm", sha1), "confirms no root")
        self.exits(REFUSED, self.at.run(*importing, "--confirm", self.sha256("MySSL.cer")), "another certificate's")
        self.exits(USAGE, self.at.run(*importing, "--confirm", "12"))
        self.exits(DONE, self.at.run(*self.store("list", **roots)), "none")
        self.exits(DONE, self.at.run(*importing, "--confirm", self.sha256("ca/ca.cer")), "Imported into trusted-roots")
        self.exits(REFUSED, self.at.run(*self.store("import", "MyID.cer", **roots), "--confirm", self.sha256("MyID.cer")),
                   "not an authority")

    def test_what_does_not_belong_into_a_store_is_refused(self):
        for where in ("trusted-roots", "authorities", "trusted-people"):
            self.exits(USAGE, self.at.run(*self.store("import", "MyID.pfx", where=where), *self.at.pfx), "personal only")
        self.exits(REFUSED, self.at.run(*self.store("import", "MyID.pfx"), "--pfx-password-file", self.wrong))
        self.exits(REFUSED, self.at.run(*self.store("import", "MyID.cer", where="authorities")), "not an authority")
        self.exits(USAGE, self.at.run(*self.store("list", where="elsewhere")), "trusted-people")
        self.exits(USAGE, self.at.run("cert", "store", "list", "--store", "personal", "--location", "moon"))
        self.assertFalse((self.at.folder / "certificates").exists())

    def test_a_key_in_a_store_is_not_replaced_or_exported_without_its_password(self):
        self.at.done(*self.store("import", "MyID.pfx"), *self.at.pfx)
        self.exits(REFUSED, self.at.run(*self.store("import", "MyID.pfx"), *self.at.pfx), "--overwrite")
        self.exits(DONE, self.at.run(*self.store("import", "MyID.pfx"), "--overwrite", *self.at.pfx, "--new-key-password-file",
                                     self.at.path("ca.password")), "under the new password")
        exporting = [*self.store("export", self.sha256("MyID.cer")), "--output", "x.pfx", *self.at.pfx]
        self.exits(REFUSED, self.at.run(*exporting, "--key-password-file", self.at.path("pfx.password")), "wrong password")
        self.assertFalse((self.at.folder / "x.pfx").exists())
        self.at.done(*self.store("import", "MySSL.cer"))
        self.exits(REFUSED, self.at.run(*self.store("export", self.sha256("MySSL.cer")), "--output", "x.pfx"), "public part")

    def test_a_store_that_others_may_write_is_refused(self):
        self.at.done(*self.store("import", "MyID.cer", where="trusted-people"))
        (self.at.folder / "certificates" / "trusted_people").chmod(0o777)
        self.exits(REFUSED, self.at.run(*self.store("list", where="trusted-people")), "others may write it")

    def test_a_users_store_is_where_users_keep_such_things(self):
        self.at.done("cert", "store", "import", "MyID.cer", "--store", "trusted-people", "--location", "user")
        self.assertEqual(len(list((self.at.folder / "data").rglob("*.pem"))), 1)
        self.assertEqual(self.file_mode("data/keywarden/certificates"), 0o700)


class Help(Case):
    def test_every_command_has_a_help(self):
        for words in ["config", "ca", "cert", "cert pfx", "cert store", *(f"config {name}" for name in (
                "check", "show", "set", "set-certificate", "allow-client", "forbid-client", "turn-off-client-certificates",
                "turn-on-client-certificates", "set-acl", "add-access-control")),
                      *(f"ca {name}" for name in ("create", "issue", "list", "revoke", "crl")),
                      *(f"cert {name}" for name in ("self-signed", "request", "thumbprint")),
                      *(f"cert pfx {name}" for name in ("export", "import", "show")),
                      *(f"cert store {name}" for name in ("list", "find", "import", "export", "remove"))]:
            with self.subTest(words=words):
                text = self.exits(DONE, self.at.run(*words.split(), "--help"), "keywarden").stdout.decode()
                self.assertEqual(text.count("  --store "), 1, text)

    def test_a_group_alone_is_no_command(self):
        self.exits(USAGE, self.at.run("cert", "pfx"), "keywarden cert pfx --help")
        self.exits(USAGE, self.at.run("cert", "store", "burn"), "keywarden cert store --help")
        self.exits(USAGE, self.at.run("config"), "keywarden config --help")


if __name__ == "__main__":
    unittest.main(verbosity=2)
