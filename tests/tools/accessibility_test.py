#!/usr/bin/env python3
"""What tools/lib/accessibility.py refuses of a page, besides what axe-core finds (here a script stands for it)."""

import importlib.util
import pathlib
import shutil
import tempfile
import unittest
import unittest.mock

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools" / "lib" / "accessibility.py"
spec = importlib.util.spec_from_file_location("accessibility", TOOL)
accessibility = importlib.util.module_from_spec(spec)
spec.loader.exec_module(accessibility)

FINDS_IMAGES = """window.axe = {run: (of) => Promise.resolve({violations: [...of.querySelectorAll("img:not([alt])")].map((each) =>
  ({id: "image-alt", help: "Images must have alternative text", nodes: [{target: ["img"]}]}))})};"""
SKIP = '<a class="skip" href="#doc-content">To the content</a>'
TEXT = "<p>A line.</p>" * 400


@unittest.skipUnless(shutil.which("chromium"), "needs Chromium")
class Pages(unittest.TestCase):
    def found(self, **pages):
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for name, body in pages.items():
                paths.append(pathlib.Path(folder).resolve() / f"{name}.html")
                paths[-1].write_text('<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
                                     f"<title>{name}</title>{body}</html>", encoding="utf-8")
            said = accessibility.check(FINDS_IMAGES, paths)
        return {name: [each for each in said if each.startswith(f"{name} ") or each.startswith(f"{name}:")] for name in pages}

    def test_what_is_too_wide_or_wrong_in_the_dark_is_refused(self):
        said = self.found(
            good=f'{SKIP}<div id="doc-content" tabindex="-1">{TEXT}</div>',
            wide=f'{SKIP}<div id="doc-content" tabindex="-1"><div style="width: 800px">wide</div></div>',
            inside=f'{SKIP}<div id="doc-content" tabindex="-1" style="overflow: auto"><div style="width: 800px">wide</div></div>',
            dark='<style>img { display: none } @media (prefers-color-scheme: dark) { img { display: block } }</style><img src="data:,">')
        self.assertEqual(said["good"], [])
        for name in ("wide", "inside"):
            wide = [each for each in said[name] if "pixels wider than the screen" in each]
            self.assertEqual([each.partition(":")[0] for each in wide], [f"{name} (phone, light)", f"{name} (phone, dark)"], said)
        self.assertEqual(len(said["dark"]), 4)
        self.assertIn("dark (phone, dark): image-alt: Images must have alternative text: 1 times, first at img", said["dark"])

    def test_text_that_the_keyboard_does_not_reach_or_scroll_is_refused(self):
        with unittest.mock.patch.dict(accessibility.SCREENS):
            del accessibility.SCREENS["phone"]
            said = self.found(
                late=f'<a href="#doc-content">Elsewhere</a>{SKIP}<div id="doc-content" tabindex="-1">{TEXT}</div>',
                nowhere=f'<a class="skip" href="#gone">To the content</a><div id="doc-content" tabindex="-1">{TEXT}</div>',
                stuck=f"<body onkeydown='event.preventDefault()'>{TEXT}</body>")
        self.assertEqual(said, {"late": ["late (desk, light): the first Tab does not reach the link to the content"],
                                "nowhere": ["nowhere (desk, light): the link to the content does not move the focus there"],
                                "stuck": ["stuck (desk, light): the End key does not scroll to the end of the text"]})

    def test_a_page_that_is_not_there_is_a_fault_and_does_not_end_the_others(self):
        with tempfile.TemporaryDirectory() as folder:
            missing = pathlib.Path(folder).resolve() / "missing.html"
            there = pathlib.Path(folder).resolve() / "there.html"
            there.write_text("<!doctype html><title>There</title><p>text", encoding="utf-8")
            said = accessibility.check(FINDS_IMAGES, [missing, there])
        self.assertEqual(len(said), 1, said)
        self.assertIn("missing: net::ERR_FILE_NOT_FOUND", said[0])


class Reports(unittest.TestCase):
    def test_the_report_that_is_looked_at_has_one_of_each(self):
        text = accessibility.sample_report()
        for each in ("<figure>", 'class="scroll wide"', "Phases, as shares", "A file, beside other programs", "Including a header", "<details>"):
            self.assertIn(each, text)


if __name__ == "__main__":
    unittest.main()
