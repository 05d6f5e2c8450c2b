#!/usr/bin/env python3
"""Whether people who use a keyboard, a screen reader, a phone or a dark screen can read the built site.

  accessibility.py AXE HTML [PAGE...]   loads pages of the site HTML, and a report of benchmarks, in Chromium; AXE is axe.min.js

Each is looked at on a desk and at the width of a phone, in light and dark. Refused are what axe-core finds against WCAG 2 and
2.1 (A, AA), what is wider than the screen, text that the keyboard does not reach or scroll, and a search that finds nothing.
Every other page that was written by hand is only looked at on a phone, for its width.
"""

import concurrent.futures
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

PAGES = ["index", "tutorial_first_seal", "many_servers", "concept_key_protector", "security", "hierarchy", "classkeywarden_1_1vault"]
SCREENS = {"desk": (1400, 900), "phone": (390, 844)}
PATIENCE = 30  # seconds for one step
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]


class Refused(Exception):
    """What Chromium or a page in it would not do."""


class Browser:
    """A headless Chromium, spoken to by its DevTools protocol over two pipes."""

    def __init__(self, home):
        to_read, self.to = os.pipe()
        self.by, to_write = os.pipe()
        self.last, self.kept, self.log = 0, b"", open(pathlib.Path(home) / "log", "w+b")

        def place():  # the protocol's pipes are 3 and 4
            reading, writing = os.dup(to_read), os.dup(to_write)
            os.dup2(reading, 3)
            os.dup2(writing, 4)

        self.process = subprocess.Popen(
            [shutil.which("chromium"), "--headless=new", "--remote-debugging-pipe", "--disable-gpu", "--disable-dev-shm-usage",
             "--no-first-run", "--hide-scrollbars", "--allow-file-access-from-files", f"--user-data-dir={home}/profile",
             *(["--no-sandbox"] if os.geteuid() == 0 else []), "about:blank"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, pass_fds=(3, 4, to_read, to_write), preexec_fn=place,
            env={**os.environ, "HOME": str(home)})
        os.close(to_read)
        os.close(to_write)
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.tell("Emulation.setFocusEmulationEnabled", enabled=True)

    def close(self):
        for each in (self.to, self.by):
            os.close(each)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def ask(self, method, session=None, **given):
        self.last += 1
        message = {"id": self.last, "method": method, "params": given, **({"sessionId": session} if session else {})}
        rest = json.dumps(message).encode() + b"\0"
        try:
            while rest:
                rest = rest[os.write(self.to, rest):]
            while True:
                said, whole, left = self.kept.partition(b"\0")
                if not whole:
                    more = os.read(self.by, 1 << 20)
                    if not more:
                        raise BrokenPipeError
                    self.kept += more
                    continue
                self.kept = left
                answer = json.loads(said)
                if answer.get("id") != self.last:
                    continue
                if "error" in answer:
                    raise Refused(f"{method}: {answer['error'].get('message')}")
                return answer["result"]
        except BrokenPipeError:
            self.log.seek(0)
            raise Refused(f"Chromium ended: {self.log.read().decode(errors='replace')[-500:]}") from None

    def tell(self, method, **given):
        return self.ask(method, self.session, **given)

    def run(self, script):
        """What a script (an expression, perhaps a promise) is worth in the page."""
        answer = self.tell("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise Refused(answer["exceptionDetails"].get("exception", {}).get("description", "a script failed"))
        return answer["result"].get("value")

    def wait(self, script, what):
        end = time.monotonic() + PATIENCE
        while not self.run(script):
            if time.monotonic() > end:
                raise Refused(what)
            time.sleep(0.05)

    def becomes(self, script, seconds=3):
        """Whether something comes true: what a key does is not done at once."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.run(script):
                return True
            time.sleep(0.05)
        return False

    def press(self, key, code, text=None):
        named = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        self.tell("Input.dispatchKeyEvent", type="keyDown", **named, **({"text": text} if text else {}))
        self.tell("Input.dispatchKeyEvent", type="keyUp", **named)

    def show(self, path, screen, dark):
        width, height = SCREENS[screen]
        self.tell("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=screen == "phone")
        self.tell("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
                                                          {"name": "prefers-reduced-motion", "value": "reduce"}])
        failed = self.tell("Page.navigate", url=path.as_uri()).get("errorText")
        if failed:
            raise Refused(failed)
        # docs/site.js says when it has repaired a page; a report has no script.
        self.wait("location.href !== 'about:blank' && document.readyState === 'complete' && "
                  "(document.documentElement.dataset.repaired !== undefined || !document.querySelector('script[src]'))",
                  "the page was not ready")


SCROLLER = """(() => { const text = document.querySelector("#doc-content");
  return text && text.scrollHeight > text.clientHeight + 1 && getComputedStyle(text).overflowY !== "visible"
    ? text : document.scrollingElement; })()"""


def too_wide(browser):
    over = browser.run("Math.max(...[document.documentElement, document.querySelector('#doc-content')].map("
                       "(each) => each ? each.scrollWidth - each.clientWidth : 0))")
    return [f"{over} pixels wider than the screen"] if over > 0 else []


def by_keyboard(browser):
    """What keeps somebody without a mouse from the text of the page shown."""
    if browser.run("document.querySelector('a.skip') !== null"):
        browser.press("Tab", 9)
        if not browser.becomes("document.activeElement.matches('a.skip')"):
            return ["the first Tab does not reach the link to the content"]
        browser.press("Enter", 13, "\r")
        if not browser.becomes("document.activeElement.closest('#doc-content') !== null"):
            return ["the link to the content does not move the focus there"]
    if not browser.run(f"(({SCROLLER}).scrollHeight > ({SCROLLER}).clientHeight + 1)"):
        return []
    browser.press("End", 35)
    if not browser.becomes(f"(() => {{ const at = {SCROLLER}; return at.scrollTop + at.clientHeight >= at.scrollHeight - 2; }})()"):
        return ["the End key does not scroll to the end of the text"]
    return []


def searched(browser):
    """The search, by keyboard: what is typed is found, and the arrow leads to it."""
    if not browser.run("document.querySelector('#MSearchField') !== null"):
        return []
    browser.run("document.querySelector('#MSearchField').focus()")
    for letter in "vault":
        browser.tell("Input.dispatchKeyEvent", type="keyDown", key=letter, text=letter)
        browser.tell("Input.dispatchKeyEvent", type="keyUp", key=letter)
    found = """(() => { const all = document.querySelector("#MSearchResultsWindow"), inner = document.querySelector("iframe#MSearchResults");
      const of = inner ? inner.contentDocument : document;
      return all && getComputedStyle(all).display !== "none" && of &&
        [...of.querySelectorAll(".SRResult")].some((each) => each.offsetParent && each.textContent.includes("vault")); })()"""
    return [] if browser.becomes(found, 10) else ["the search for 'vault' shows nothing"]


def faults_of_width(browser, path):
    browser.show(path, "phone", False)
    return [f"{path.stem} (phone, light): {each}" for each in too_wide(browser)]


def faults(browser, axe, path):
    found = []
    for screen in SCREENS:
        for dark in (False, True):
            where = f"{path.stem} ({screen}, {'dark' if dark else 'light'})"
            browser.show(path, screen, dark)
            found += [f"{where}: {each}" for each in too_wide(browser)]
            browser.run(axe + "; 0")
            violations = browser.run("axe.run(document, {runOnly: %s, resultTypes: ['violations'], iframes: false}).then((all) => "
                                     "all.violations.map((each) => [each.id, each.help, each.nodes.map((node) => node.target.join(' '))]))"
                                     % json.dumps(RULES))
            for rule, help_, nodes in violations:
                found.append(f"{where}: {rule}: {help_}: {len(nodes)} times, first at {nodes[0]}")
            if not dark:
                found += [f"{where}: {each}" for each in by_keyboard(browser)]
                if screen == "desk":
                    found += [f"{where}: {each}" for each in searched(browser)]
    return found


def by_hand(root):
    """The pages of docs/, not those that Doxygen makes of the headers."""
    made = ("class", "struct", "union", "namespace", "functions", "dir_", "concepts_", "conceptkeywarden", "files", "annotated", "hierarchy_",
            "graph_legend", "inherits", "globals", "pages", "topics", "modules", "doxygen_crawl")
    return sorted(each for each in root.glob("*.html")
                  if not each.name.startswith(made) and not each.stem.endswith(("_8hpp", "_8hpp_source", "-members")))


def sample_report():
    """A report with one of each: charts, wide tables, bars, phases, files, headers."""
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "benchmarks"))
    import claims  # pylint: disable=import-outside-toplevel
    import report  # pylint: disable=import-outside-toplevel

    def run(name, ns, **more):
        return {"name": name, "cpu_ns": ns, "real_ns": ns, "low_ns": ns * 0.9, "high_ns": ns * 1.1, "repetitions": 3, **more}

    benchmarks = [run(f"{operation}/{policy}/{size}", 100 + size * (1 + at % 3) / 4) for operation in ("seal", "open")
                  for at, policy in enumerate(("aes256_gcm", *claims.PEERS)) for size in (16, 64, 256, 1024, 4096, 16384, 65536, 1 << 20)]
    benchmarks += [run("unwrap/password_argon2id_and_another_with_a_long_name", 1e8), run("unwrap/machine", 2e4),
                   {"name": "unwrap/account", "absent": "no such account"}, run("profile/unwrap", 100.0, phases={"derive": 80.0, "open": 20.0})]
    made = {"extent": "made-up", "date": "2026-01-01", "seconds": 1, "machine": {"processor": "a processor with a name " * 5},
            "benchmarks": benchmarks, "headers": [{"header": "keywarden/vault/vault.hpp", "cpu_s": 2.0, "peak_mib": 300.0}],
            "files": [{"program": "keywarden", "operation": "seal", "bytes": 1 << 20, "cpu_s": 1.0, "elapsed_s": 1.0, "peak_kib": 1000}]}
    made["claims"] = claims.judge(made)
    return report.page(made)


def check(axe, paths, only_width=()):
    """The faults of each page. Two browsers at a time, each with pages of its own."""
    share = min(os.cpu_count() or 1, 2, len(paths))
    with tempfile.TemporaryDirectory(prefix="keywarden-accessibility-", ignore_cleanup_errors=True) as folder, \
            contextlib.ExitStack() as open_ones, concurrent.futures.ThreadPoolExecutor(share) as workers:
        free = []
        for number in range(share):
            home = pathlib.Path(folder) / str(number)
            home.mkdir()
            browser = Browser(home)
            open_ones.callback(browser.close)
            free.append(browser)

        def look(path):
            browser = free.pop()
            try:
                return faults_of_width(browser, path) if path in only_width else faults(browser, axe, path)
            except Refused as why:
                return [f"{path.stem}: {why}"]
            finally:
                free.append(browser)

        return [fault for each in workers.map(look, [*paths, *only_width]) for fault in each]


def main():
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    axe, root = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"), pathlib.Path(sys.argv[2]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "benchmark_report.html"
        report.write_text(sample_report(), encoding="utf-8")
        paths = [root / f"{page}.html" for page in (sys.argv[3:] or PAGES)] + [report]
        for path in paths:
            if not path.exists():
                raise SystemExit(f"error: there is no {path}: tools/docs builds the site")
        others = [] if sys.argv[3:] else [path for path in by_hand(root) if path not in paths]
        found = check(axe, paths, others)
    for each in found:
        print(each)
    print(f"{len(paths)} pages in {2 * len(SCREENS)} ways, {len(others)} more on a phone: {len(found)} faults")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
