# The library: keywarden::keywarden, and one target for each component that needs something more.
#
# A component owns the headers that need it, so that a program which does not link to it cannot include them by accident
# without noticing, and so that each header is also compiled alone with just what its target promises.

include(GNUInstallDirs)

file(GLOB_RECURSE keywarden_headers CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/include/keywarden/*.hpp")
set(keywarden_targets "")

# _keywarden_interface(<name> <headers…>): an interface target that owns these headers.
function(_keywarden_interface name)
  add_library(${name} INTERFACE)
  target_compile_features(${name} INTERFACE cxx_std_20)
  target_sources(${name} INTERFACE FILE_SET HEADERS BASE_DIRS "${PROJECT_SOURCE_DIR}/include" FILES ${ARGN})
  set_target_properties(${name} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ${PROJECT_IS_TOP_LEVEL})
  list(APPEND keywarden_targets ${name})
  set(keywarden_targets "${keywarden_targets}" PARENT_SCOPE)
endfunction()

# keywarden_component(<name> HEADERS <paths or patterns below include/keywarden…> LINKS <targets…>): defines
# keywarden::<name> if any such header exists. Components are defined before the library, which takes the rest.
macro(keywarden_component name)
  cmake_parse_arguments(_component "" "" "HEADERS;LINKS" ${ARGN})
  list(TRANSFORM _component_HEADERS PREPEND "${PROJECT_SOURCE_DIR}/include/keywarden/")
  file(GLOB_RECURSE _component_found CONFIGURE_DEPENDS ${_component_HEADERS})
  if(_component_found)
    list(REMOVE_ITEM keywarden_headers ${_component_found})
    _keywarden_interface(keywarden_${name} ${_component_found})
    set_target_properties(keywarden_${name} PROPERTIES EXPORT_NAME ${name})
    target_link_libraries(keywarden_${name} INTERFACE keywarden ${_component_LINKS})
    add_library(keywarden::${name} ALIAS keywarden_${name})
  endif()
endmacro()

if(EXISTS "${PROJECT_SOURCE_DIR}/include/keywarden/store/sqlite.hpp")
  find_package(SQLite3 3.40 REQUIRED)
endif()
keywarden_component(sqlite HEADERS store/sqlite*.hpp LINKS SQLite::SQLite3)
# PostgreSQL's client library, libpq >= 15.
find_package(PostgreSQL 15 QUIET)
if(TARGET PostgreSQL::PostgreSQL)
  keywarden_component(postgres HEADERS store/postgres*.hpp store/any_postgres.hpp LINKS PostgreSQL::PostgreSQL)
else()
  message(STATUS "Without keywarden::postgres, which needs libpq >= 15")
  list(FILTER keywarden_headers EXCLUDE REGEX "/store/(any_)?postgres")
endif()
# Boost.Asio is headers only, and comes with the rest of Boost; its sockets run on threads.
keywarden_component(asio HEADERS transport/asio/*.hpp endpoint/listener.hpp LINKS Threads::Threads)
# The system's libcrypto as another provider of AEADs: OpenSSL >= 3.0, or AWS-LC (which calls itself 1.1.1).
find_package(OpenSSL QUIET COMPONENTS Crypto OPTIONAL_COMPONENTS SSL)
set(aws_lc "")
if(EXISTS "${OPENSSL_INCLUDE_DIR}/openssl/base.h")
  file(STRINGS "${OPENSSL_INCLUDE_DIR}/openssl/base.h" aws_lc REGEX "OPENSSL_IS_AWSLC")
endif()
if(TARGET OpenSSL::Crypto AND (aws_lc OR OPENSSL_VERSION VERSION_GREATER_EQUAL 3.0))
  keywarden_component(libcrypto HEADERS crypto/libcrypto/*.hpp LINKS OpenSSL::Crypto)
else()
  message(STATUS "Without keywarden::libcrypto, which needs OpenSSL >= 3.0 or AWS-LC")
  list(FILTER keywarden_headers EXCLUDE REGEX "/crypto/libcrypto/")
endif()
# The system's libssl as a second TLS engine: OpenSSL >= 3.0.
if(TARGET OpenSSL::SSL AND NOT aws_lc AND OPENSSL_VERSION VERSION_GREATER_EQUAL 3.0)
  keywarden_component(libssl HEADERS transport/libssl/*.hpp LINKS OpenSSL::SSL)
else()
  message(STATUS "Without keywarden::libssl, which needs OpenSSL >= 3.0")
  list(FILTER keywarden_headers EXCLUDE REGEX "/transport/libssl/")
endif()

_keywarden_interface(keywarden ${keywarden_headers})
target_link_libraries(keywarden INTERFACE
  keywarden::botan Boost::headers range-v3::range-v3 nlohmann_json::nlohmann_json)
add_library(keywarden::keywarden ALIAS keywarden)

if(KEYWARDEN_INSTALL)
  include(CMakePackageConfigHelpers)
  set(package_dir "${CMAKE_INSTALL_DATADIR}/cmake/keywarden") # nothing in it depends on the architecture
  write_basic_package_version_file("${PROJECT_BINARY_DIR}/keywarden-config-version.cmake"
    COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
  configure_file("${PROJECT_SOURCE_DIR}/cmake/keywarden-config.cmake.in"
    "${PROJECT_BINARY_DIR}/keywarden-config.cmake" @ONLY)
  install(TARGETS ${keywarden_targets} EXPORT keywarden FILE_SET HEADERS)
  install(EXPORT keywarden NAMESPACE keywarden:: FILE keywarden-targets.cmake DESTINATION "${package_dir}")
  install(FILES
    "${PROJECT_BINARY_DIR}/keywarden-config.cmake"
    "${PROJECT_BINARY_DIR}/keywarden-config-version.cmake"
    "${PROJECT_SOURCE_DIR}/cmake/KeywardenDependencies.cmake"
    "${PROJECT_SOURCE_DIR}/cmake/KeywardenBotan.cmake"
    DESTINATION "${package_dir}")
  include(KeywardenPkgConfig)
  if(PROJECT_IS_TOP_LEVEL)
    include(KeywardenPack)
  endif()
endif()
