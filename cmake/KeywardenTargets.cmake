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
# keywarden::<name> if it is wanted and what it needs is here. Components are defined before the library, which takes the rest.
macro(keywarden_component name)
  cmake_parse_arguments(_component "" "" "HEADERS;LINKS" ${ARGN})
  list(TRANSFORM _component_HEADERS PREPEND "${PROJECT_SOURCE_DIR}/include/keywarden/")
  file(GLOB_RECURSE _component_found CONFIGURE_DEPENDS ${_component_HEADERS})
  list(REMOVE_ITEM keywarden_headers ${_component_found})
  set(_component_here FALSE)
  if(NOT keywarden_wanted OR "${name}" IN_LIST keywarden_wanted)
    keywarden_find_needs(${name} _component_here)
    if(NOT _component_here AND keywarden_wanted)
      message(FATAL_ERROR "KEYWARDEN_COMPONENTS asks for keywarden::${name}, which needs ${keywarden_needs_of_${name}}: that is not here.")
    elseif(NOT _component_here)
      message(STATUS "Without keywarden::${name}, which needs ${keywarden_needs_of_${name}}")
    endif()
  endif()
  if(_component_here)
    _keywarden_interface(keywarden_${name} ${_component_found})
    set_target_properties(keywarden_${name} PROPERTIES EXPORT_NAME ${name})
    target_link_libraries(keywarden_${name} INTERFACE keywarden ${_component_LINKS})
    add_library(keywarden::${name} ALIAS keywarden_${name})
  endif()
endmacro()

include(KeywardenComponents)
set(KEYWARDEN_COMPONENTS "" CACHE STRING "The components that there must be, and no others, separated by commas; empty: those whose needs are here")
string(REPLACE "," ";" keywarden_wanted "${KEYWARDEN_COMPONENTS}")
foreach(component IN LISTS keywarden_wanted)
  if(NOT component IN_LIST keywarden_components AND NOT component STREQUAL "none")
    list(JOIN keywarden_components ", " known)
    message(FATAL_ERROR "KEYWARDEN_COMPONENTS: Keywarden has no component '${component}': it has ${known}, or none.")
  endif()
endforeach()

keywarden_component(sqlite HEADERS store/sqlite*.hpp LINKS SQLite::SQLite3)
keywarden_component(postgres HEADERS store/postgres*.hpp store/any_postgres.hpp LINKS PostgreSQL::PostgreSQL)
keywarden_component(asio HEADERS transport/asio/*.hpp endpoint/listener.hpp LINKS Threads::Threads)
keywarden_component(libcrypto HEADERS crypto/libcrypto/*.hpp LINKS OpenSSL::Crypto)
keywarden_component(libssl HEADERS transport/libssl/*.hpp LINKS OpenSSL::SSL)
if((KEYWARDEN_BUILD_TESTS OR KEYWARDEN_BUILD_EXAMPLES) AND NOT (TARGET keywarden_sqlite AND TARGET keywarden_asio))
  message(FATAL_ERROR "The tests and examples are built with keywarden::sqlite, which needs ${keywarden_needs_of_sqlite}, and "
    "keywarden::asio: -DKEYWARDEN_BUILD_TESTS=OFF -DKEYWARDEN_BUILD_EXAMPLES=OFF does without.")
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
    "${PROJECT_SOURCE_DIR}/cmake/KeywardenComponents.cmake"
    DESTINATION "${package_dir}")
  include(KeywardenPkgConfig)
  if(PROJECT_IS_TOP_LEVEL)
    include(KeywardenPack)
  endif()
endif()
