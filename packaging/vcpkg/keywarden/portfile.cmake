# An overlay port: it takes the source that it lies in. In a registry, vcpkg_from_github(…) sets SOURCE_PATH instead.
set(VCPKG_BUILD_TYPE release) # headers alone
get_filename_component(SOURCE_PATH "${CURRENT_PORT_DIR}/../../.." ABSOLUTE)

set(components asio)
foreach(feature IN ITEMS sqlite postgres)
  if(feature IN_LIST FEATURES)
    list(APPEND components ${feature})
  endif()
endforeach()
if("openssl" IN_LIST FEATURES)
  list(APPEND components libcrypto libssl)
endif()
list(JOIN components "," components)

vcpkg_cmake_configure(SOURCE_PATH "${SOURCE_PATH}"
  OPTIONS
    -DKEYWARDEN_BUILD_TESTS=OFF
    -DKEYWARDEN_BUILD_EXAMPLES=OFF
    -DKEYWARDEN_INSTALL=ON
    "-DKEYWARDEN_COMPONENTS=${components}")
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH share/cmake/keywarden)
vcpkg_fixup_pkgconfig()

file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/debug" "${CURRENT_PACKAGES_DIR}/lib" "${CURRENT_PACKAGES_DIR}/share/doc")
file(INSTALL "${CURRENT_PORT_DIR}/usage" DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
