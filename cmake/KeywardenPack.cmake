# "cpack -G DEB" in the build folder makes keywarden-dev, for all architectures.

set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON) # headers need no building
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME keywarden)
# Whoever gives the package to others names who answers for it. ".invalid" is nobody's (RFC 2606).
set(CPACK_PACKAGE_CONTACT "Keywarden maintainers <maintainers@keywarden.invalid>" CACHE STRING "Maintainer of the Debian package")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGE_DESCRIPTION 
  "Header-only C++20 library for sealed keys and data, and for servers\nthat authenticate each other.")
set(CPACK_RESOURCE_FILE_LICENSE "${PROJECT_SOURCE_DIR}/LICENSE")
set(CPACK_DEBIAN_PACKAGE_NAME keywarden-dev)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_PACKAGE_DEPENDS
  "libboost1.81-dev | libboost-dev (>= 1.81), librange-v3-dev, nlohmann-json3-dev (>= 3.11)")
set(recommended "libsqlite3-dev (>= 3.40)")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "libssl-dev (>= 3.0), libpq-dev (>= 15)")
# A Botan from elsewhere than the system's packages cannot be depended upon by name.
get_target_property(botan_library keywarden::botan IMPORTED_LOCATION)
if(botan_library MATCHES "^/usr/lib/")
  string(APPEND CPACK_DEBIAN_PACKAGE_DEPENDS ", libbotan-3-dev (>= 3.13.0)")
else()
  string(PREPEND recommended "libbotan-3-dev (>= 3.13.0), ")
endif()
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "${recommended}")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/keywarden-dev" RENAME copyright)
include(CPack)
