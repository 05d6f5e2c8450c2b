#!/usr/bin/env python3
"""What tools/lib/site.py refuses of a built site: broken links and anchors, names without a word about them."""

import contextlib
import importlib.util
import io
import pathlib
import tempfile
import unittest

SITE = pathlib.Path(__file__).resolve().parents[2] / "tools" / "lib" / "site.py"
spec = importlib.util.spec_from_file_location("built_site", SITE)
site = importlib.util.module_from_spec(spec)
spec.loader.exec_module(site)


class Links(unittest.TestCase):
    def broken(self, *links):
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as said:
            root = pathlib.Path(folder).resolve()
            (root / "a.html").write_text("".join(f'<a href="{link}">x</a>\n' for link in [*links, *["b.html#there"] * 1000]))
            (root / "b.html").write_text('<a id="there"></a>')
            return not site.links(root), said.getvalue()

    def test_a_link_to_nothing_is_broken(self):
        broken, said = self.broken("c.html")
        self.assertTrue(broken)
        self.assertIn("a.html:1: c.html: there is no such file", said)

    def test_a_link_to_an_anchor_that_is_not_there_is_broken(self):
        self.assertIn("there is no such anchor", self.broken("b.html#nowhere")[1])

    def test_links_that_lead_somewhere_or_elsewhere_are_not(self):
        self.assertFalse(self.broken("b.html", "b.html#there", "https://example.org/", "#")[0])


class Documented(unittest.TestCase):
    def judged(self, *warnings):
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as said:
            log = pathlib.Path(folder) / "log"
            log.write_text("\n".join(warnings))
            return site.documented(log), said.getvalue()

    AT = "/x/include/keywarden/core/a.hpp:3: warning: "

    def test_a_class_or_function_without_a_word_is_refused(self):
        self.assertFalse(self.judged(self.AT + "Compound keywarden::thing is not documented.")[0])
        self.assertFalse(self.judged(self.AT + "Member make(int x) (function) of namespace keywarden is not documented.")[0])

    def test_a_member_without_a_word_is_refused_and_named(self):
        good, said = self.judged(self.AT + "Member width (variable) of struct keywarden::thing is not documented.")
        self.assertFalse(good)
        self.assertIn("a.hpp:3: keywarden::thing::width is not documented", said)

    def test_nothing_to_say_is_good(self):
        self.assertTrue(self.judged()[0])

    def test_what_the_language_requires_needs_no_word(self):
        for name in ["thing(thing &&other)", "operator==(const thing &)", "scheme()"]:
            self.assertTrue(self.judged(self.AT + f"Member {name} (function) of class keywarden::thing is not documented.")[0])


if __name__ == "__main__":
    unittest.main()
