#!/usr/bin/env python3
"""Each rule of check.py is shown a tree that breaks it and one that does not."""

import pathlib
import tempfile
import unittest

import check


class Rules(unittest.TestCase):
    def breaks(self, rule, name, text, listing=""):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "tests/architecture").mkdir(parents=True)
            (root / "tests/architecture/hazmat.txt").write_text(listing)
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            return len(list(rule(root)))

    def test_an_include_may_not_point_up(self):
        rule, name = check.includes_point_down, "include/keywarden/store/a.hpp"
        self.assertEqual(self.breaks(rule, name, "#include <keywarden/vault/b.hpp>\n"), 1)
        self.assertEqual(self.breaks(rule, name, "#include <keywarden/core/b.hpp>\n"), 0)
        self.assertEqual(self.breaks(rule, name, "#include <keywarden/attic/b.hpp>\n"), 1)
        self.assertEqual(self.breaks(rule, "include/keywarden/attic/a.hpp", ""), 1)

    def test_a_macro_must_be_undefined_again(self):
        rule, name = check.no_macro_leaks, "include/keywarden/core/a.hpp"
        self.assertEqual(self.breaks(rule, name, "#define A 1\n"), 1)
        self.assertEqual(self.breaks(rule, name, "#define A 1\n#undef A\n"), 0)

    def test_forbidden_words_are_seen_in_code_but_not_in_comments_or_strings(self):
        rule, name = check.forbidden_words, "include/keywarden/core/a.hpp"
        for line in ["if (memcmp(a, b, 4)) {}", "void open(std::string password);", "Botan::AutoSeeded_RNG rng;",
                     "using namespace std;", "int x = rand();", "thread_local int y;"]:
            self.assertEqual(self.breaks(rule, name, line + "\n"), 1, line)
            self.assertEqual(self.breaks(rule, name, "// " + line + "\n"), 0, line)
            self.assertEqual(self.breaks(rule, name, 'auto s = "' + line + '";\n'), 0, line)
        self.assertEqual(self.breaks(rule, name, "auto c = '\"'; int x = rand(); auto d = '\"';\n"), 1)

    def test_exceptions_are_caught_in_one_place(self):
        rule, text = check.one_place_catches, "try { f(); } catch (const Botan::Exception& e) {}\n"
        self.assertEqual(self.breaks(rule, "include/keywarden/crypto/a.hpp", text), 1)
        self.assertEqual(self.breaks(rule, "include/keywarden/core/backend.hpp", text), 0)

    def test_hazmat_is_used_by_those_listed_and_the_list_is_not_stale(self):
        rule, name = check.hazmat_is_listed, "include/keywarden/crypto/a.hpp"
        text = "auto token = hazmat::insecure_access::i_know_what_i_do();\n"
        self.assertEqual(self.breaks(rule, name, text), 1)
        self.assertEqual(self.breaks(rule, name, text, name + "\n"), 0)
        self.assertEqual(self.breaks(rule, name, "\n", name + "\n"), 1)

    def test_a_header_begins_with_what_it_is(self):
        rule, name = check.header_preamble, "include/keywarden/core/a.hpp"
        self.assertEqual(self.breaks(rule, name, "/// @file\n/// A thing.\n#pragma once\n"), 0)
        self.assertEqual(self.breaks(rule, name, "#pragma once\n"), 1)
        self.assertEqual(self.breaks(rule, name, "/// @file\n/// A thing.\n"), 1)

    def test_code_in_markdown_is_the_code_of_its_marker(self):
        note = "<!-- [hello] from {}; tests/architecture checks that it is the same -->"
        compiled = "//[hello\nint x;\n//]\n"

        def broken(page, program="examples/a.cpp"):
            with tempfile.TemporaryDirectory() as folder:
                root = pathlib.Path(folder)
                for name, text in [("README.md", page), (program, compiled), ("docs/b.md", "```sh\nls\n```\n")]:
                    (root / name).parent.mkdir(parents=True, exist_ok=True)
                    (root / name).write_text(text)
                return len(list(check.snippets_are_current(root)))

        shown = note.format("examples/a.cpp") + "\n```cpp\n{}\n```\n"
        self.assertEqual(broken(shown.format("int x;")), 0)
        self.assertEqual(broken(shown.format("int y;")), 1)
        self.assertEqual(broken(shown.format("int x;"), "examples/b.cpp"), 1)
        self.assertEqual(broken(shown.format("int x;").replace("[hello", "[bye")), 1)
        self.assertEqual(broken("```cpp\nint x;\n```\n"), 1)
        self.assertEqual(broken(shown.format("int x;").replace("examples/a.cpp", "include/a.hpp"), "include/a.hpp"), 1)
        self.assertEqual(broken("```text\nSomebodyElses code;\n```\n"), 0)

    def test_a_link_leads_to_a_file(self):
        rule = check.links_lead_somewhere
        self.assertEqual(self.breaks(rule, "README.md", "[x](README.md#part) [y](https://example.org)\n"), 0)
        self.assertEqual(self.breaks(rule, "README.md", "[x](docs/nowhere.md)\n"), 1)
        self.assertEqual(self.breaks(rule, "README.md", "```cpp\n[x](int y) {}\n```\n"), 0)
        self.assertEqual(self.breaks(rule, "README.md", "```cpp\n```\n[x](docs/nowhere.md)\n"), 1)

    def test_a_quoted_message_is_a_headers(self):
        rule = check.quoted_messages_are_current
        self.assertEqual(self.breaks(rule, "README.md", "error: static assertion failed: nobody says this\n"), 1)
        self.assertEqual(self.breaks(rule, "README.md", "error: something else\n"), 0)

    def test_a_vulnerability_names_a_test_that_exists(self):
        rule, name = check.named_tests_exist, "docs/explanation/past_vulnerabilities.md"
        self.assertEqual(self.breaks(rule, name, "| what happened | here | held by |\n|---|---|---|\n"), 0)
        self.assertEqual(self.breaks(rule, name, "| a | b | `nobody_wrote_this` |\n"), 1)
        self.assertEqual(self.breaks(rule, name, "| a | b | c |\n"), 1)

    def test_a_header_without_a_test_is_named(self):
        self.assertEqual(self.breaks(check.headers_have_tests, "include/keywarden/core/a.hpp", ""), 1)
        self.assertEqual(self.breaks(check.headers_have_tests, "tests/core/a_test.cpp", ""), 0)


if __name__ == "__main__":
    unittest.main()
