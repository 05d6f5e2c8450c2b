#!/usr/bin/env python3
"""decode_test.py <keywarden> <tink_interop>: docs/format/decode.py, which knows the specification and not one line of C++,
opens what the programs wrote, and refuses what was altered.

Also opens the frozen vectors in tests/vectors, and the values published for what it computes itself (X-Wing, AES-GCM-SIV).
"""

import base64
import hashlib
import importlib.util
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

KEYWARDEN, INTEROP = sys.argv.pop(1), sys.argv.pop(1)
ROOT = pathlib.Path(__file__).resolve().parents[2]
VECTORS = ROOT / "tests" / "vectors"
DECODE = ROOT / "docs" / "format" / "decode.py"

spec = importlib.util.spec_from_file_location("decode", DECODE)
decode = importlib.util.module_from_spec(spec)
spec.loader.exec_module(decode)


def cases(path):
    text = pathlib.Path(path).read_text(encoding="utf-8")
    for block in text.split("\n\n"):
        fields = dict(line.partition(" =")[::2] for line in block.split("\n") if " =" in line and line[0] != "#")
        if fields:
            yield {name: value.strip() for name, value in fields.items()}


def opened(*words, given=b""):
    return subprocess.run([sys.executable, str(DECODE), *map(str, words)], input=given, capture_output=True, timeout=60,
                          check=False)


class Cases(unittest.TestCase):
    def refused(self, reason, action, *arguments):
        with self.assertRaises(decode.Refused) as caught:
            action(*arguments)
        self.assertRegex(str(caught.exception), f"^({reason})")


