"""Keywarden as a Conan 2 package: headers alone, and a component for each that needs another library. `conan create .` makes it
from this source, and builds and runs tests/consumer with it."""

import os
import re

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.build import check_min_cppstd
from conan.tools.files import copy, load
from conan.tools.layout import basic_layout
from conan.tools.scm import Version

required_conan_version = ">=2.0"


class KeywardenConan(ConanFile):
    name = "keywarden"
    description = "Compile-time composed key hierarchies and mutually authenticated endpoints"
    license = "MIT"
    topics = ("cryptography", "key-management", "tls", "header-only")
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"with_sqlite": [True, False], "with_postgres": [True, False], "with_openssl": [True, False]}
    default_options = {"with_sqlite": True, "with_postgres": False, "with_openssl": False}
    exports_sources = "include/*", "LICENSE"
    exports = "CMakeLists.txt"
    no_copy_source = True
    test_package_folder = "tests/consumer/conan"

    def set_version(self):
        text = load(self, os.path.join(self.recipe_folder, "CMakeLists.txt"))
        self.version = re.search(r"project\(keywarden VERSION ([0-9.]+)", text)[1]

    def layout(self):
        basic_layout(self)

    def requirements(self):
        self.requires("botan/[>=3.13.0 <4]", transitive_headers=True, transitive_libs=True)
        self.requires("boost/[>=1.81.0 <2]", transitive_headers=True)
        self.requires("range-v3/0.12.0", transitive_headers=True)
        self.requires("nlohmann_json/[>=3.11 <4]", transitive_headers=True)
        if self.options.with_sqlite:
            self.requires("sqlite3/[>=3.40 <4]", transitive_headers=True, transitive_libs=True)
        if self.options.with_postgres:
            self.requires("libpq/[>=15 <19]", transitive_headers=True, transitive_libs=True)
        if self.options.with_openssl:
            self.requires("openssl/[>=3.0 <4]", transitive_headers=True, transitive_libs=True)

    def package_id(self):
        self.info.clear()  # the headers are the same everywhere

    def validate(self):
        check_min_cppstd(self, 20)
        least = {"gcc": "12", "clang": "16"}.get(str(self.settings.compiler))
        if least is None:
            raise ConanInvalidConfiguration("Keywarden is compiled with g++ or clang++")
        if Version(self.settings.compiler.version) < least:
            raise ConanInvalidConfiguration(f"Keywarden needs {self.settings.compiler} {least} or newer")

    def package(self):
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        copy(self, "*.hpp", os.path.join(self.source_folder, "include"), os.path.join(self.package_folder, "include"))

    def package_info(self):
        self.cpp_info.set_property("cmake_file_name", "keywarden")
        self._component("keywarden", ["botan::botan", "boost::headers", "range-v3::range-v3", "nlohmann_json::nlohmann_json"])
        self._component("asio", ["keywarden"])
        self.cpp_info.components["asio"].system_libs = ["pthread"]
        if self.options.with_sqlite:
            self._component("sqlite", ["keywarden", "sqlite3::sqlite3"])
        if self.options.with_postgres:
            self._component("postgres", ["keywarden", "libpq::libpq"])
        if self.options.with_openssl:
            self._component("libcrypto", ["keywarden", "openssl::crypto"])
            self._component("libssl", ["keywarden", "openssl::ssl"])

    def _component(self, name, needs):
        component = self.cpp_info.components[name]
        component.set_property("cmake_target_name", f"keywarden::{name}")
        component.set_property("pkg_config_name", "keywarden" if name == "keywarden" else f"keywarden-{name}")
        component.requires = needs
        component.bindirs, component.libdirs = [], []
