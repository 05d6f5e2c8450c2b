#!/usr/bin/env python3
"""Prepares and checks the documentation's site for tools/docs.

  site.py prepare SITE              what Doxygen is given: the pages of the compositions, header and footer, from SITE/policies
  site.py mend HTML                 mends what Doxygen links and then leaves out, and the README's link to a program
  site.py links HTML                every internal link and anchor of the built site leads somewhere
  site.py documented LOG            every public name is documented, going by what Doxygen warned of in LOG
"""

import html.parser
import pathlib
import re
import subprocess
import sys
import urllib.parse

# ---- prepare ----------------------------------------------------------------------------------------------------------

COMPOSITIONS = {
    "first_seal": "The standard composition: what `examples/first_seal.cpp` of the first tutorial uses.",
    "keywarden": "The command-line tool's, `examples/keywarden`. Its store is chosen when it starts.",
    "database_mirroring": "That of each instance in `examples/database_mirroring`.",
    "offline_root": "A root that no single theft opens (`examples/describe_policies`): each way in takes two things.",
}


def write_compositions(policies, pages):
    index = ["# Shipped compositions {#compositions}", "",
             "What the compositions of the shipped examples are, as `describe<Policy>()` and `describe_dot<Policy>()` tell it "
             "(`keywarden/vault/describe.hpp`). These pages are made when the site is built, by running `examples/describe_policies`.",
             ""]
    found = sorted(each.stem for each in policies.glob("*.md"))
    if found != sorted(COMPOSITIONS):
        sys.exit(f"describe_policies writes {found}; tools/lib/site.py describes {sorted(COMPOSITIONS)}")
    for name, words in COMPOSITIONS.items():
        text = (policies / f"{name}.md").read_text(encoding="utf-8")
        graph = (policies / f"{name}.dot").read_text(encoding="utf-8")
        body = text.partition("\n")[2].strip("\n")
        page = [f"# Composition: {name} {{#composition_{name}}}", "", words, "", "What opens, above; what is opened, below.", "",
                "\\dot", graph.strip("\n"), "\\enddot", "", body, ""]
        (pages / f"composition_{name}.md").write_text("\n".join(page), encoding="utf-8")
        index.append(f"- @subpage composition_{name} – {words}")
    (pages / "compositions.md").write_text("\n".join(index) + "\n", encoding="utf-8")


HEAD = """<script type="text/javascript" src="$relpath^doxygen-awesome-darkmode-toggle.js"></script>
<script type="text/javascript" src="$relpath^doxygen-awesome-fragment-copy-button.js"></script>
<script type="text/javascript" src="$relpath^doxygen-awesome-paragraph-link.js"></script>
<script type="text/javascript" src="$relpath^site.js" defer="defer"></script>
</head>"""


def prepare(site):
    pages = site / "pages"
    pages.mkdir(parents=True, exist_ok=True)
    for old in pages.glob("*.md"):
        old.unlink()
    write_compositions(site / "policies", pages)
    # Doxygen's own header and footer, whatever its version, with three things added.
    subprocess.run(["doxygen", "-w", "html", "header.html", "footer.html", "style.css"], cwd=site, check=True,
                   stdout=subprocess.DEVNULL)
    header = (site / "header.html").read_text(encoding="utf-8")
    header = header.replace("</head>", HEAD, 1)
    header = re.sub(r"<html\b[^>]*>", '<html xmlns="http://www.w3.org/1999/xhtml" lang="en">', header, count=1)
    header = header.replace("<body>", '<body>\n<a class="skip" href="#doc-content">To the content</a>', 1)
    (site / "header.html").write_text(header, encoding="utf-8")


# ---- mend -------------------------------------------------------------------------------------------------------------

def mend(root):
    """Doxygen 1.9 lists "Classes" above a class whose nested classes are all private, and has no such section below."""
    for path in root.glob("*.html"):
        text = path.read_text(encoding="utf-8")
        if path.name == "index.html":  # the README's links are the repository's
            path.write_text(text.replace('href="docs/format/decode.py"', 'href="format/decode.py"'), encoding="utf-8")
        if 'href="#nested-classes"' in text and 'name="nested-classes"' not in text:
            path.write_text(re.sub(r'<a href="#nested-classes">Classes</a>(\s*&#124;)?', "", text), encoding="utf-8")


# ---- links ------------------------------------------------------------------------------------------------------------

class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.anchors, self.links = set(), []

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        for name in ("id", "name"):
            if given.get(name):
                self.anchors.add(given[name])
        for name in ("href", "src", "data"):
            if given.get(name):
                self.links.append((self.getpos()[0], given[name]))


