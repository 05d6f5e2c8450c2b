# The components, and what each needs beside the library. Also used by the installed package.

set(keywarden_components asio sqlite postgres libcrypto libssl)

set(keywarden_needs_of_asio "threads")
set(keywarden_needs_of_sqlite "SQLite >= 3.40 (Debian: libsqlite3-dev)")
set(keywarden_needs_of_postgres "libpq >= 15 (Debian: libpq-dev)")
set(keywarden_needs_of_libcrypto "OpenSSL >= 3.0 or AWS-LC (Debian: libssl-dev)")
set(keywarden_needs_of_libssl "OpenSSL >= 3.0 (Debian: libssl-dev)")

# keywarden_find_needs(<component> <variable>): looks for what it needs, and says whether that is here.
function(keywarden_find_needs component out)
  set(here FALSE)
  if(component STREQUAL "asio") # Boost.Asio is headers only, and comes with the rest of Boost; its sockets run on threads
    set(here TRUE)
  elseif(component STREQUAL "sqlite")
    find_package(SQLite3 3.40 QUIET)
    if(TARGET SQLite::SQLite3)
      set(here TRUE)
    endif()
  elseif(component STREQUAL "postgres") # PostgreSQL's client library
    find_package(PostgreSQL 15 QUIET)
    if(TARGET PostgreSQL::PostgreSQL)
      set(here TRUE)
    endif()
  elseif(component MATCHES "^lib(crypto|ssl)$")
    # The system's libcrypto as another provider of AEADs, its libssl as a second TLS engine. AWS-LC calls itself 1.1.1.
    find_package(OpenSSL QUIET COMPONENTS Crypto OPTIONAL_COMPONENTS SSL)
    set(aws_lc "")
    if(EXISTS "${OPENSSL_INCLUDE_DIR}/openssl/base.h")
      file(STRINGS "${OPENSSL_INCLUDE_DIR}/openssl/base.h" aws_lc REGEX "OPENSSL_IS_AWSLC")
    endif()
    if(OPENSSL_VERSION VERSION_GREATER_EQUAL 3.0 AND NOT aws_lc)
      if((component STREQUAL "libcrypto" AND TARGET OpenSSL::Crypto) OR (component STREQUAL "libssl" AND TARGET OpenSSL::SSL))
        set(here TRUE)
      endif()
    elseif(aws_lc AND component STREQUAL "libcrypto" AND TARGET OpenSSL::Crypto)
      set(here TRUE)
    endif()
  endif()
  set(${out} ${here} PARENT_SCOPE)
endfunction()
