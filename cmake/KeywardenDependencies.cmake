# Everything the headers include. Also used by the installed package.

if(POLICY CMP0167)
  cmake_policy(SET CMP0167 NEW) # Boost's own package file, not CMake's old module
endif()

find_package(Threads REQUIRED)
include("${CMAKE_CURRENT_LIST_DIR}/KeywardenBotan.cmake")
find_package(Boost 1.81 REQUIRED)
find_package(range-v3 REQUIRED) # its version file refuses every version but the exact one
find_package(nlohmann_json 3.11 REQUIRED)
