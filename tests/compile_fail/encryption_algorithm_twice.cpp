// expects: each encryption algorithm is listed once
#include <keywarden/transport/encryption.hpp>

namespace transport = keywarden::transport;
using transport::algorithm;

#ifndef TWIN
using offered = transport::algorithms<algorithm::aes, algorithm::chacha20, algorithm::aes>;
#else
using offered = transport::algorithms<algorithm::aes, algorithm::chacha20>;
#endif
constexpr auto clause = offered::with(transport::presence::required);
