"""That the Conan recipe and the vcpkg port say what CMake says: neither tool is needed for this."""

import ast
import json
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CMAKE = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
NEEDS = "".join((ROOT / "cmake" / each).read_text(encoding="utf-8")
                for each in ("KeywardenBotan.cmake", "KeywardenDependencies.cmake", "KeywardenComponents.cmake"))
VERSION = re.search(r"project\(keywarden VERSION ([0-9.]+)", CMAKE)[1]
COMPONENTS = re.search(r"set\(keywarden_components ([\w ]+)\)", NEEDS)[1].split()
FIELDS = {"name", "version", "description", "homepage", "license", "supports", "dependencies", "default-features", "features"}
IDENTIFIER = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")  # of ports and features, as vcpkg's documentation has it


def faults_of_port(port):
    """What vcpkg would refuse or its registry's rules are against, as far as a port of this kind can offend them."""
    faults = [f"unknown field '{each}'" for each in port if each not in FIELDS]
    faults += [f"no '{each}'" for each in ("name", "version", "description", "license") if not port.get(each)]
    lists = [port.get("dependencies", []), *(each.get("dependencies", []) for each in port.get("features", {}).values())]
    for needs in lists:
        names = [each if isinstance(each, str) else each["name"] for each in needs]
        faults += [f"'{each}' is no name of a port" for each in names if not IDENTIFIER.fullmatch(each)]
        if names != sorted(names):
            faults.append("dependencies are not sorted")
        for each in needs:
            if isinstance(each, dict) and set(each) - {"name", "host", "version>=", "features", "default-features", "platform"}:
                faults.append(f"unknown field in the dependency '{each['name']}'")
    for name, feature in port.get("features", {}).items():
        if not IDENTIFIER.fullmatch(name) or not feature.get("description"):
            faults.append(f"the feature '{name}' has no proper name or no description")
    faults += [f"the default feature '{each}' is not there" for each in port.get("default-features", []) if each not in port.get("features", {})]
    if list(port.get("features", {})) != sorted(port.get("features", {})):
        faults.append("features are not sorted")
    return faults


class Vcpkg(unittest.TestCase):
    def setUp(self):
        folder = ROOT / "packaging" / "vcpkg" / "keywarden"
        self.port = json.loads((folder / "vcpkg.json").read_text(encoding="utf-8"))
        self.file = (folder / "portfile.cmake").read_text(encoding="utf-8")

    def test_the_port_has_the_form_that_vcpkg_documents(self):
        self.assertEqual(faults_of_port(self.port), [])

    def test_a_port_with_a_mistake_is_refused(self):
        self.assertEqual(faults_of_port({**self.port, "licence": "MIT"}), ["unknown field 'licence'"])
        self.assertEqual(faults_of_port({**self.port, "default-features": ["mysql"]}), ["the default feature 'mysql' is not there"])
        self.assertEqual(faults_of_port({**self.port, "dependencies": ["zlib", "Boost"]}), ["'Boost' is no name of a port", "dependencies are not sorted"])

    def test_it_is_of_the_version_and_needs_the_botan_that_cmake_says(self):
        self.assertEqual(self.port["version"], VERSION)
        self.assertIn({"name": "botan", "version>=": re.search(r"least_botan ([0-9.]+)", NEEDS)[1]}, self.port["dependencies"])

    def test_each_component_is_asked_for_by_the_port(self):
        for component in COMPONENTS:
            self.assertRegex(self.file, rf"(set\(|ITEMS |APPEND )[^)]*\b{component}\b")


class Conan(unittest.TestCase):
    def setUp(self):
        self.text = (ROOT / "conanfile.py").read_text(encoding="utf-8")
        ast.parse(self.text)

    def test_it_needs_no_less_than_cmake_says(self):
        for name, least in (("botan", re.search(r"least_botan ([0-9.]+)", NEEDS)[1]), ("boost", "1.81.0"), ("nlohmann_json", "3.11"),
                            ("sqlite3", "3.40"), ("libpq", "15"), ("openssl", "3.0")):
            self.assertRegex(self.text, rf'"{name}/\[>={re.escape(least)} <\d+\]"')
        for words in ("Boost >= 1.81", "nlohmann-json >= 3.11", "SQLite >= 3.40", "libpq >= 15", "OpenSSL >= 3.0"):
            self.assertIn(words, NEEDS)

    def test_it_has_every_component(self):
        for component in ("keywarden", *COMPONENTS):
            self.assertIn(f'self._component("{component}"', self.text)

    def test_its_version_is_read_where_cmake_has_it(self):
        self.assertIsNotNone(re.search(r"project\(keywarden VERSION ([0-9.]+)", CMAKE))
        self.assertIn(r"project\(keywarden VERSION ([0-9.]+)", self.text)
        self.assertNotRegex(self.text, r"^\s+version = ")


if __name__ == "__main__":
    unittest.main()
