# Everything the headers include. Also used by the installed package. Sets keywarden_lacks to a sentence about what is not
# here, or to nothing; whoever includes this refuses in its own way.

if(POLICY CMP0167)
  cmake_policy(SET CMP0167 NEW) # Boost's own package file, not CMake's old module
endif()

find_package(Threads QUIET)
include("${CMAKE_CURRENT_LIST_DIR}/KeywardenBotan.cmake")
if(NOT keywarden_lacks)
  find_package(Boost 1.81 QUIET)
  find_package(range-v3 QUIET) # its version file refuses every version but the exact one
  find_package(nlohmann_json 3.11 QUIET)
  if(NOT TARGET Threads::Threads)
    set(keywarden_lacks "Keywarden needs threads, and CMake found no way to link to them.")
  elseif(NOT TARGET Boost::headers)
    set(keywarden_lacks "Keywarden needs the headers of Boost >= 1.81, which are not here (Debian: libboost-dev).")
  elseif(NOT TARGET range-v3::range-v3 OR range-v3_VERSION VERSION_LESS 0.12)
    set(keywarden_lacks "Keywarden needs range-v3 >= 0.12, which is not here (Debian: librange-v3-dev).")
  elseif(NOT TARGET nlohmann_json::nlohmann_json)
    set(keywarden_lacks "Keywarden needs nlohmann-json >= 3.11, which is not here (Debian: nlohmann-json3-dev).")
  endif()
endif()