class Messages(Cases):
    def open_message(self, case, sealed, data):
        ring = {int(case["KeyId"]): bytes.fromhex(case["Secret"])}
        if case["Form"] == "tink":
            return decode.open_tink_message(ring, case["Purpose"], data, sealed, decode.SUITE_NAMES[case["Suite"]])
        return decode.open_message(ring, case["Purpose"], data, sealed)

    def open_stream(self, case, sealed, data):
        ring = {int(case["KeyId"]): bytes.fromhex(case["Secret"])}
        if case["Form"] == "tink":
            return decode.open_tink_stream(ring, case["Purpose"], data, sealed, int(case["KeyId"]),
                                           int(case["SegmentSize"]))
        return decode.open_stream(ring, case["Purpose"], data, sealed)

    def test_frozen_messages_open(self):
        seen = set()
        for case in cases(VECTORS / "sealed_message.vec"):
            form, suite = case["Form"].split(" ")
            seen.add(case["Form"])
            case = dict(case, Form=form, Suite=suite, Secret=case["Key"], KeyId=case["Id"])
            plain = self.open_message(case, bytes.fromhex(case["Sealed"]), bytes.fromhex(case["Ad"]))
            self.assertEqual(plain.hex(), case["Message"])
        self.assertLessEqual({"native aes-256-gcm", "native chacha20-poly1305", "native aes-256-gcm-siv",
                              "tink aes-256-gcm"}, seen)

    def test_what_the_program_just_wrote_opens(self):
        messages = streams = 0
        with tempfile.TemporaryDirectory() as folder:
            made = pathlib.Path(folder) / "cases"
            subprocess.run([INTEROP, str(made)], check=True, timeout=60)
            for case in cases(made):
                data, sealed = bytes.fromhex(case["AssociatedData"]), bytes.fromhex(case["Sealed"])
                if "SegmentSize" in case:
                    streams += 1
                    plain = self.open_stream(case, sealed, data)
                    size = int(case["PlaintextSize"])
                    self.assertEqual(plain, (bytes(range(251)) * (size // 251 + 1))[:size])
                    self.refused("authentication_failed", self.open_stream, case, sealed, data + b"x")
                    self.refused("authentication_failed|truncated", self.open_stream, case, sealed[:-1], data)
                else:
                    messages += 1
                    self.assertEqual(self.open_message(case, sealed, data).hex(), case["Plaintext"])
                    self.refused("authentication_failed", self.open_message, case, sealed, data + b"x")
        self.assertGreaterEqual(messages, 16)
        self.assertGreaterEqual(streams, 8)

    def test_every_altered_byte_of_a_message_is_refused(self):
        case = next(each for each in cases(VECTORS / "tink_aead.vec") if each["Form"] == "native" and each["Plaintext"])
        sealed, data = bytes.fromhex(case["Sealed"]), bytes.fromhex(case["AssociatedData"])
        self.open_message(case, sealed, data)
        for at in range(min(len(sealed), 60)):
            altered = bytearray(sealed)
            altered[at] ^= 1
            self.refused("authentication_failed|unknown_key|unsupported_version|unsupported_suite", self.open_message, case,
                         bytes(altered), data)
        for size in range(34):
            self.refused("truncated", self.open_message, case, sealed[:size], data)

    def test_frozen_streams_open_and_altered_ones_are_refused(self):
        seen = set()
        for case in cases(VECTORS / "tink_stream.vec"):
            if "Sealed" not in case:
                continue
            seen.add(case["Form"])
            sealed, data = bytes.fromhex(case["Sealed"]), bytes.fromhex(case["AssociatedData"])
            size = int(case["PlaintextSize"])
            self.assertEqual(self.open_stream(case, sealed, data), (bytes(range(251)) * (size // 251 + 1))[:size])
            for at in [*range(1, 82, 3), len(sealed) // 2, len(sealed) - 1]:
                altered = bytearray(sealed)
                altered[at % len(sealed)] ^= 1
                self.refused("authentication_failed|unknown_key|unsupported_suite|limit_exceeded|malformed|truncated",
                             self.open_stream, case, bytes(altered), data)
            if len(sealed) > 8192:  # segments dropped, two exchanged
                self.refused("authentication_failed", self.open_stream, case, sealed[:4096], data)
                swapped = sealed[:4096] + sealed[8192:] + sealed[4096:8192]
                self.refused("authentication_failed|truncated", self.open_stream, case, swapped, data)
        self.assertEqual(seen, {"native", "tink"})

    def test_aes_gcm_siv_computes_what_is_published(self):
        tried = 0
        for case in cases(VECTORS / "aes256_gcm_siv.vec"):
            key, nonce, data, plain, sealed, tag = (bytes.fromhex(case[name]) for name in (
                "Key", "Nonce", "Ad", "Message", "Ciphertext", "Tag"))
            if case["Result"] == "valid":
                self.assertEqual(decode.AesGcmSiv(key).decrypt(nonce, sealed + tag, data), plain)
                tried += 1
        self.assertGreater(tried, 20)


class Recipients(Cases):
    def test_x_wing_computes_what_is_published(self):
        tried = 0
        for case in cases(VECTORS / "x_wing.vec"):
            ours = decode.XWing(bytes.fromhex(case["Seed"]))
            self.assertEqual(ours.public.hex(), case["Public"])
            sealed = bytearray.fromhex(case["Ciphertext"])
            self.assertEqual(ours.decapsulate(bytes(sealed)).hex(), case["Shared"])
            sealed[100] ^= 1
            self.assertNotEqual(ours.decapsulate(bytes(sealed)).hex(), case["Shared"])
            tried += 1
        self.assertGreaterEqual(tried, 3)


class Folder(Cases):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="keywarden-decode-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)

    @classmethod
    def put(cls, name, content):
        (cls.folder / name).write_bytes(content)
        return cls.folder / name

    def opens(self, plain, outcome):
        self.assertEqual((outcome.returncode, outcome.stdout), (0, plain), outcome.stderr)

    def is_refused(self, reason, outcome):
        self.assertEqual(outcome.returncode, 1, outcome)
        self.assertRegex(outcome.stderr.decode(), f"^refused: ({reason})")
        self.assertEqual(outcome.stdout, b"")


class FrozenRecords(Folder):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        phrase = cls.put("phrase", b"correct horse battery staple\n")
        one, two = cls.put("one", b"one"), cls.put("two", b"two\n")
        machine = ["--machine", cls.put("machine", bytes(range(32))), cls.put("id", b"c0ffee00" * 4 + b"\n")]
        account = ["--account", cls.put("account", bytes(range(0x40, 0x60))), 1000]
        seed = ["--x-wing-seed", cls.put("seed", b"2a" * 32 + b"\n")]
        parent = cls.put("parent", b'{"kind": "service_master_key", "id": "%s", "versions": {"119": "%s"}}' %
                         (b"77" * 16, b"77" * 32))
        cls.ways = [("account.json", account), ("machine.json", machine), ("parent.json", ["--parent", parent]),
                    ("password_argon2id.json", ["--password-file", phrase]),
                    ("password_pbkdf2.json", ["--password-file", phrase]), ("recipient_x_wing.json", seed),
                    ("all_of.json", [*machine, "--password-file", one, *seed]),
                    ("threshold.json", ["--password-file", one, "--password-file", two]),
                    ("threshold.json", [*machine, "--password-file", two]),
                    ("any_of.json", account), ("any_of.json", machine)]

    def test_each_opens_with_its_secret(self):
        for name, way in self.ways:
            with self.subTest(name=name, way=way):
                self.opens(b"frozen: " + name.encode(), opened(
                    "record", VECTORS / "record_v1" / name, "--kind", "database_master_key", "--name", "db/frozen/dmk", *way))

    def test_none_opens_without_or_with_too_little(self):
        for name, _ in self.ways:
            self.is_refused("no_slot_opened", opened("record", VECTORS / "record_v1" / name))
        self.is_refused("no_slot_opened", opened("record", VECTORS / "record_v1" / "threshold.json", "--password-file",
                                                 self.folder / "one"))
        self.is_refused("no_slot_opened", opened("record", VECTORS / "record_v1" / "password_argon2id.json",
                                                 "--password-file", self.folder / "two"))
        self.is_refused("context_mismatch", opened("record", VECTORS / "record_v1" / "machine.json", "--name", "db/x/dmk"))

    def test_an_altered_record_is_refused(self):
        stored = (VECTORS / "record_v1" / "machine.json").read_bytes()
        way = dict(self.ways)["machine.json"]
        for at in range(3, len(stored) - 2, 7):
            altered = bytearray(stored)
            altered[at] ^= 1
            outcome = opened("record", "-", *way, given=bytes(altered)) if at % 4 == 3 else None
            if outcome is not None:
                self.is_refused("authentication_failed|malformed|no_slot_opened|unsupported_version|limit_exceeded", outcome)
        twice = stored.replace(b'"generation": 1,', b'"generation": 1,\n "generation": 1,')
        self.is_refused("malformed", opened("record", "-", *way, given=twice))
        self.is_refused("malformed", opened("record", "-", *way, given=stored.replace(b'"mac": ', b'"mac":')))

    def test_a_sealed_credential_opens_for_its_purpose_and_owner_only(self):
        given = VECTORS / "sealed_credential_v1"
        der = base64.b64decode((given / "key.base64").read_text())
        pem = b"-----BEGIN PRIVATE KEY-----\n" + base64.encodebytes(der) + b"-----END PRIVATE KEY-----\n"
        key = ["--private-key", self.put("key.pem", pem)]
        self.opens(b"Server=tcp:db1;User ID=split;Password=correct horse", opened(
            "record", given / "credential.json", *key, "--credential", "stored credentials", "request 17/source"))
        self.is_refused("context_mismatch", opened(
            "record", given / "credential.json", *key, "--credential", "stored credentials", "request 18/source"))


class Vault(Folder):
    """A vault that the command-line tool made, on each embedded store, opened down to the data."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.password = cls.put("password", b"Correct horse 7 battery\n")
        cls.kept = cls.put("kept", b"Kept in 1 safe place\n")
        for each in (cls.password, cls.kept):
            each.chmod(0o600)
        cls.machine_id = cls.put("machine-id", b"0123456789abcdef0123456789abcdef\n")
        cls.machine = ["--machine", cls.folder / "machine", cls.machine_id]
        cls.content = bytes(range(256)) * 6000
        for store in ("sqlite:vault.db", "vault/"):
            for words in [["vault", "init"], ["db", "create", "sales"],
                          ["dmk", "create", "sales", "--new-password-file", cls.password], ["key", "create", "sales", "cards"],
                          ["seal", "sales", "cards", "--message", "--associated-data", "row 17", "--output", "message"],
                          ["seal", "sales", "cards", "--stream", "--associated-data", "row 17", "--output", "stream"],
                          ["smk", "backup", "--output", "smk.backup", "--backup-password-file", cls.kept]]:
                where = words.index("--output") + 1 if "--output" in words else None
                if where:
                    words[where] = f"{store[:5]}.{words[where]}"
                given = cls.content if "--stream" in words else b"4111 1111 1111 1111"
                subprocess.run([KEYWARDEN, *map(str, words), "--store", store, "--account-secret", "account",
                                "--machine-secret", "machine", "--machine-id", "machine-id"], cwd=cls.folder, input=given,
                               stdout=subprocess.PIPE, check=True, start_new_session=True, timeout=60)

    def ring(self, name, *words):
        path = self.folder / (name.replace("/", "@") + ".ring")
        self.opens(b"", opened("record", *words, "--name", name, "--ring", "--output", path))
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        return path

    def test_a_vault_opens_from_the_machine_down_to_the_data(self):
        for store, prefix in (("vault.db", "sqlit"), ("vault", "vault")):
            at = ["--store", self.folder / store]
            smk = self.ring("smk", *at, *self.machine)
            dmk = self.ring("db/sales/dmk", *at, "--parent", smk)
            key = self.ring("db/sales/symmetric_key/cards", *at, "--parent", dmk)
            how = ["--ring", key, "--purpose", "keywarden sealed file", "--associated-data"]
            self.opens(b"4111 1111 1111 1111", opened("message", self.folder / f"{prefix}.message", *how, "row 17"))
            self.opens(self.content, opened("stream", self.folder / f"{prefix}.stream", *how, "row 17"))
            self.is_refused("authentication_failed", opened("message", self.folder / f"{prefix}.message", *how, "row 18"))
            self.is_refused("authentication_failed", opened("stream", self.folder / f"{prefix}.stream", *how, "row 18"))
            how[3] = "another purpose"
            self.is_refused("authentication_failed", opened("message", self.folder / f"{prefix}.message", *how, "row 17"))

    def test_the_password_opens_the_database_master_key_too(self):
        at = ["--store", self.folder / "vault.db", "--name", "db/sales/dmk"]
        by_password = opened("record", *at, "--ring", "--password-file", self.password)
        smk = self.ring("smk", "--store", self.folder / "vault.db", *self.machine)
        self.opens(by_password.stdout, opened("record", *at, "--ring", "--parent", smk))
        self.is_refused("no_slot_opened", opened("record", *at, "--password-file", self.kept))

    def test_the_backup_opens_with_its_password_and_holds_the_service_master_key(self):
        backup = opened("record", self.folder / "sqlit.smk.backup", "--kind", "backup", "--name",
                        "backup/service_master_key", "--password-file", self.kept)
        smk = opened("record", "--store", self.folder / "vault.db", "--name", "smk", *self.machine)
        self.opens(smk.stdout, backup)
        self.is_refused("no_slot_opened", opened("record", self.folder / "sqlit.smk.backup", "--password-file", self.password))

    def test_a_record_moved_to_another_name_is_refused(self):
        stored = (self.folder / "vault" / "db@sales@dmk").read_bytes()
        smk = self.ring("smk", "--store", self.folder / "vault", *self.machine)
        moved = stored.replace(b'"db/sales/dmk"', b'"db/stolen/dmk"')
        self.is_refused("no_slot_opened", opened("record", "-", "--parent", smk, given=moved))

    def test_another_machine_opens_nothing(self):
        other = self.put("other-id", hashlib.sha256(b"x").hexdigest()[:32].encode() + b"\n")
        self.is_refused("no_slot_opened", opened("record", "--store", self.folder / "vault.db", "--name", "smk",
                                                 "--machine", self.folder / "machine", other))


if __name__ == "__main__":
    unittest.main()
