#!/usr/bin/env python3
"""check.py <rule> <repository>

Rules about the tree as a whole. Each prints what breaks it as file:line: message and exits with 1.
"""

import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools" / "lib"))
import snippets

# A folder may include itself and the folders before it.
FLOOR_PLAN = ["core", "crypto", "key", "protect", "store", "vault", "pki", "auth", "admit", "transport", "endpoint",
              "config"]

FORBIDDEN = [
    (r"\bmemcmp\s*\(", "compare secrets in constant time, other bytes with std::ranges::equal"),
    (r"\bs?rand\s*\(", "take randomness from core/random.hpp"),
    (r"\bstd::string(_view)?\s+(password|passphrase|secret)\b", "a secret has its own type (core/secret.hpp)"),
    (r"\bAutoSeeded_RNG\b", "a draw from it costs microseconds; use core/random.hpp"),
    (r"^\s*using\s+namespace\b", "a header must not open namespaces for its readers"),
    (r"\bthread_local\b", "a closed key must be gone from every thread: lease from the key's own pool"),
]

BOTAN_CATCH = re.compile(r"\bcatch\s*\(\s*(const\s+)?(Botan::|std::exception\b|\.\.\.)")
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]keywarden/([^/">]+)/?([^">]*)[">]')
DEFINE = re.compile(r"^\s*#\s*define\s+(\w+)")
UNDEF = re.compile(r"^\s*#\s*undef\s+(\w+)")


def headers(repository):
    root = repository / "include" / "keywarden"
    return [(path, path.relative_to(root)) for path in sorted(root.rglob("*.hpp"))]


def code_lines(path):
    """The lines of a file with comments and the contents of string literals blanked out."""
    text = path.read_text(encoding="utf-8")

    def blank(match):
        found = match.group(0)
        if found.startswith("/"):
            return re.sub(r"[^\n]", " ", found)
        return '""' if found.startswith('"') else found

    token = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])'", re.S)
    keep_includes = re.compile(r"^\s*#\s*include")
    lines = []
    for raw, code in zip(text.split("\n"), token.sub(blank, text).split("\n")):
        lines.append(raw if keep_includes.match(raw) else code)
    return lines


def includes_point_down(repository):
    for path, name in headers(repository):
        if len(name.parts) == 1:
            continue  # keywarden.hpp gathers everything
        if name.parts[0] not in FLOOR_PLAN:
            yield path, 1, f"folder {name.parts[0]} is not on the floor plan"
            continue
        floor = FLOOR_PLAN.index(name.parts[0])
        for number, line in enumerate(code_lines(path), 1):
            found = INCLUDE.match(line)
            if not found:
                continue
            if found[1] not in FLOOR_PLAN:
                yield path, number, f"includes {found[1]}, which is not a folder of the floor plan"
            elif FLOOR_PLAN.index(found[1]) > floor:
                yield path, number, f"{name.parts[0]} includes {found[1]}, which stands above it"


def no_macro_leaks(repository):
    for path, _ in headers(repository):
        defined = {}
        for number, line in enumerate(code_lines(path), 1):
            if found := DEFINE.match(line):
                defined[found[1]] = number
            elif found := UNDEF.match(line):
                defined.pop(found[1], None)
        for macro, number in defined.items():
            yield path, number, f"leaves the macro {macro} to whoever includes it"


def forbidden_words(repository):
    for path, _ in headers(repository):
        for number, line in enumerate(code_lines(path), 1):
            for pattern, reason in FORBIDDEN:
                if re.search(pattern, line):
                    yield path, number, f"{line.strip()}: {reason}"


def one_place_catches(repository):
    for path, name in headers(repository):
        if name.as_posix() == "core/backend.hpp":
            continue
        for number, line in enumerate(code_lines(path), 1):
            if BOTAN_CATCH.search(line):
                yield path, number, "the library's exceptions are caught in core/backend.hpp only: use detail::guarded"


