#!/usr/bin/env python3
"""What instructions.py reads in callgrind's dumps, and what it says of counts and baselines."""

import contextlib
import io
import json
import pathlib
import tempfile
import unittest

import instructions

DUMP = """\
desc: I1 cache:
desc: Trigger: Client Request: seal/aes/64 4
events: Ir

ob=(1) /build/cost_work
fl=(1) ???
fn=(1) keywarden::opened_key<Botan::AES>::seal_into(std::span<unsigned char>)
16 40
+2 8
cob=(2) /usr/lib/libc.so.6
cfn=(2) memcpy
calls=4 0
* 400
fn=(3) void Botan::GHASH::update()
30 100
fn=(4) std::vector<unsigned char>::resize(unsigned long)
40 4
ob=(2)
fn=(2)
0 400
""".splitlines()


class Instructions(unittest.TestCase):
    def test_own_instructions_are_neither_botans_nor_the_c_librarys_nor_a_callees(self):
        what, total, own = instructions.read_dump(DUMP, "cost_work")
        self.assertEqual(what, ("seal/aes/64", 4))
        self.assertEqual(total, 40 + 8 + 100 + 4 + 400)
        self.assertEqual(own, 40 + 8 + 4)

    def test_a_dump_without_an_operation_has_no_name(self):
        self.assertIsNone(instructions.read_dump(DUMP[2:], "cost_work")[0])

    def test_up_to_five_percent_more_are_good_and_over_that_not(self):
        self.assertTrue(instructions.compared({"a": 1050}, {"a": 1000})[1])
        lines, good = instructions.compared({"a": 1060, "b": 500}, {"a": 1000, "b": 1000})
        self.assertFalse(good)
        self.assertEqual([line for line in lines if "over the limit" in line], [lines[1]])
        self.assertIn("+6.0%", lines[1])

    def test_an_operation_that_is_not_recorded_or_not_measured_is_not_passed_over(self):
        for counts, recorded in (({"a": 1}, {}), ({}, {"a": 1})):
            lines, good = instructions.compared(counts, recorded)
            self.assertFalse(good)
            self.assertIn("--record", lines[1])

    def test_a_baseline_is_recorded_for_its_compiler_alone(self):
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
            path = pathlib.Path(folder) / "baseline.json"
            counts = {"a": (9.0, 2.4), "by_hand/a": (8.0, 1.0)}
            self.assertEqual(instructions.baseline(counts, path, "one", False), instructions.SKIPPED)
            self.assertEqual(instructions.baseline(counts, path, "one", True), 0)
            self.assertEqual(json.loads(path.read_text(encoding="utf-8")), {"one": {"a": 2}})
            self.assertEqual(instructions.baseline(counts, path, "one", False), 0)
            self.assertEqual(instructions.baseline({"a": (9.0, 9.0)}, path, "one", False), 1)
            self.assertEqual(instructions.baseline(counts, path, "other", False), instructions.SKIPPED)


if __name__ == "__main__":
    unittest.main()
