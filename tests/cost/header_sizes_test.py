"""That header_sizes.py notices what it is there for."""

import pathlib
import unittest

import header_sizes

INCLUDE = pathlib.Path("/k/include")


class HeaderSizes(unittest.TestCase):
    def test_growth_by_a_tenth_is_let_through_and_more_is_not(self):
        self.assertEqual(header_sizes.compare({"a.hpp": 100}, {"a.hpp": 110}), [])
        self.assertEqual(header_sizes.compare({"a.hpp": 100}, {"a.hpp": 111}), ["a.hpp: 100 -> 111 lines (+11 %)"])

    def test_a_header_without_record_and_a_record_without_header_are_named(self):
        self.assertEqual(header_sizes.compare({"a.hpp": 1}, {"b.hpp": 1}),
                         ["b.hpp: 1 lines, not recorded", "a.hpp: recorded, but not there"])

    def test_empty_lines_and_line_markers_do_not_count(self):
        self.assertEqual(header_sizes.lines_of('# 1 "a.hpp" 1\n\nint a;\n  \nint b;\n'), 2)

    def test_a_macro_of_ours_is_a_leak_and_one_of_others_is_not(self):
        text = '# 1 "/usr/include/x.h" 1\n#define X 1\n# 3 "/k/include/keywarden/a.hpp" 2\n#define LEAK 1\n#define KEYWARDEN_A 1\n#define GONE 1\n#undef GONE\n'
        self.assertEqual(header_sizes.leaked(text, INCLUDE), ["LEAK"])


if __name__ == "__main__":
    unittest.main()