def links(root):
    pages = {}
    for path in sorted(root.rglob("*.html")):
        if path.parent.name == "search":
            continue
        page = Page()
        page.feed(path.read_text(encoding="utf-8", errors="replace"))
        pages[path] = page
    files = {path for path in root.rglob("*")}
    wrong = checked = 0
    for path, page in pages.items():
        for line, link in page.links:
            where = urllib.parse.urlsplit(link)
            if where.scheme or link.startswith(("//", "javascript:", "$")):
                continue
            checked += 1
            target = (path.parent / urllib.parse.unquote(where.path)).resolve() if where.path else path
            anchor = urllib.parse.unquote(where.fragment)
            if target not in files:
                message = "there is no such file"
            elif anchor and target in pages and anchor not in pages[target].anchors:
                message = "there is no such anchor"
            else:
                continue
            wrong += 1
            print(f"{path.relative_to(root)}:{line}: {link}: {message}")
    # The menu and the tree are scripts.
    for script in root.glob("*.js"):
        if script.name.startswith(("jquery", "navtreeindex")):  # navtreeindex*.js list what may be looked for, not links
            continue
        for link in re.findall(r'"([\w./-]+\.html(?:#[\w:.-]+)?)"', script.read_text(encoding="utf-8", errors="replace")):
            checked += 1
            name, _, anchor = link.partition("#")
            # The tree's own scripts also name enumerators where Doxygen 1.9 gives them no anchor.
            exact = anchor and script.name == "menudata.js" and root / name in pages
            if root / name not in files or (exact and anchor not in pages[root / name].anchors):
                wrong += 1
                print(f"{script.name}: {link}: leads nowhere")
    print(f"{checked} internal links, {wrong} of them broken")
    return wrong == 0 and checked > 1000


# ---- documented -------------------------------------------------------------------------------------------------------

# Said where they are required: in the concept's own comment, or by the language.
BY_CONCEPT = {"name", "scheme", "offers", "interactive", "opens_without", "hide", "recover", "form", "own", "offer", "find",
              "judge", "permits", "allows", "admit", "permit", "kind", "id", "key_size", "strength", "quantum_safe", "max_messages",
              "max_message_size", "nonce_misuse_resistant", "context", "max_ciphertext_size", "max_public_key_size",
              "private_key_size", "role", "mode", "snapshot", "clause", "version", "header_size", "cost", "guess_cost", "lost"}
# Models with no members but those that their concept asks for.
ONLY_BY_CONCEPT = {"system_clock", "steady_nanoseconds", "thread_nanoseconds", "system_random", "deterministic_random",
                   "nonce_generator", "standard_policy", "posix_file_system"}
BY_LANGUAGE = re.compile(r"\b(operator\b.*|~\w+|begin|end|size|empty|value|view|text|data)$")
LINE = re.compile(r"include/keywarden/\w+/[^:]*:\d+: warning: (Compound|Member) (.*) is not documented\.")


def undocumented(log):
    names = []
    for line in sorted(set(log.read_text(encoding="utf-8").split("\n"))):
        found = LINE.search(line)
        if not found:
            continue
        what, text = found.groups()
        where = line.partition(": warning")[0]
        if what == "Compound":
            names.append(f"{where}: {text}")
            continue
        member = re.match(r"(.*) \((\w+)\) of (\w+) (.*)", text)
        if not member:
            continue
        signature, sort, scope, owner = member.groups()
        name = re.split(r"[(\s=]", signature.replace("operator()", "operator"), maxsplit=1)[0]
        own = owner
        while "<" in own and own != (less := re.sub(r"<[^<>]*>", "", own)):
            own = less
        own = own.rpartition("::")[2].strip()
        if (sort == "friend" or "operator" in signature or name == own or own in ONLY_BY_CONCEPT or name in BY_CONCEPT or
                BY_LANGUAGE.search(name)):
            continue
        if scope != "file":
            names.append(f"{where}: {owner}::{name}")
    return names


def documented(log):
    names = undocumented(log)
    for name in names:
        print(f"{name} is not documented")
    print(f"public names without a word about them: {len(names)}")
    return not names


def main():
    command, *arguments = sys.argv[1:]
    paths = [pathlib.Path(each).resolve() for each in arguments]
    if command in ("prepare", "mend"):
        {"prepare": prepare, "mend": mend}[command](paths[0])
    elif not {"links": links, "documented": documented}[command](*paths):
        sys.exit(1)


if __name__ == "__main__":
    main()
