"""header_sizes_test.py <g++>: that header_sizes.py notices what it is there for."""

import contextlib
import io
import json
import pathlib
import sys
import tempfile
import unittest

import header_sizes
from header_sizes import comparable, compare

KIND = {"compiler": "g++ 12", "botan": "3.13.0", "boost": "108100"}
COMPILER = "c++"


def outcome(arguments):
    with contextlib.redirect_stdout(io.StringIO()) as said:
        status = header_sizes.main([str(each) for each in arguments])
    return status, said.getvalue()


class Comparing(unittest.TestCase):
    def test_growth_by_a_twentieth_is_let_through_and_more_is_refused(self):
        self.assertEqual(compare({"a.hpp": [10000, 0, 0]}, {"a.hpp": [10500, 0, 0]}), [])
        self.assertEqual(compare({"a.hpp": [9000, 1000, 0]}, {"a.hpp": [9001, 1500, 0]}),
                         ["a.hpp: 10,000 -> 10,501 lines (+5 %: Keywarden's +1, Botan's +500)"])

    def test_a_small_header_may_grow_by_a_few_lines(self):
        self.assertEqual(compare({"a.hpp": [10, 0, 0]}, {"a.hpp": [110, 0, 0]}), [])
        self.assertEqual(len(compare({"a.hpp": [10, 0, 0]}, {"a.hpp": [111, 0, 0]})), 1)

    def test_a_header_without_record_and_a_record_without_header_are_refused(self):
        self.assertEqual(compare({"a.hpp": [1, 0, 0]}, {"b.hpp": [1, 0, 0]}),
                         ["b.hpp: 1 lines, not recorded", "a.hpp: recorded, but not there"])

    def test_another_botan_or_compiler_leaves_out_its_lines_and_says_so(self):
        self.assertEqual(comparable(KIND, KIND), ([0, 1, 2], []))
        columns, said = comparable(KIND, {**KIND, "botan": "3.14.0", "compiler": "g++ 14"})
        self.assertEqual(columns, [0])
        self.assertIn("recorded with 3.13.0, and this is 3.14.0", said[0])
        self.assertIn("recorded with g++ 12 and Boost 108100, and this is g++ 14", said[1])
        self.assertEqual(compare({"a.hpp": [1000, 10, 10]}, {"a.hpp": [1000, 9999, 9999]}, columns), [])
        self.assertEqual(len(compare({"a.hpp": [1000, 10, 10]}, {"a.hpp": [1200, 10, 10]}, columns)), 1)


class Counting(unittest.TestCase):
    """Real headers, read by the real compiler."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name).resolve()
        self.write("keywarden/small.hpp", "#pragma once\n#include <botan/x.h>\nint small;\n\n// a comment\n")
        self.write("keywarden/large.hpp", "#pragma once\n#include <keywarden/small.hpp>\n#include <botan/x.h>\n#include <other.h>\n" + "extern int large;\n" * 50)
        self.write("third/botan/x.h", "#ifndef X\n#define X\n#define BOTAN_VERSION_MAJOR 3\nint botan;\nint too;\n#endif\n")
        self.write("third/other.h", "#pragma once\n#define OTHER 1\nint other;\n")

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def run_it(self, *more):
        status, said = outcome([COMPILER, self.root, self.root / "sizes.json", *more, "--", self.root / "third"])
        if status == header_sizes.SKIPPED:
            self.skipTest(said)
        return status, said

    def test_a_header_costs_what_it_and_all_that_it_includes_have_in_lines_each_once(self):
        self.assertEqual(self.run_it("record"), (0, ""))
        recorded = json.loads((self.root / "sizes.json").read_text(encoding="utf-8"))
        self.assertEqual(recorded["lines"], {"large.hpp": [51, 2, 1], "small.hpp": [1, 2, 0]})
        self.assertEqual(self.run_it(), (0, ""))

    def test_a_header_that_grew_is_refused_with_what_it_reads_and_the_command_that_records_it(self):
        self.run_it("record")
        self.write("third/other.h", "#pragma once\n" + "extern int other;\n" * 500)
        status, said = self.run_it()
        self.assertEqual(status, 1)
        self.assertIn("large.hpp: 54 -> 553 lines (+924 %: others' +499)", said)
        self.assertIn("/other.h (500)", said)
        self.assertIn("--target record_header_sizes", said)
        self.assertNotIn("small.hpp:", said)

    def test_a_macro_that_is_left_behind_is_refused_and_one_of_others_or_of_our_name_is_not(self):
        self.run_it("record")
        self.write("keywarden/small.hpp", "#pragma once\n#include <botan/x.h>\n#define KEYWARDEN_A 1\n#define GONE 1\n#undef GONE\nint small;\n")
        self.assertEqual(self.run_it(), (0, ""))
        self.write("keywarden/small.hpp", "#pragma once\n#include <botan/x.h>\n#define LEAK(x) x\nint small;\n")
        status, said = self.run_it()
        self.assertEqual(status, 1)
        self.assertIn(f"a macro is left to whoever includes the headers: LEAK, by {self.root}/keywarden/small.hpp", said)

    def test_a_header_that_is_not_here_is_said_and_skipped(self):
        self.run_it("record")
        self.write("keywarden/small.hpp", "#pragma once\n#include <not_installed.h>\n")
        self.assertEqual(outcome([COMPILER, self.root, self.root / "sizes.json", "--", self.root / "third"]),
                         (header_sizes.SKIPPED, "skipped: not_installed.h is not here\n"))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        COMPILER = sys.argv.pop(1)
    unittest.main()
