# What the build refuses, and what it says then. WHICH is one of the cases below.

include("${CMAKE_CURRENT_LIST_DIR}/run.cmake")
file(REMOVE_RECURSE "${WORK}")

# What configures Keywarden's source, and what configures a program that asks for an installed one.
set(from_source "${CMAKE_COMMAND}" -S "${SOURCE}" -B "${WORK}/build" -G "${GENERATOR}" "-DCMAKE_CXX_COMPILER=${CXX}"
  -DKEYWARDEN_BUILD_TESTS=OFF -DKEYWARDEN_BUILD_EXAMPLES=OFF)
set(from_prefix "${CMAKE_COMMAND}" -S "${WORK}/program" -B "${WORK}/program/build" -G "${GENERATOR}" "-DCMAKE_CXX_COMPILER=${CXX}")

# A prefix that claims to hold Botan 3.7.1.
function(an_older_botan)
  file(WRITE "${WORK}/botan/include/botan-3/botan/build.h"
    "#define BOTAN_VERSION_MAJOR 3\n#define BOTAN_VERSION_MINOR 7\n#define BOTAN_VERSION_PATCH 1\n")
  file(WRITE "${WORK}/botan/lib/libbotan-3.a" "")
endfunction()

# A program that asks for an installed Keywarden in these words of find_package, and the prefix it is installed in.
function(a_program words)
  run("${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${WORK}/prefix")
  file(WRITE "${WORK}/program/CMakeLists.txt" "cmake_minimum_required(VERSION 3.25)\nproject(program LANGUAGES CXX)\n"
    "list(PREPEND CMAKE_PREFIX_PATH \"${WORK}/prefix\" \"${BOTAN}\")\nfind_package(keywarden ${words})\n"
    "message(STATUS \"found: \${keywarden_FOUND}; \${keywarden_NOT_FOUND_MESSAGE}\")\n")
endfunction()

if(WHICH STREQUAL "older_botan")
  an_older_botan()
  refused("Botan 3.7.1 in ${WORK}/botan is too old;CVE-2026-34582;run tools/setup"
    ${from_source} "-DKEYWARDEN_BOTAN_PREFIX=${WORK}/botan")
elseif(WHICH STREQUAL "no_botan")
  refused("Keywarden needs Botan >= 3.13.0 and found none;run tools/setup;-DKEYWARDEN_BOTAN_PREFIX"
    ${from_source} "-DKEYWARDEN_BOTAN_PREFIX=${WORK}/nothing")
elseif(WHICH STREQUAL "installed_older_botan")
  an_older_botan()
  a_program("0.1 REQUIRED")
  refused("NOT FOUND;Botan 3.7.1 in ${WORK}/botan is too old;CVE-2026-34582"
    ${from_prefix} "-DKEYWARDEN_BOTAN_PREFIX=${WORK}/botan")
  a_program("0.1 QUIET") # who can do without it is told the same, and goes on
  run(${from_prefix} "-DKEYWARDEN_BOTAN_PREFIX=${WORK}/botan")
  if(NOT output MATCHES "found: (0|FALSE); Botan 3.7.1 in")
    message(FATAL_ERROR "${output}")
  endif()
elseif(WHICH STREQUAL "no_range_v3")
  refused("Keywarden needs range-v3 >= 0.12, which is not here (Debian: librange-v3-dev)"
    ${from_source} -DCMAKE_DISABLE_FIND_PACKAGE_range-v3=ON)
elseif(WHICH STREQUAL "unknown_component")
  a_program("0.1 REQUIRED COMPONENTS sqlite of_another_planet")
  refused("Keywarden has no component 'of_another_planet': it has asio, sqlite, postgres, libcrypto, libssl" ${from_prefix})
  refused("Keywarden has no component 'of_another_planet': it has asio, sqlite, postgres, libcrypto, libssl, or none"
    ${from_source} -DKEYWARDEN_COMPONENTS=of_another_planet)
elseif(WHICH STREQUAL "no_libpq")
  refused("keywarden::postgres, which needs libpq >= 15 (Debian: libpq-dev): that is not here"
    ${from_source} -DKEYWARDEN_COMPONENTS=asio,postgres -DCMAKE_DISABLE_FIND_PACKAGE_PostgreSQL=ON)
elseif(WHICH STREQUAL "installed_no_libpq")
  a_program("0.1 REQUIRED COMPONENTS postgres")
  refused("NOT FOUND;keywarden::postgres needs libpq >= 15 (Debian: libpq-dev): that is not here"
    ${from_prefix} -DCMAKE_DISABLE_FIND_PACKAGE_PostgreSQL=ON)
elseif(WHICH STREQUAL "component_that_was_not_installed")
  run(${from_source} -DKEYWARDEN_COMPONENTS=none)
  set(BUILD "${WORK}/build")
  a_program("0.1 REQUIRED COMPONENTS asio")
  refused("keywarden::asio was not installed" ${from_prefix})
  if(EXISTS "${WORK}/prefix/include/keywarden/transport/asio" OR EXISTS "${WORK}/prefix/include/keywarden/store/sqlite.hpp")
    message(FATAL_ERROR "the headers of components that are not there were installed")
  endif()
elseif(WHICH STREQUAL "another_version")
  a_program("0.2 REQUIRED")
  refused("compatible with requested version \"0.2\"" ${from_prefix})
elseif(WHICH STREQUAL "pkg_config_no_libpq")
  run("${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${WORK}/prefix")
  refused("libpq" "${CMAKE_COMMAND}" -E env "PKG_CONFIG_LIBDIR=${WORK}/prefix/share/pkgconfig:${BOTAN}/lib/pkgconfig"
    "${PKG_CONFIG}" --print-errors --exists keywarden-postgres)
elseif(WHICH STREQUAL "no_exceptions")
  set(compile "${CXX}" -std=c++20 -fsyntax-only -fno-exceptions -x c++ "-I${SOURCE}/include" -isystem "${BOTAN}/include/botan-3")
  file(WRITE "${WORK}/headers.cpp" "#include <keywarden/core/random.hpp>\n")
  refused("Keywarden catches what Botan throws: compile what includes this with exceptions" ${compile} "${WORK}/headers.cpp")
  file(WRITE "${WORK}/value.cpp" "#include <keywarden/core/result.hpp>\nint f() { return keywarden::result<int>(1).value(); }\n")
  refused("value() throws, and exceptions are turned off here" ${compile} "${WORK}/value.cpp")
  file(WRITE "${WORK}/result.cpp" "#include <keywarden/core/result.hpp>\nint f() { return *keywarden::result<int>(1); }\n")
  run(${compile} "${WORK}/result.cpp")
else()
  message(FATAL_ERROR "no such case: ${WHICH}")
endif()
