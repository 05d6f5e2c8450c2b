#!/usr/bin/env python3
"""cli_test.py <keywarden>: what the command-line tool promises to scripts and to people, tried on the program itself.

Two vaults are made, one on each embedded store; each password operation costs what it costs in production, so there
are few of them.
"""

import atexit
import fcntl
import json
import os
import pathlib
import pty
import select
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM = sys.argv.pop(1)

DONE, REFUSED, USAGE, ENVIRONMENT = 0, 1, 2, 3
MASTER_PASSWORD = "Correct horse 7 battery"
BACKUP_PASSWORD = "Kept in 1 safe place"


class World:
    """A folder with a store and the secrets of an account and a machine, which tests may exchange."""

    def __init__(self, store):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="keywarden-cli-"))
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        self.store = store.format(self.folder)
        (self.folder / "machine-id").write_text("0123456789abcdef0123456789abcdef\n")
        self.secrets = {"account": self.folder / "account", "machine": self.folder / "machine"}

    def path(self, name):
        return str(self.folder / name)

    def secret_line(self, name, text, mode=0o600):
        file = self.folder / name
        file.write_text(text + "\n")
        file.chmod(mode)
        return str(file)

    def arguments(self, *words):
        return [PROGRAM, *words, "--store", self.store, "--account-secret", str(self.secrets["account"]),
                "--machine-secret", str(self.secrets["machine"]), "--machine-id", self.path("machine-id")]

    def run(self, *words, given=b"", **more):
        # A session of its own has no terminal: whatever is missing is refused, not asked for.
        return subprocess.run(self.arguments(*words), input=given, capture_output=True, start_new_session=True,
                              timeout=60, check=False, **more)


def make_vault(store):
    world = World(store)
    world.password = world.secret_line("password", MASTER_PASSWORD)
    world.backup_password = world.secret_line("backup-password", BACKUP_PASSWORD)
    for words in [["vault", "init"], ["db", "create", "sales"],
                  ["dmk", "create", "sales", "--new-password-file", world.password],
                  ["key", "create", "sales", "cards"],
                  ["smk", "backup", "--output", world.path("smk.backup"),
                   "--backup-password-file", world.backup_password]]:
        made = world.run(*words)
        assert made.returncode == DONE, (words, made)
    return world


