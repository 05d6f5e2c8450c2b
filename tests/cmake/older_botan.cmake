# Configures Keywarden against a prefix that claims to hold Botan 3.7.1 and expects one sentence that says why not.

file(REMOVE_RECURSE "${WORK}")
file(WRITE "${WORK}/botan/include/botan-3/botan/build.h"
  "#define BOTAN_VERSION_MAJOR 3\n#define BOTAN_VERSION_MINOR 7\n#define BOTAN_VERSION_PATCH 1\n")
file(WRITE "${WORK}/botan/lib/libbotan-3.a" "")

execute_process(
  COMMAND "${CMAKE_COMMAND}" -S "${SOURCE}" -B "${WORK}/build" -G "${GENERATOR}"
    "-DCMAKE_CXX_COMPILER=${CXX}" "-DKEYWARDEN_BOTAN_PREFIX=${WORK}/botan"
  RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE message)

string(REGEX REPLACE "[ \n]+" " " message "${message}")
if(code EQUAL 0)
  message(FATAL_ERROR "Botan 3.7.1 was accepted")
endif()
foreach(words "Botan 3.7.1 in ${WORK}/botan is too old" "CVE-2026-34582" "run tools/setup")
  string(FIND "${message}" "${words}" position)
  if(position EQUAL -1)
    message(FATAL_ERROR "Refused without the words '${words}':\n${message}")
  endif()
endforeach()
