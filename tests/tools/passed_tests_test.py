#!/usr/bin/env python3
"""Which tests tools/test leaves out, and which it never does: tools/lib/passed_tests.py on a made-up build."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

PROGRAM = pathlib.Path(__file__).resolve().parents[2] / "tools" / "lib" / "passed_tests.py"


class PassedTests(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.build = pathlib.Path(self.folder.name) / "build"
        self.source = pathlib.Path(self.folder.name) / "source"
        for each in (self.build, self.source / "tests"):
            each.mkdir(parents=True)
        for name in ("good", "bad", "whole"):
            self.program(name, "exit 1" if name == "bad" else "exit 0")
        (self.build / "CTestTestfile.cmake").write_text(
            "".join(f'add_test({name} "{self.build / name}")\n' for name in ("good", "bad", "whole"))
            + 'set_tests_properties(whole PROPERTIES LABELS architecture)\n', encoding="utf-8")

    def tearDown(self):
        self.folder.cleanup()

    def program(self, name, body):
        path = self.build / name
        path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        path.chmod(0o755)

    def choose(self, *selection):
        done = subprocess.run([sys.executable, PROGRAM, "choose", self.build, self.source, self.build / "seen", *selection],
                              capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def run_chosen(self, *selection):
        chosen = self.choose(*selection)
        report = self.build / "tests.xml"
        report.unlink(missing_ok=True)
        if chosen != "none":
            subprocess.run(["ctest", "--test-dir", self.build, "--output-junit", report, *(["-I", chosen] if chosen else []),
                            *selection], capture_output=True, check=False)
            subprocess.run([sys.executable, PROGRAM, "remember", self.build, report, self.build / "seen"], check=True)
        return chosen

    def test_at_first_all_run_and_then_those_that_failed_and_those_of_the_whole_tree(self):
        self.assertEqual(self.run_chosen(), "")
        self.assertEqual(self.run_chosen(), "0,0,0,2,3")

    def test_a_program_that_changed_runs_again(self):
        self.run_chosen()
        self.program("good", "exit 0 # changed")
        self.assertEqual(self.choose(), "")

    def test_a_file_that_tests_read_that_changed_runs_all_again(self):
        self.run_chosen()
        (self.source / "tests" / "vector.json").write_text("{}", encoding="utf-8")
        self.assertEqual(self.choose(), "")

    def test_a_setting_in_the_environment_runs_all_again(self):
        self.run_chosen()
        os.environ["KEYWARDEN_FUZZ"] = "7"
        try:
            self.assertEqual(self.choose(), "")
        finally:
            del os.environ["KEYWARDEN_FUZZ"]

    def test_a_test_that_begins_to_fail_is_forgotten(self):
        self.run_chosen()
        self.program("good", "exit 1")
        self.run_chosen()
        self.program("good", "exit 0")
        self.assertEqual(self.choose(), "")

    def test_a_selection_counts_only_what_it_selects(self):
        self.run_chosen()
        self.assertEqual(self.choose("-R", "good"), "none")
        self.assertEqual(self.choose("-R", "good|whole"), "0,0,0,2")

    def test_a_test_that_was_skipped_runs_again(self):
        self.program("good", "exit 77")
        with open(self.build / "CTestTestfile.cmake", "a", encoding="utf-8") as file:
            file.write("set_tests_properties(good PROPERTIES SKIP_RETURN_CODE 77)\n")
        self.run_chosen()
        self.assertEqual(self.choose(), "")

    def test_a_damaged_memory_is_no_memory(self):
        self.run_chosen()
        (self.build / "passed_tests.json").write_text("[", encoding="utf-8")
        self.assertEqual(self.choose(), "")


if __name__ == "__main__":
    unittest.main()
