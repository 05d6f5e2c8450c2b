# What only those who work on Keywarden itself need: build type, warnings, compiler cache, the docs target.

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Kind of build" FORCE)
endif()

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# ccache understands precompiled headers only if it is told to overlook their time stamps.
find_program(KEYWARDEN_CCACHE ccache)
mark_as_advanced(KEYWARDEN_CCACHE)
if(KEYWARDEN_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
    "${KEYWARDEN_CCACHE}")
endif()

add_library(keywarden_warnings INTERFACE)
target_compile_options(keywarden_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<BOOL:${KEYWARDEN_CCACHE}>>:-fpch-preprocess>)

# g++ collects its garbage less often: up to a quarter less time, for a third more memory (1.4 GB a compiler at the most).
add_compile_options("$<$<COMPILE_LANG_AND_ID:CXX,GNU>:SHELL:--param ggc-min-heapsize=1048576>")

add_custom_target(docs COMMAND "${CMAKE_CURRENT_SOURCE_DIR}/tools/docs" USES_TERMINAL
  COMMENT "Building the documentation")
