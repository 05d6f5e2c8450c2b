#!/usr/bin/env python3
"""cli_scale_out_test.py <keywarden>: many instances that share one key, administered by commands, over a PostgreSQL server.

Every instance has an account, a machine and a vault of its own; all share the server. Each test has a deployment of its
own in it, unless it takes the database away: then it has a database of its own.

Exits with 77, which ctest counts as skipped, where PostgreSQL is not installed.
"""

import json
import pathlib
import stat
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from postgres_server_support import BINARIES, PATIENCE, SKIPPED, Server  # noqa: E402

PROGRAM = sys.argv.pop(1)
DONE, REFUSED, USAGE, ENVIRONMENT = 0, 1, 2, 3
SECRET = "Server=db1;Uid=farm;Pwd=not-on-paper-7"


class Instance:
    """One server of a deployment: its vault, and the secrets of its account and machine."""

    def __init__(self, folder, name, number):
        self.folder, self.name = folder / name, name
        self.folder.mkdir(mode=0o700)
        (self.folder / "machine-id").write_text(f"{number:032x}\n")

    def path(self, name):
        return str(self.folder / name)

    def file(self, name, text):
        path = self.folder / name
        path.write_text(text + "\n")
        path.chmod(0o600)
        return str(path)

    def arguments(self, words, store):
        named = [f"--{each}={self.folder / each}" for each in ["account-secret", "machine-secret", "machine-id"]]
        return [PROGRAM, "scale-out", *map(str, words), "--vault", self.path("vault.db"), "--store", store, *named]


