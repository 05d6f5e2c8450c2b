// expects: RC4 is broken and prohibited (RFC 7465): list AES or CHACHA20
#include <keywarden/transport/encryption.hpp>

namespace transport = keywarden::transport;
using transport::algorithm;

#ifndef TWIN
using offered = transport::algorithms<algorithm::aes, algorithm::rc4>;
#else
using offered = transport::algorithms<algorithm::aes, algorithm::chacha20>;
#endif
constexpr auto clause = offered::with(transport::presence::required);
