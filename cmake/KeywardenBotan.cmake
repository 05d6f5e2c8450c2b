# Finds Botan >= 3.13.0 and defines keywarden::botan.
#
# Looks at KEYWARDEN_BOTAN_PREFIX (a CMake or environment variable; nothing else is then tried), CMAKE_PREFIX_PATH, the
# build that tools/setup keeps in the user's cache, and the system, in this order. The version is read from the headers
# themselves, because these are what the program is compiled with. Sets keywarden_lacks to a sentence where there is none.

set(_keywarden_least_botan 3.13.0)

# Sets <out> to the version of the Botan whose headers are in <include_dir>, or to "" if there is none.
function(_keywarden_botan_version include_dir out)
  set(version "")
  set(header "${include_dir}/botan/build.h")
  if(EXISTS "${header}")
    file(STRINGS "${header}" lines REGEX "^#define BOTAN_VERSION_(MAJOR|MINOR|PATCH) [0-9]+")
    foreach(part MAJOR MINOR PATCH)
      string(REGEX REPLACE ".*BOTAN_VERSION_${part} ([0-9]+).*" "\\1" number "${lines}")
      list(APPEND version "${number}")
    endforeach()
    list(JOIN version "." version)
  endif()
  set(${out} "${version}" PARENT_SCOPE)
endfunction()

function(_keywarden_find_botan)
  if(NOT KEYWARDEN_BOTAN_PREFIX AND DEFINED ENV{KEYWARDEN_BOTAN_PREFIX})
    set(KEYWARDEN_BOTAN_PREFIX "$ENV{KEYWARDEN_BOTAN_PREFIX}")
  endif()

  if(KEYWARDEN_BOTAN_PREFIX)
    set(prefixes "${KEYWARDEN_BOTAN_PREFIX}")
  else()
    set(cache "$ENV{XDG_CACHE_HOME}")
    if(NOT cache)
      set(cache "$ENV{HOME}/.cache")
    endif()
    file(TO_CMAKE_PATH "$ENV{CMAKE_PREFIX_PATH}" from_environment)
    set(prefixes ${CMAKE_PREFIX_PATH} ${from_environment} "${cache}/keywarden/botan"
      ${CMAKE_SYSTEM_PREFIX_PATH})
  endif()

  set(too_old "")
  foreach(prefix IN LISTS prefixes)
    set(include_dir "${prefix}/include/botan-3")
    _keywarden_botan_version("${include_dir}" version)
    if(NOT version)
      continue()
    endif()
    if(version VERSION_LESS _keywarden_least_botan)
      if(NOT too_old)
        set(too_old "${version} in ${prefix}")
      endif()
      continue()
    endif()
    find_library(library NAMES botan-3 PATHS "${prefix}" NO_CACHE NO_DEFAULT_PATH
      PATH_SUFFIXES lib "lib/${CMAKE_LIBRARY_ARCHITECTURE}" lib64)
    if(library)
      message(STATUS "Botan ${version}: ${prefix}")
      add_library(keywarden::botan UNKNOWN IMPORTED)
      set_target_properties(keywarden::botan PROPERTIES
        IMPORTED_LOCATION "${library}"
        INTERFACE_INCLUDE_DIRECTORIES "${include_dir}"
        INTERFACE_LINK_LIBRARIES "Threads::Threads;${CMAKE_DL_LIBS}")
      return()
    endif()
  endforeach()

  if(too_old)
    string(CONCAT lacks "Botan ${too_old} is too old for Keywarden, which needs ${_keywarden_least_botan} because "
      "earlier ones let a client skip TLS 1.3 client authentication (CVE-2026-34582): run tools/setup to get one.")
  else()
    string(CONCAT lacks "Keywarden needs Botan >= ${_keywarden_least_botan} and found none: run tools/setup to get one, "
      "or point to yours with -DKEYWARDEN_BOTAN_PREFIX=/its/prefix.")
  endif()
  set(keywarden_lacks "${lacks}" PARENT_SCOPE)
endfunction()

set(keywarden_lacks "")
if(NOT TARGET keywarden::botan)
  _keywarden_find_botan()
endif()