class CommandLine(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sqlite = make_vault("sqlite:{}/vault.db")
        cls.files = make_vault("{}/vault/")
        cls.world = cls.sqlite

    def exits(self, status, outcome, *words):
        self.assertEqual(outcome.returncode, status, outcome)
        for word in words:
            self.assertIn(word, (outcome.stdout + outcome.stderr).decode())
        return outcome

    def sealed(self, name, content=b"4111 1111 1111 1111", *more):
        self.exits(DONE, self.world.run("seal", "sales", "cards", "--output", self.world.path(name), *more, given=content))
        return self.world.path(name)

    # ---- the command line itself

    def test_help_is_done_and_names_every_status(self):
        self.exits(DONE, self.world.run("--help"), "Exit status", "dmk add-password")
        self.exits(DONE, self.world.run("dmk", "--help"), "dmk regenerate")
        self.exits(DONE, subprocess.run([PROGRAM, "seal", "--help"], capture_output=True, check=False),
                   "--associated-data", "1 MiB")

    def test_what_makes_no_sense_is_refused_as_usage(self):
        for words in [["frobnicate"], ["dmk", "frobnicate"], [], ["db", "list", "--frobnicate"], ["db", "list", "extra"],
                      ["db", "create"], ["seal", "sales", "cards", "--stream", "--message"], ["db", "list", "-x"],
                      ["db", "create", "not/a/name"], ["db", "list", "--json=yes"], ["smk", "backup"],
                      ["key", "promote", "sales", "cards", "seven"], ["key", "create", "sales", "x", "--by", "magic"]]:
            with self.subTest(words=words):
                self.exits(USAGE, self.world.run(*words))

    def test_an_option_of_another_command_is_not_ignored(self):
        self.exits(USAGE, self.world.run("db", "list", "--output", "x"), "unknown option --output")

    def test_an_option_given_twice_is_refused(self):
        self.exits(USAGE, self.world.run("open", "sales", "cards", "--input", "a", "--input", "b"), "twice")

    def test_a_password_as_an_argument_is_refused_and_not_repeated(self):
        for words in [["--password", "hunter2"], ["--password=hunter2"], ["--passwrd=hunter2"]]:
            outcome = self.exits(USAGE, self.world.run("dmk", "open", "sales", *words))
            self.assertNotIn(b"hunter2", outcome.stdout + outcome.stderr)
        self.exits(USAGE, self.world.run("dmk", "open", "sales", "--password", "x"), "is not taken from an argument",
                   "--password-file", "--password-fd")

    # ---- exit statuses 1 and 3

    def test_refusals_and_environment_are_told_apart(self):
        self.exits(REFUSED, self.world.run("db", "create", "sales"), "exists already")
        self.exits(REFUSED, self.world.run("key", "rotate", "sales", "missing"), "nothing of this name")
        self.exits(REFUSED, self.world.run("db", "drop", "sales"), "depend")
        self.exits(ENVIRONMENT, self.world.run("open", "sales", "cards", "--input", "/nonexistent"), "/nonexistent")
        elsewhere = World("{}/missing.db")
        self.exits(ENVIRONMENT, elsewhere.run("db", "list"), "there is no store")
        self.assertFalse(os.path.exists(elsewhere.store))

    def test_a_secret_that_cannot_be_kept_there_may_be_kept_elsewhere(self):
        for secret in ("account", "machine"):
            world = World("{}/vault.db")
            world.secrets[secret] = pathlib.Path("/dev/null/secret")
            self.exits(ENVIRONMENT, world.run("vault", "init"), "--machine-secret or --account-secret")

    def test_a_store_that_is_no_store_is_the_environments_fault(self):
        broken = World("{}/broken.db")
        pathlib.Path(broken.store).write_bytes(b"this is not a database" * 100)
        pathlib.Path(broken.store).chmod(0o600)
        self.exits(ENVIRONMENT, broken.run("db", "list"))

    # ---- passwords

    def test_a_password_comes_from_a_file(self):
        self.exits(DONE, self.world.run("dmk", "open", "sales", "--password-file", self.world.password), "opens")

    def test_passwords_follow_each_other_on_one_descriptor(self):
        reading, writing = os.pipe()
        os.write(writing, (MASTER_PASSWORD + "\n" + "Another horse 8 staple\n").encode())
        os.close(writing)
        self.exits(DONE, self.world.run("dmk", "open", "sales", "--password-fd", str(reading), pass_fds=[reading]))
        self.exits(DONE, self.world.run("dmk", "add-password", "sales", "--new-password-fd", str(reading),
                                        pass_fds=[reading]))
        os.close(reading)
        other = self.world.secret_line("other", "Another horse 8 staple")
        self.exits(DONE, self.world.run("dmk", "drop-password", "sales", "--password-file", other))
        self.exits(REFUSED, self.world.run("dmk", "open", "sales", "--password-file", other), "opens this key")

    def test_a_password_file_that_others_may_read_is_refused(self):
        loose = self.world.secret_line("loose", MASTER_PASSWORD, mode=0o644)
        self.exits(ENVIRONMENT, self.world.run("dmk", "open", "sales", "--password-file", loose), "chmod 600")

    def test_without_a_terminal_a_missing_password_is_refused(self):
        self.exits(REFUSED, self.world.run("dmk", "open", "sales"), "--password-file")

    def test_a_new_password_that_is_too_simple_is_refused(self):
        simple = self.world.secret_line("simple", "secret")
        self.exits(REFUSED, self.world.run("dmk", "add-password", "sales", "--new-password-file", simple), "characters")

    def answer_prompts(self, words, answers):
        """Runs the program on a terminal of its own and types an answer to each prompt; gives its status and screen."""
        if not os.path.exists("/dev/pts/ptmx"):
            self.skipTest("this system has no pseudo-terminals (devpts is not mounted)")
        child, terminal = pty.fork()
        if child == 0:
            os.execv(PROGRAM, self.world.arguments(*words))
        screen, typed = b"", 0
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if not select.select([terminal], [], [], 1)[0]:
                continue
            try:
                got = os.read(terminal, 4096)
            except OSError:
                break
            if not got:
                break
            screen += got
            if screen.count(b": ") > typed < len(answers) and screen.endswith(b": "):
                os.write(terminal, answers[typed].encode() + b"\n")
                typed += 1
        _, status = os.waitpid(child, 0)
        os.close(terminal)
        self.assertEqual(typed, len(answers), screen)
        return os.waitstatus_to_exitcode(status), screen

    def test_a_prompt_asks_for_a_new_password_twice_and_shows_neither(self):
        self.exits(DONE, self.world.run("db", "create", "prompted"))
        status, screen = self.answer_prompts(["dmk", "create", "prompted"], ["Typed horse 9 pencil", "Typed horse 9 pencil"])
        self.assertEqual(status, DONE, screen)
        self.assertIn(b"The same again", screen)
        self.assertNotIn(b"pencil", screen)

    def test_a_prompt_refuses_two_that_differ(self):
        self.exits(DONE, self.world.run("db", "create", "mistyped"))
        status, screen = self.answer_prompts(["dmk", "create", "mistyped"], ["Typed horse 9 pencil", "Typed horse 9 pencils"])
        self.assertEqual(status, REFUSED, screen)
        self.assertIn(b"not the same", screen)

    def test_a_prompt_asks_once_for_a_password_that_exists(self):
        status, screen = self.answer_prompts(["dmk", "open", "sales"], [MASTER_PASSWORD])
        self.assertEqual(status, DONE, screen)

    # ---- machines

    def test_answers_and_refusals_parse_as_json(self):
        for words in [["vault", "status"], ["smk", "status"], ["db", "list"], ["db", "encryptions", "sales"],
                      ["key", "list", "sales"], ["key", "show", "sales", "cards"], ["certificate", "list", "sales"],
                      ["credential", "list"], ["linked-server", "list"], ["describe"]]:
            with self.subTest(words=words):
                said = json.loads(self.exits(DONE, self.world.run(*words, "--json")).stdout)
                self.assertTrue(said["ok"])
        for words in [["vault", "init"], ["db", "create", "for-machines"], ["db", "drop", "for-machines"]]:
            with self.subTest(words=words):
                self.assertTrue(json.loads(self.exits(DONE, self.world.run(*words, "--json")).stdout)["ok"])
        refused = self.exits(REFUSED, self.world.run("key", "show", "sales", "missing", "--json"))
        said = json.loads(refused.stderr)
        self.assertEqual((said["ok"], said["exit"], said["error"]["code"]), (False, REFUSED, "not_found"))
        self.assertEqual(json.loads(self.world.run("db", "list", "--frob", "--json").stderr)["exit"], USAGE)

    def test_json_and_data_do_not_share_standard_output(self):
        self.exits(USAGE, self.world.run("seal", "sales", "cards", "--json", given=b"x"), "--output")

    # ---- sealing

    def test_what_one_process_seals_another_opens_on_both_stores(self):
        for world in [self.sqlite, self.files]:
            sealed = self.exits(DONE, world.run("seal", "sales", "cards", given=b"from one to another")).stdout
            self.assertNotIn(b"another", sealed)
            self.assertEqual(self.exits(DONE, world.run("open", "sales", "cards", given=sealed)).stdout,
                             b"from one to another")

    def test_a_file_becomes_a_stream_that_opens_from_a_file_and_from_a_pipe(self):
        content = os.urandom(3 << 20)
        pathlib.Path(self.world.path("plain")).write_bytes(content)
        self.exits(DONE, self.world.run("seal", "sales", "cards", "--input", self.world.path("plain"),
                                        "--output", self.world.path("plain.sealed")))
        sealed = pathlib.Path(self.world.path("plain.sealed")).read_bytes()
        self.assertEqual(sealed[0], 0x53)
        self.assertEqual(self.exits(DONE, self.world.run("open", "sales", "cards", given=sealed)).stdout, content)
        self.exits(DONE, self.world.run("open", "sales", "cards", "--input", self.world.path("plain.sealed"),
                                        "--output", self.world.path("plain.again")))
        self.assertEqual(pathlib.Path(self.world.path("plain.again")).read_bytes(), content)

    def test_other_associated_data_is_refused(self):
        sealed = self.sealed("bound", b"bound", "--associated-data", "row 1")
        opening = ["open", "sales", "cards", "--input", sealed]
        self.assertEqual(self.exits(DONE, self.world.run(*opening, "--associated-data", "row 1")).stdout, b"bound")
        for more in [[], ["--associated-data", "row 2"]]:
            self.assertEqual(self.exits(REFUSED, self.world.run(*opening, *more), "authentication failed").stdout, b"")

    def test_altered_and_truncated_data_leave_no_output_file(self):
        content = os.urandom(2 << 20)
        for name, more in [("message", []), ("stream", ["--stream"])]:
            path = self.sealed(f"altered.{name}", content[:100000] if name == "message" else content, *more)
            whole = pathlib.Path(path).read_bytes()
            flipped = bytearray(whole)
            flipped[-20] ^= 1
            for damaged in [bytes(flipped), whole[:-5], whole[:10], b"", b"?" + whole[1:]]:
                pathlib.Path(path).write_bytes(damaged)
                target = self.world.path("never")
                self.exits(REFUSED, self.world.run("open", "sales", "cards", "--input", path, "--output", target))
                self.assertFalse(os.path.exists(target))

    def test_a_message_above_a_mebibyte_is_refused_with_the_way_out(self):
        self.exits(REFUSED, self.world.run("seal", "sales", "cards", given=bytes((1 << 20) + 1)), "--stream")

    def test_created_files_are_their_owners_alone(self):
        for name in [self.sealed("mode"), self.world.path("smk.backup"), self.world.store.removeprefix("sqlite:")]:
            self.assertEqual(stat.S_IMODE(os.stat(name).st_mode), 0o600, name)
        self.assertEqual(stat.S_IMODE(os.stat(self.files.folder / "vault").st_mode), 0o700)

    def test_an_output_that_exists_is_replaced_only_when_asked(self):
        path = self.sealed("once", b"first")
        before = pathlib.Path(path).read_bytes()
        again = ["seal", "sales", "cards", "--output", path]
        self.exits(REFUSED, self.world.run(*again, given=b"second"), "--overwrite")
        self.assertEqual(pathlib.Path(path).read_bytes(), before)
        self.exits(DONE, self.world.run(*again, "--overwrite", given=b"second"))
        self.assertEqual(self.world.run("open", "sales", "cards", "--input", path).stdout, b"second")

    def test_killed_while_sealing_leaves_no_half_output(self):
        folder = self.world.folder / "killed"
        folder.mkdir()
        target = folder / "target"
        process = subprocess.Popen(self.world.arguments("seal", "sales", "cards", "--stream", "--output", str(target)),
                                   stdin=subprocess.PIPE, start_new_session=True)
        for _ in range(8):  # into the pipe whole, so it is being sealed
            process.stdin.write(bytes(1 << 20))
        process.stdin.flush()
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdin.close()
        self.assertFalse(target.exists())

    def test_large_files_come_back_byte_for_byte(self):
        plain = pathlib.Path(self.world.path("large"))
        for size in ((64 << 20) - 1, 64 << 20, (64 << 20) + 4097):  # the larger two go past the page cache
            with self.subTest(size=size):
                plain.write_bytes(os.urandom(1 << 20) * 65)
                os.truncate(plain, size)
                sealed, opened = self.world.path("large.sealed"), self.world.path("large.opened")
                self.exits(DONE, self.world.run("seal", "sales", "cards", "--input", str(plain), "--output", sealed, "--overwrite"))
                self.exits(DONE, self.world.run("open", "sales", "cards", "--input", sealed, "--output", opened, "--overwrite"),
                           f"{size} bytes")
                self.assertTrue(plain.read_bytes() == pathlib.Path(opened).read_bytes())
        before = pathlib.Path(opened).read_bytes()
        os.truncate(sealed, os.path.getsize(sealed) - 1)
        self.exits(REFUSED, self.world.run("open", "sales", "cards", "--input", sealed, "--output", opened, "--overwrite"))
        self.assertTrue(before == pathlib.Path(opened).read_bytes())

    def test_killed_while_sealing_a_large_file_leaves_no_half_output(self):
        folder = self.world.folder / "killed-large"
        folder.mkdir()
        target, endless = folder / "target", self.world.path("endless")
        with open(endless, "wb") as file:
            file.truncate(1 << 36)  # takes no room on the disk, and longer to seal than this test
        with tempfile.TemporaryFile(dir=folder) as probe:
            try:
                fcntl.fcntl(probe, fcntl.F_SETFL, os.O_DIRECT)
                direct = True
            except OSError:
                direct = False
        process = subprocess.Popen(self.world.arguments("seal", "sales", "cards", "--input", endless, "--output", str(target)),
                                   stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            written = self.until_it_writes(process.pid, folder, 8 << 20)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        self.assertEqual(bool(written & os.O_DIRECT), direct)
        self.assertFalse(target.exists())

    def until_it_writes(self, pid, folder, size):
        """The flags of the file in a folder, of whatever name or none, that a process has written so much of."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            for each in pathlib.Path(f"/proc/{pid}/fd").iterdir():
                try:
                    if os.readlink(each).startswith(f"{folder}/") and each.stat().st_size >= size:
                        said = pathlib.Path(f"/proc/{pid}/fdinfo/{each.name}").read_text()
                        return next(int(line.split()[1], 8) for line in said.splitlines() if line.startswith("flags:"))
                except FileNotFoundError:
                    pass  # closed meanwhile
            time.sleep(0.01)
        self.fail("nothing was written")

    # ---- the hierarchy

    def test_a_rotated_key_opens_what_it_sealed_before(self):
        path = self.sealed("before-rotation", b"old")
        self.exits(DONE, self.world.run("key", "rotate", "sales", "cards"))
        self.assertEqual(self.world.run("open", "sales", "cards", "--input", path).stdout, b"old")

    def test_a_version_is_disabled_enabled_and_destroyed(self):
        world = self.world
        self.exits(DONE, world.run("key", "create", "sales", "versions"))
        first = json.loads(world.run("key", "list", "sales", "--json").stdout)
        first = next(row for row in first["keys"] if row["name"] == "versions")["active_version"]
        sealed = world.run("seal", "sales", "versions", given=b"v1").stdout
        self.exits(DONE, world.run("key", "rotate", "sales", "versions"))
        self.exits(REFUSED, world.run("key", "destroy", "sales", "versions", str(first)), "disable")
        self.exits(DONE, world.run("key", "disable", "sales", "versions", str(first)))
        self.exits(REFUSED, world.run("open", "sales", "versions", given=sealed), str(first), "disabled",
                   f"keywarden key enable sales versions {first}")
        self.exits(DONE, world.run("key", "enable", "sales", "versions", str(first)))
        self.assertEqual(world.run("open", "sales", "versions", given=sealed).stdout, b"v1")
        self.exits(DONE, world.run("key", "disable", "sales", "versions", str(first)))
        self.exits(DONE, world.run("key", "destroy", "sales", "versions", str(first)))
        self.exits(REFUSED, world.run("open", "sales", "versions", given=sealed), "destroyed", "lost")
        self.exits(REFUSED, world.run("open", "sales", "cards", given=sealed), "another key")

    def test_a_password_of_the_key_that_does_not_fit_is_refused_although_the_machine_opens_the_key(self):
        world = self.world
        own, wrong = world.secret_line("own", "Another horse 8 staple"), world.secret_line("wrong", "Wrong horse 9 hoof")
        self.exits(DONE, world.run("key", "create", "sales", "two-ways", "--by", "password", "--by", "master-key",
                                   "--new-password-file", own))
        sealed = self.exits(DONE, world.run("seal", "sales", "two-ways", given=b"x")).stdout
        for words in (("open", "sales", "two-ways"), ("seal", "sales", "two-ways"), ("key", "rotate", "sales", "two-ways"),
                      ("key", "add-protector", "sales", "two-ways", "--by", "symmetric-key:cards")):
            self.exits(REFUSED, world.run(*words, "--key-password-file", wrong, given=sealed), "no way into this key")
        self.exits(REFUSED, world.run("seal", "sales", "cards", "--key-password-file", own, given=b"x"), "no way into this key")
        self.exits(USAGE, world.run("key", "create", "sales", "third", "--by", "master-key", "--key-password-file", own), "--by names")
        self.exits(DONE, world.run("cert", "create", "sales", "unlocked", "--subject", "unlocked"))
        for words in (("cert", "export", "sales", "unlocked", "--output", world.path("unlocked.cer")),
                      ("certificate", "change-protection", "sales", "unlocked", "--new-password-file", own)):
            self.exits(REFUSED, world.run(*words, "--key-password-file", wrong), "no way into this key")
        self.assertEqual(world.run("open", "sales", "two-ways", "--key-password-file", own, given=sealed).stdout, b"x")

    def test_a_key_that_is_made_with_a_password_first_takes_other_protectors_too(self):
        world = self.world
        own = world.secret_line("own", "Another horse 8 staple")
        self.exits(DONE, world.run("key", "create", "sales", "both", "--by", "password", "--by", "master-key", "--new-password-file", own))
        sealed = self.exits(DONE, world.run("seal", "sales", "both", given=b"x")).stdout
        self.assertEqual(world.run("open", "sales", "both", "--key-password-file", own, given=sealed).stdout, b"x")
        self.assertEqual(world.run("open", "sales", "both", given=sealed).stdout, b"x")
        self.exits(REFUSED, world.run("key", "create", "sales", "half", "--by", "password", "--by", "certificate:none", "--new-password-file", own))
        self.exits(REFUSED, world.run("key", "show", "sales", "half"))

    def test_a_key_under_a_certificate_opens_and_the_certificate_stays(self):
        world = self.world
        self.exits(DONE, world.run("certificate", "create", "sales", "auditor"))
        self.exits(DONE, world.run("key", "create", "sales", "audited", "--by", "certificate:auditor", "--by", "master-key"))
        sealed = world.run("seal", "sales", "audited", given=b"seen").stdout
        self.assertEqual(world.run("open", "sales", "audited", given=sealed).stdout, b"seen")
        self.exits(REFUSED, world.run("certificate", "drop", "sales", "auditor"), "depend")
        self.exits(DONE, world.run("certificate", "public-key", "sales", "auditor"))

    def test_a_key_under_a_certificate_with_its_own_password_needs_that_password(self):
        world = self.world
        own = world.secret_line("own", "Another horse 8 staple")
        self.exits(DONE, world.run("certificate", "create", "sales", "sealed-auditor", "--new-password-file", own))
        creating = ["key", "create", "sales", "locked", "--by", "certificate:sealed-auditor"]
        self.exits(REFUSED, world.run(*creating))
        self.exits(DONE, world.run(*creating, "--key-password-file", own))
        self.exits(REFUSED, world.run("seal", "sales", "locked", given=b"x"))
        sealed = self.exits(DONE, world.run("seal", "sales", "locked", "--key-password-file", own, given=b"x")).stdout
        self.assertEqual(world.run("open", "sales", "locked", "--key-password-file", own, given=sealed).stdout, b"x")

    # ---- certificates of instances

    def test_a_certificate_is_made_shown_exported_and_imported_elsewhere_by_its_fingerprint(self):
        world, other = self.world, self.files
        made = json.loads(self.exits(DONE, world.run(
            "cert", "create", "sales", "endpoint", "--subject", "db1", "--dns", "db1.example.org", "--dns",
            "*.db.example.org", "--ip", "192.0.2.7", "--json")).stdout)
        self.assertEqual(made["names"], ["*.db.example.org", "db1.example.org", "192.0.2.7"])
        self.assertEqual(made["private_key"], "MK")
        self.assertIn(made["days_left"], (364, 365))
        self.exits(DONE, world.run("cert", "show", "sales", "endpoint"), made["sha256"], "under the database master key",
                   "days left", "db1.example.org")
        self.exits(DONE, world.run("cert", "list", "sales"), "endpoint", "MK")
        file = world.path("db1.cer")
        self.exits(DONE, world.run("cert", "export", "sales", "endpoint", "--output", file), made["sha256"],
                   "another channel")
        self.assertEqual(stat.S_IMODE(os.stat(file).st_mode), 0o644)
        self.exits(REFUSED, world.run("cert", "export", "sales", "endpoint", "--output", file), "exists already")
        self.exits(DONE, world.run("cert", "inspect", file), made["sha256"])
        wrong = "00:" + made["sha256"][3:] if not made["sha256"].startswith("00") else "01:" + made["sha256"][3:]
        importing = ["cert", "import", "sales", "partner", "--certificate", file, "--fingerprint"]
        self.exits(REFUSED, other.run(*importing, wrong), "fingerprint is another one", made["sha256"])
        self.exits(REFUSED, other.run("cert", "show", "sales", "partner"), "nothing of this name")
        self.exits(DONE, other.run(*importing, made["sha256"]), "only the public part")
        self.exits(DONE, other.run("cert", "show", "sales", "partner"), made["sha256"])
        self.exits(DONE, other.run("cert", "drop", "sales", "partner"))

    def test_a_certificate_that_makes_no_sense_is_refused_and_leaves_nothing(self):
        creating = ["cert", "create", "sales", "senseless"]
        self.exits(USAGE, self.world.run(*creating), "--subject")
        for more in [["--expires", "tomorrow"], ["--expires", "2026-02-30"], ["--algorithm", "ed25519"],
                     ["--dns", "a b"], ["--ip", "1.2.3"], ["--start", "2030-01-01", "--expires", "2029-12-31"]]:
            with self.subTest(more=more):
                self.exits(USAGE, self.world.run(*creating, "--subject", "x", *more))
        self.exits(USAGE, self.world.run(*creating, "--subject", "x" * 65), "longer than a common name")
        self.exits(REFUSED, self.world.run("cert", "show", "sales", "senseless"))

    def test_a_private_key_moves_between_protections_and_goes_out_encrypted_only(self):
        world = self.world
        own = world.secret_line("cert-own", "Another horse 8 staple")
        exported = world.secret_line("cert-export", "Export horse 9 staple")
        self.exits(DONE, world.run("cert", "create", "sales", "moving", "--subject", "db2", "--algorithm", "p384"))
        self.exits(DONE, world.run("cert", "change-protection", "sales", "moving", "--new-password-file", own))
        self.exits(DONE, world.run("cert", "show", "sales", "moving"), "under a password of its own")
        file, key = world.path("db2.pem"), world.path("db2.key")
        exporting = ["cert", "export", "sales", "moving", "--pem", "--output", file, "--private-key", key,
                     "--export-password-file", exported]
        self.exits(REFUSED, world.run(*exporting))
        self.assertFalse(os.path.exists(file) or os.path.exists(key))
        self.exits(DONE, world.run(*exporting, "--key-password-file", own), "encrypted")
        self.assertEqual(stat.S_IMODE(os.stat(key).st_mode), 0o600)
        self.assertIn("BEGIN ENCRYPTED PRIVATE KEY", pathlib.Path(key).read_text())
        self.exits(DONE, world.run("cert", "remove-private-key", "sales", "moving", "--key-password-file", own))
        self.exits(DONE, world.run("cert", "show", "sales", "moving"), "only the public part", "Not verified")
        self.exits(DONE, world.run("cert", "drop", "sales", "moving"))
        importing = ["cert", "import", "sales", "moving", "--certificate", file, "--private-key", key]
        self.exits(REFUSED, world.run(*importing))
        self.exits(REFUSED, world.run(*importing, "--file-password-file", own), "wrong password")
        self.exits(DONE, world.run(*importing, "--file-password-file", exported), "under the database master key")
        self.exits(REFUSED, world.run("key", "create", "sales", "signed", "--by", "certificate:moving"), "only signs")
        self.exits(DONE, world.run("cert", "drop", "sales", "moving"))

    def test_a_failed_creation_leaves_no_key(self):
        self.exits(REFUSED, self.world.run("key", "create", "sales", "half", "--by", "master-key", "--by", "certificate:none"))
        self.exits(REFUSED, self.world.run("key", "show", "sales", "half"))

    def test_a_credential_is_stored_shown_and_dropped(self):
        world = self.world
        line = world.secret_line("credential", "not on paper")
        self.exits(DONE, world.run("credential", "put", "ftp", "--identity", "alice", "--secret-file", line))
        self.assertEqual(self.exits(DONE, world.run("credential", "get", "ftp")).stdout, b"not on paper")
        self.assertEqual(json.loads(world.run("credential", "get", "ftp", "--identity", "--json").stdout)["identity"], "alice")
        self.exits(USAGE, world.run("credential", "get", "ftp", "--json"))
        self.exits(DONE, world.run("credential", "drop", "ftp"))
        self.exits(REFUSED, world.run("credential", "get", "ftp"))

    def test_a_forced_operation_shows_its_plan_and_wants_the_exact_number(self):
        world = self.files
        line = world.secret_line("doomed", "will be lost")
        self.exits(DONE, world.run("credential", "put", "doomed", "--identity", "a", "--secret-file", line))
        record = next((world.folder / "vault").glob("credential*doomed"))
        damaged = bytearray(record.read_bytes())
        at = damaged.index(b'"material"') + 20
        damaged[at] = ord("A") if damaged[at] != ord("A") else ord("B")
        record.write_bytes(damaged)
        before = sorted((path.name, path.read_bytes()) for path in (world.folder / "vault").iterdir())
        self.exits(REFUSED, world.run("smk", "regenerate"), "credential/doomed")
        for count in [[], ["--accept-losses", "2"]]:
            outcome = self.exits(REFUSED, world.run("smk", "regenerate", "--force", *count, "--json"))
            plan = json.loads(outcome.stdout)
            self.assertEqual([row["name"] for row in plan["losses"]], ["credential/doomed"])
        self.assertEqual(before, sorted((path.name, path.read_bytes()) for path in (world.folder / "vault").iterdir()))
        self.exits(DONE, world.run("smk", "regenerate", "--force", "--accept-losses", "1"), "credential/doomed")
        self.exits(DONE, world.run("seal", "sales", "cards", given=b"still"))
        self.exits(DONE, world.run("credential", "drop", "doomed"))

    def test_account_and_machine_may_change_one_at_a_time(self):
        world = make_vault("{}/moving/")
        sealed = world.run("seal", "sales", "cards", given=b"survives").stdout
        original = dict(world.secrets)

        def another(which, number):
            file = world.folder / f"{which}-{number}"
            file.write_bytes(bytes([number]) * 32)
            file.chmod(0o600)
            world.secrets[which] = file

        another("account", 1)
        outcome = self.exits(DONE, world.run("open", "sales", "cards", given=sealed), "made anew", "account")
        self.assertEqual(outcome.stdout, b"survives")
        another("machine", 2)
        self.exits(DONE, world.run("vault", "status", "--json"), "machine")
        world.secrets.update(original)
        self.exits(REFUSED, world.run("vault", "status"), "account", "machine", "restore a backup")
        restoring = ["smk", "restore", "--input", world.path("smk.backup"), "--backup-password-file"]
        self.exits(REFUSED, world.run(*restoring, world.password), "opens this key")
        self.exits(DONE, world.run(*restoring, world.backup_password))
        self.assertEqual(self.exits(DONE, world.run("open", "sales", "cards", given=sealed)).stdout, b"survives")
        world.secrets["account"] = world.folder / "missing"
        outcome = json.loads(self.exits(DONE, world.run("smk", "status", "--json")).stdout)
        self.assertFalse(outcome["healthy"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