def hazmat_is_listed(repository):
    """Who weakens protection on purpose is listed in hazmat.txt, file by file, so that a new use is seen in review."""
    listing = repository / "tests" / "architecture" / "hazmat.txt"
    allowed = {line for line in listing.read_text(encoding="utf-8").split("\n") if line and not line.startswith("#")}
    used = set()
    for folder in ["include", "examples", "benchmarks"]:
        for path in sorted((repository / folder).rglob("*.[ch]pp")):
            name = path.relative_to(repository).as_posix()
            for number, line in enumerate(code_lines(path), 1):
                if "i_know_what_i_do" not in line or name == "include/keywarden/core/hazmat.hpp":
                    continue
                used.add(name)
                if name not in allowed:
                    yield path, number, "uses hazmat::insecure_access without being listed in hazmat.txt"
    for name in sorted(allowed - used):
        yield listing, 1, f"lists {name}, which does not use it"


def header_preamble(repository):
    for path, _ in headers(repository):
        lines = path.read_text(encoding="utf-8").split("\n")
        if not lines[0].startswith("/// @file"):
            yield path, 1, "must begin with a /// @file comment"
        if not any(line == "#pragma once" for line in lines[:12]):
            yield path, 1, "has no #pragma once below its comment"


def snippets_are_current(repository):
    """C++ in Markdown is, word for word, what stands between a marker's lines in a file that is compiled."""
    for path in snippets.pages(repository):
        if path.exists():
            for number, message in snippets.look_at(repository, path):
                yield path, number, message


def links_lead_somewhere(repository):
    for path in [*sorted(repository.glob("*.md")), *sorted((repository / "docs").rglob("*.md"))]:
        in_code = False
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
            in_code ^= line.lstrip().startswith("```")
            if in_code:
                continue
            for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", line):
                if "://" not in target and not (path.parent / target).exists():
                    yield path, number, f"links to {target}, which is not there"


def quoted_messages_are_current(repository):
    """What the pages show a compiler saying is, word for word, what a header has it say."""
    texts = [re.sub(r'"\s*\n\s*"', "", path.read_text(encoding="utf-8")) for path, _ in headers(repository)]
    for path in snippets.pages(repository):
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n") if path.exists() else [], 1):
            quoted = re.match(r"error: static assertion failed: (.+)", line)
            if quoted and not any(quoted[1] in text for text in texts):
                yield path, number, "no header says that"


def named_tests_exist(repository):
    """The page about past vulnerabilities names, in the last column of its tables, tests or compile-fail cases that exist."""
    page = repository / "docs" / "explanation" / "past_vulnerabilities.md"
    known = {path.stem for path in (repository / "tests" / "compile_fail").glob("*.cpp")}
    for path in (repository / "tests").rglob("*_test.cpp"):
        known |= set(re.findall(r"BOOST_\w*TEST_CASE\w*\(\s*(\w+)", path.read_text(encoding="utf-8")))
    for number, line in enumerate(page.read_text(encoding="utf-8").split("\n") if page.exists() else [], 1):
        if not line.startswith("|") or line.startswith(("|---", "| what happened")):
            continue
        named = re.findall(r"`(\w+)`", line.rstrip("| ").rpartition(" | ")[2])
        if not named:
            yield page, number, "names no test"
        for name in named:
            if name not in known:
                yield page, number, f"names the test {name}, which does not exist"


def headers_have_tests(repository):
    """Every header is reached by a test or an example; those of protect/, the policies, by a test of their own."""
    root = repository / "include" / "keywarden"
    include = re.compile(r"#include <keywarden/([^>]+)>")
    direct = set()
    for path in [*(repository / "tests").rglob("*.[ch]pp"), *(repository / "examples").rglob("*.[ch]pp")]:
        direct |= set(include.findall(path.read_text(encoding="utf-8")))
    reached, new = set(), set(direct)
    while new:
        reached |= new
        new = {other for name in new if (root / name).exists()
               for other in include.findall((root / name).read_text(encoding="utf-8"))} - reached
    for path, name in headers(repository):
        test = repository / "tests" / name.parts[0] / f"{name.stem}_test.cpp"
        if name.as_posix() not in reached or (name.parts[0] == "protect" and name.as_posix() not in direct):
            if not test.exists():
                yield path, 1, "no test includes it"


def main():
    rule, repository = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    found = list(globals()[rule](repository))
    for path, number, message in found:
        print(f"{path.relative_to(repository)}:{number}: {message}")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