class ScaleOut(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server("farm")
        cls.addClassCleanup(cls.server.remove)
        cls.first, cls.second, cls.third = (Instance(cls.server.folder, name, number)
                                            for number, name in enumerate(["first", "second", "third"], 1))

    def setUp(self):
        self.store = self.server.uri()
        self.deployment = self.id().rpartition(".test_")[2].replace("_", "-")[:60]

    # ---- what the tests are told in

    def command(self, instance, words):
        return instance.arguments([*words, "--deployment", self.deployment], self.store)

    def run_at(self, instance, *words, status=DONE, says=()):
        """Runs `keywarden scale-out …` at an instance, without a terminal to ask at."""
        ran = subprocess.run(self.command(instance, words), stdin=subprocess.DEVNULL, capture_output=True,
                             start_new_session=True, timeout=PATIENCE, check=False)
        self.assertEqual(ran.returncode, status, ran)
        for each in says:
            self.assertIn(each, (ran.stdout + ran.stderr).decode())
        return ran

    def told(self, instance, *words):
        facts = json.loads(self.run_at(instance, *words, "--json").stdout)
        self.assertIs(facts.pop("ok"), True)
        return facts

    def refused(self, instance, *words, status=REFUSED):
        """The error of a refusal, as --json tells it."""
        ran = self.run_at(instance, *words, "--json", status=status)
        told = json.loads(ran.stderr)
        self.assertIs(told["ok"], False)
        self.assertEqual(told["exit"], status)
        return told["error"]

    def founded(self):
        self.run_at(self.first, "init", "--name", "first")
        return self.first

    def joined(self, instance, through=None):
        through = through or self.first
        ticket = self.told(instance, "join", "--name", instance.name)
        approved = self.told(through, "approve", ticket["installation"], "--fingerprint", ticket["fingerprint"])
        self.run_at(instance, "join", "--confirm", approved["confirmation"])
        return ticket["installation"]

    def members(self, instance):
        return {each["name"]: each for each in self.told(instance, "members")["members"]}

    def versions(self, instance):
        return {each["version"]: each["state"] for each in self.told(instance, "members")["versions"]}

    def active(self, instance):
        return next(version for version, state in self.versions(instance).items() if state == "active")

    def put(self, instance, name, text=SECRET):
        self.run_at(instance, "secret", "put", name, "--secret-file", instance.file("secret-line", text))

    def get(self, instance, name):
        return self.run_at(instance, "secret", "get", name).stdout.decode()

    # ---- making a deployment, joining it

    def test_init_makes_a_deployment_once(self):
        self.assertEqual(self.told(self.first, "init", "--name", "first")["members_count"], 1)
        before = self.told(self.first, "members")
        self.run_at(self.first, "init", "--name", "another name")
        self.assertEqual(self.told(self.first, "members"), before)
        [member] = before["members"]
        self.assertEqual((member["name"], member["this_instance"], member["versions_not_seen"]), ("first", True, 0))
        self.assertEqual([each["state"] for each in before["versions"]], ["active"])

    def test_without_a_deployment_there_is_nothing_to_join_or_use(self):
        for words in [["join"], ["members"], ["secret", "list"]]:
            self.assertEqual(self.refused(self.first, *words)["code"], "not_found", words)

    def test_an_instance_joins_once_it_was_approved_and_both_codes_were_compared(self):
        self.founded()
        self.assertEqual(self.refused(self.second, "init", "--name", "second")["code"], "not_activated")
        ticket = self.told(self.second, "join", "--name", "second")
        self.assertEqual(self.told(self.second, "join", "--name", "second"), ticket)
        self.assertEqual(self.told(self.first, "requests")["requests"],
                         [{"installation": ticket["installation"], "claims_to_be": "second"}])
        self.run_at(self.second, "join", says=[ticket["fingerprint"], "over another channel"])
        self.assertEqual(self.refused(self.second, "secret", "list")["code"], "not_activated")

        approved = self.told(self.first, "approve", ticket["installation"], "--fingerprint", ticket["fingerprint"])
        self.assertEqual(self.told(self.first, "requests")["requests"], [])
        self.assertEqual(self.refused(self.second, "secret", "list")["code"], "not_activated")
        self.run_at(self.second, "join", "--confirm", approved["confirmation"], says=["is a member now"])
        members = self.members(self.second)
        self.assertEqual({name: each["this_instance"] for name, each in members.items()},
                         {"first": False, "second": True})
        self.assertEqual(members["second"]["installation"], ticket["installation"])
        self.assertEqual(self.refused(self.second, "join")["code"], "already_exists")

    def test_a_wrong_fingerprint_lets_nobody_in(self):
        self.founded()
        ticket, other = (self.told(each, "join", "--name", each.name) for each in [self.second, self.third])
        why = self.refused(self.first, "approve", ticket["installation"], "--fingerprint", other["fingerprint"])
        self.assertEqual(why["code"], "authentication_failed")
        self.assertIn("fingerprint", why["facts"]["reason"])
        self.assertEqual(self.refused(self.first, "approve", "00" * 16, "--fingerprint", ticket["fingerprint"])["code"],
                         "not_found")
        for words in [["--fingerprint", ticket["fingerprint"][1:]], ["--fingerprint", ""], []]:
            self.assertEqual(self.refused(self.first, "approve", ticket["installation"], *words, status=USAGE)["code"],
                             "invalid_argument", words)
        self.run_at(self.first, "approve", "second", "--fingerprint", ticket["fingerprint"], status=USAGE,
                    says=["scale-out members"])
        self.assertEqual(set(self.members(self.first)), {"first"})
        self.assertEqual(len(self.told(self.first, "requests")["requests"]), 2)
        # What whoever writes the database has put there rules no terminal.
        self.server.sql("UPDATE keywarden.records SET data = convert_to(replace(convert_from(data, 'UTF8'),"
                        f" '\"second\"', '\"\\u001b[31msecond\"'), 'UTF8') WHERE name LIKE 'scale-out/{self.deployment}/request/%'")
        shown = self.run_at(self.first, "requests").stdout
        self.assertNotIn(b"\x1b", shown)
        self.assertIn(rb"\x1b[31msecond", shown)

    def test_a_wrong_confirmation_joins_nothing_and_the_right_one_still_does(self):
        self.founded()
        ticket, other = (self.told(each, "join", "--name", each.name) for each in [self.second, self.third])
        right, wrong = (self.told(self.first, "approve", each["installation"], "--fingerprint",
                                  each["fingerprint"])["confirmation"] for each in [ticket, other])
        self.assertNotEqual(right, wrong)
        for code in [wrong, ticket["fingerprint"], "0" * 32]:
            self.assertEqual(self.refused(self.second, "join", "--confirm", code)["code"], "authentication_failed", code)
            self.assertEqual(self.refused(self.second, "secret", "list")["code"], "not_activated")
        self.refused(self.second, "join", "--confirm", right[1:], status=USAGE)
        self.run_at(self.second, "join", "--confirm", right.upper().replace("-", ""))
        self.assertEqual(self.told(self.second, "secret", "list")["secrets"], [])

    # ---- sharing secrets

    def test_secrets_that_one_member_puts_the_others_get(self):
        self.founded()
        self.joined(self.second)
        self.put(self.first, "connection")
        self.assertEqual(self.get(self.second, "connection"), SECRET)
        self.put(self.second, "connection", "changed")
        self.assertEqual(self.get(self.first, "connection"), "changed")
        self.assertEqual(self.told(self.first, "secret", "list")["secrets"], [{"name": "connection"}])
        self.run_at(self.second, "secret", "drop", "connection")
        for words in [["get", "connection"], ["drop", "connection"]]:
            self.assertEqual(self.refused(self.first, "secret", words[0], words[1], *(
                ["--output", self.first.path("none")] if words[0] == "get" else []))["code"], "not_found")
        self.assertFalse(pathlib.Path(self.first.path("none")).exists())

    def test_a_secret_goes_into_a_file_of_its_owner_and_never_into_json(self):
        self.founded()
        self.put(self.first, "connection")
        refused = self.run_at(self.first, "secret", "get", "connection", "--json", status=USAGE, says=["--output"])
        output = self.first.path("taken")
        getting = ["secret", "get", "connection", "--json", "--output", output]
        told = self.run_at(self.first, *getting)
        for each in [refused, told]:
            self.assertNotIn(SECRET.encode(), each.stdout + each.stderr)
        self.assertEqual(pathlib.Path(output).read_text(), SECRET)
        self.assertEqual(stat.S_IMODE(pathlib.Path(output).stat().st_mode), 0o600)
        self.assertEqual(self.refused(self.first, *getting[:3], "--output", output)["code"], "already_exists")
        self.run_at(self.first, *getting, "--overwrite")

    def test_who_is_no_member_gets_nothing(self):
        self.founded()
        self.put(self.first, "connection")
        for words in [["secret", "get", "connection", "--output", self.third.path("none")], ["secret", "list"],
                      ["members"], ["rotate"], ["requests"]]:
            self.assertEqual(self.refused(self.third, *words)["code"], "not_activated", words)

    def test_the_database_holds_nothing_that_opens_or_tells_the_secrets(self):
        self.founded()
        self.put(self.first, "connection")
        records = bytes.fromhex(self.server.sql(
            "SELECT string_agg(encode(data, 'hex'), '') FROM keywarden.records "
            f"WHERE name LIKE '%{self.deployment}/%'"))
        self.assertGreater(len(records), 100)
        for each in [SECRET, "not-on-paper"]:
            self.assertNotIn(each.encode(), records)
        for each in ["account-secret", "machine-secret"]:
            self.assertNotIn((self.first.folder / each).read_bytes(), records)

    def test_a_secret_that_somebody_with_the_database_exchanged_does_not_open(self):
        self.founded()
        for name in ["one", "other"]:
            self.put(self.first, name, name)
        at = f"name LIKE '%{self.deployment}/secret/"
        self.server.sql(f"UPDATE keywarden.records SET data = (SELECT data FROM keywarden.records WHERE {at}other') "
                        f"WHERE {at}one'")
        why = self.refused(self.first, "secret", "get", "one", "--output", self.first.path("exchanged"))
        self.assertEqual(why["code"], "authentication_failed")
        self.assertEqual(self.get(self.first, "other"), "other")

    # ---- rotation

    def test_a_rotation_waits_for_every_member(self):
        self.founded()
        self.joined(self.second)
        self.put(self.first, "connection")
        old = self.active(self.first)
        why = self.refused(self.first, "rotate", "--patience", "0")
        self.assertEqual(why["code"], "key_state_refused")
        self.assertIn("second", why["facts"]["reason"])
        created = next(version for version, state in self.versions(self.first).items() if state == "created")
        self.assertEqual(self.members(self.first)["second"]["versions_not_seen"], 1)
        self.assertEqual(self.refused(self.first, "promote", created)["code"], "key_state_refused")
        self.members(self.second)  # it looks
        self.run_at(self.first, "promote", created)
        self.assertEqual(self.versions(self.second), {old: "retired", created: "active"})
        self.assertEqual(self.get(self.second, "connection"), SECRET)

    def test_a_rotation_ends_when_the_last_member_has_looked(self):
        self.founded()
        self.joined(self.second)
        old = self.active(self.first)
        rotating = subprocess.Popen(self.command(self.first, ["rotate", "--patience", PATIENCE, "--json"]),
                                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            while rotating.poll() is None:
                self.members(self.second)
            out, err = rotating.communicate(timeout=PATIENCE)
        finally:
            rotating.kill()
        self.assertEqual(rotating.returncode, DONE, err)
        version = json.loads(out)["version"]
        self.assertNotEqual(version, old)
        self.assertEqual(self.active(self.second), version)

    def test_a_version_is_disabled_and_enabled_and_not_destroyed_while_it_may_be_needed(self):
        self.founded()
        self.put(self.first, "connection")
        old = self.active(self.first)
        self.told(self.first, "rotate")
        taking = ["secret", "get", "connection", "--output", self.first.path("versions"), "--overwrite"]
        self.run_at(self.first, "disable", old)
        self.refused(self.first, *taking)
        why = self.refused(self.first, "destroy", old)  # another process may not know yet
        self.assertEqual((why["code"], why["facts"]["limit"]), ("key_state_refused", "900"))
        self.run_at(self.first, "enable", old)
        self.run_at(self.first, *taking)
        self.run_at(self.first, "disable", "seven", status=USAGE)
        self.assertEqual(self.refused(self.first, "disable", 1 if old != 1 else 2)["code"], "unknown_key")

    def test_recreating_seals_every_secret_again(self):
        self.founded()
        self.joined(self.second)
        self.put(self.first, "connection")
        old = self.active(self.first)
        version = self.told(self.first, "recreate")["version"]
        self.run_at(self.first, "disable", old)
        for each in [self.first, self.second]:
            self.assertEqual(self.versions(each), {old: "disabled", version: "active"})
            self.assertEqual(self.get(each, "connection"), SECRET)

    # ---- leaving

    def test_who_was_removed_with_a_rotation_opens_nothing_any_more(self):
        self.founded()
        self.joined(self.second)
        third = self.joined(self.third, through=self.second)
        self.put(self.third, "connection")
        old = self.active(self.first)
        version = self.told(self.first, "leave-and-rotate", third)["version"]
        self.assertNotEqual(version, old)
        self.put(self.first, "connection", "for those who stayed")
        why = self.refused(self.third, "secret", "get", "connection", "--output", self.third.path("none"))
        self.assertEqual(why["code"], "not_activated")
        self.assertEqual(self.get(self.second, "connection"), "for those who stayed")
        self.assertEqual(set(self.members(self.second)), {"first", "second"})
        self.assertEqual(self.active(self.second), version)
        self.assertEqual(self.refused(self.first, "leave-and-rotate", third)["code"], "not_found")

    def test_who_leaves_does_not_rotate_for_itself_and_the_last_one_stays(self):
        self.founded()
        own = self.members(self.first)["first"]["installation"]
        self.assertEqual(self.refused(self.first, "leave", own)["code"], "last_protector")
        second = self.joined(self.second)
        self.run_at(self.second, "leave-and-rotate", second, status=USAGE, says=["at another member"])
        self.run_at(self.second, "leave", second)
        self.assertEqual(set(self.members(self.first)), {"first"})
        self.assertEqual(self.refused(self.second, "members")["code"], "not_activated")
        self.joined(self.second)
        self.assertEqual(set(self.members(self.first)), {"first", "second"})

    def test_who_forgot_the_deployment_joins_again(self):
        self.founded()
        second = self.joined(self.second)
        self.run_at(self.second, "forget", says=["must join again"])
        self.assertEqual(self.refused(self.second, "members")["code"], "not_activated")
        self.assertEqual(self.refused(self.second, "forget")["code"], "not_found")
        self.run_at(self.first, "leave", second)
        self.assertNotEqual(self.joined(self.second), second)

    # ---- backup and loss

    def own_database(self, name):
        self.server.sql(f"CREATE DATABASE {name}")
        self.store = self.server.uri(name)
        return name

    def extracted(self, instance, name):
        protection = instance.file(f"{name}-password", "Kept in 1 safe place")
        self.run_at(instance, "extract", "--output", instance.path(name), "--backup-password-file", protection)
        return ["apply", "--input", instance.path(name), "--backup-password-file", protection]

    def test_a_backup_is_a_file_of_its_owner_and_needs_its_password(self):
        self.founded()
        self.put(self.first, "connection")
        applying = self.extracted(self.first, "one.backup")
        backup = pathlib.Path(self.first.path("one.backup"))
        self.assertEqual(stat.S_IMODE(backup.stat().st_mode), 0o600)
        again = ["extract", "--output", backup, "--backup-password-file", self.first.path("one.backup-password")]
        self.assertEqual(self.refused(self.first, *again)["code"], "already_exists")
        self.run_at(self.first, *again, "--overwrite")
        simple = self.first.file("simple", "secret")
        self.assertEqual(self.refused(self.first, "extract", "--output", self.first.path("none"),
                                      "--backup-password-file", simple)["code"], "password_refused")
        wrong = self.third.file("wrong", "Kept in 2 other places")
        self.assertEqual(self.refused(self.third, *applying[:3], "--backup-password-file", wrong)["code"],
                         "no_slot_opened")
        self.assertEqual(set(self.members(self.first)), {"first"})
        self.run_at(self.third, *applying, "--name", "third")
        self.assertEqual(self.get(self.third, "connection"), SECRET)
        self.assertEqual(set(self.members(self.first)), {"first", "third"})

    def test_a_backup_of_another_deployment_is_refused(self):
        self.founded()
        applying = self.extracted(self.first, "stranger.backup")
        self.deployment = "another-one"
        self.founded()
        self.assertEqual(self.refused(self.first, *applying)["code"], "authentication_failed")

    def test_a_deployment_whose_database_is_lost_comes_back_from_its_backup(self):
        lost = self.own_database("lost")
        self.founded()
        self.joined(self.second)
        applying = self.extracted(self.first, "lost.backup")
        version = self.active(self.first)
        self.server.sql("DROP SCHEMA keywarden CASCADE", lost)
        for each in [self.first, self.second]:
            self.assertEqual(self.refused(each, "members")["code"], "not_found")
        self.assertEqual(self.refused(self.first, "init")["code"], "not_found")  # never made anew silently
        self.run_at(self.first, *applying, "--name", "first")
        self.assertNotEqual(self.active(self.first), version)  # the backup's version opens, and seals nothing
        self.assertEqual(self.versions(self.first)[version], "retired")
        self.put(self.first, "connection")
        self.assertEqual(self.get(self.second, "connection"), SECRET)  # the backup knows the members

    def test_an_instance_whose_vault_is_lost_takes_its_own_place_again(self):
        self.founded()
        third = self.joined(self.third)
        self.put(self.first, "connection")
        applying = self.extracted(self.first, "vault.backup")
        self.run_at(self.third, "forget")
        applying += ["--name", "third", "--replaces"]
        self.assertEqual(self.refused(self.third, *applying, "00" * 16)["code"], "not_found")
        self.run_at(self.third, *applying, "third", status=USAGE)
        self.run_at(self.third, "forget")  # what the refused attempt has prepared
        self.run_at(self.third, *applying, third)
        members = self.members(self.first)
        self.assertEqual({name: each["installation"] == third for name, each in members.items()},
                         {"first": False, "third": True})
        self.assertEqual(self.get(self.third, "connection"), SECRET)

    def loses_its_private_key(self, instance, applying):
        name, member = next((name, each) for name, each in self.members(instance).items() if each["this_instance"])
        self.run_at(instance, "forget")
        return [*applying, "--name", name, "--replaces", member["installation"]]

    def test_a_backup_that_is_too_old_for_the_members_cuts_them_off_only_when_that_is_said(self):
        self.founded()
        applying = self.extracted(self.first, "early.backup")
        self.joined(self.second)
        again = self.loses_its_private_key(self.first, applying)
        self.assertEqual(self.refused(self.first, *again)["code"], "would_lose")
        self.assertEqual(set(self.members(self.second)), {"first", "second"})
        self.run_at(self.first, *again, "--cut-off-members")
        self.assertEqual(self.refused(self.second, "members")["code"], "authentication_failed")
        self.run_at(self.second, *applying, "--name", "second")  # the same backup, and nobody is cut off any more
        for each in [self.first, self.second]:
            self.assertEqual(set(self.members(each)), {"first", "second"})

    def test_versions_that_a_backup_does_not_have_are_given_up_by_name_only(self):
        self.founded()
        self.put(self.first, "connection")
        applying = self.extracted(self.first, "old.backup")
        version = self.told(self.first, "rotate")["version"]
        self.put(self.first, "newer", "sealed under what the backup lacks")
        self.run_at(self.first, *applying)  # at a member, nothing is lost
        self.assertEqual(self.get(self.first, "newer"), "sealed under what the backup lacks")
        applying = self.loses_its_private_key(self.first, applying)
        for words in [[], ["--give-up", version + 1]]:
            self.assertEqual(self.refused(self.first, *applying, *words)["code"], "would_lose", words)
        self.run_at(self.first, *applying, "--give-up", version)
        self.assertEqual(self.get(self.first, "connection"), SECRET)
        self.refused(self.first, "secret", "get", "newer", "--output", self.first.path("none"))

    def test_deleting_shows_its_plan_and_wants_the_exact_number(self):
        self.founded()
        self.put(self.first, "connection")
        for words in [[], ["--accept-losses", "1"], ["--accept-losses", "3"]]:
            shown = self.run_at(self.first, "delete", "--json", *words, status=REFUSED)
            self.assertEqual([each["kind"] for each in json.loads(shown.stdout)["losses"]], ["key version", "secret"])
            self.assertEqual(json.loads(shown.stderr)["error"]["code"], "would_lose")
        self.assertEqual(self.get(self.first, "connection"), SECRET)
        self.run_at(self.first, "delete", "--accept-losses", "2")
        self.assertEqual(self.told(self.first, "secret", "list")["secrets"], [])
        self.put(self.first, "connection")
        self.assertEqual(self.get(self.first, "connection"), SECRET)

    # ---- the database, and the command line

    def test_a_role_with_the_least_rights_is_enough_for_members(self):
        self.own_database("shared")
        self.founded()
        for each in ["CREATE ROLE app LOGIN", "GRANT USAGE ON SCHEMA keywarden TO app",
                     "GRANT SELECT ON keywarden.format TO app",
                     "GRANT SELECT, INSERT, UPDATE, DELETE ON keywarden.records, keywarden.writers TO app",
                     "GRANT USAGE ON SEQUENCE keywarden.revisions TO app"]:
            self.server.sql(each, "shared")
        self.store = self.server.uri("shared", user="app")
        self.joined(self.second)
        self.put(self.second, "connection")
        self.assertEqual(self.get(self.first, "connection"), SECRET)

    def test_a_restart_loses_nothing_and_a_server_that_is_away_is_the_environments_fault(self):
        self.founded()
        self.put(self.first, "connection")
        self.server.stop()
        try:
            why = self.refused(self.first, "members", status=ENVIRONMENT)
        finally:
            self.server.start()
        self.assertEqual(why["code"], "io_failed")
        self.assertIn("keys@", why["facts"]["peer"])
        self.assertEqual(self.get(self.first, "connection"), SECRET)

    def test_a_password_in_an_argument_is_refused_and_not_repeated(self):
        place = "postgresql://keys:hunter2@localhost/x"
        for words in [["members", "--vault", place], ["forget", "--vault", place], ["members", "--store", place]]:
            at = self.first.arguments(words, self.store)
            for name in ["--vault", "--store"]:  # the one that is tried is given once
                if at.count(name) == 2:
                    last = len(at) - 1 - at[::-1].index(name)
                    del at[last:last + 2]
            ran = subprocess.run(at, stdin=subprocess.DEVNULL, capture_output=True, start_new_session=True,
                                 timeout=PATIENCE, check=False)
            self.assertEqual(ran.returncode, USAGE, ran)
            self.assertNotIn(b"hunter2", ran.stdout + ran.stderr)
            self.assertIn(b".pgpass", ran.stderr)

    def test_an_instance_without_a_vault_is_told_to_name_one(self):
        at = self.first.arguments(["members"], self.store)
        where = at.index("--vault")
        del at[where:where + 2]
        ran = subprocess.run(at, stdin=subprocess.DEVNULL, capture_output=True, start_new_session=True, timeout=PATIENCE,
                             check=False, env={})
        self.assertEqual(ran.returncode, USAGE, ran)
        self.assertIn(b"KEYWARDEN_VAULT", ran.stderr)


if __name__ == "__main__":
    if BINARIES is None:
        print("skipped: there is no PostgreSQL in /usr/lib/postgresql/*/bin")
        sys.exit(SKIPPED)
    unittest.main(verbosity=2)
