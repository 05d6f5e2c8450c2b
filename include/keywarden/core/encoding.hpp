/// @file
/// Hexadecimal and Base64, strict: one spelling for each value.
#pragma once

#include <string>
#include <string_view>

#include <botan/base64.h>
#include <botan/hex.h>

#include <keywarden/core/backend.hpp>
#include <keywarden/core/bytes.hpp>
#include <keywarden/core/strong.hpp>

namespace keywarden {

/// Lower-case hexadecimal.
[[nodiscard]] inline std::string to_hex(bytes_view data) { return Botan::hex_encode(data, false); }

/// Base64 of RFC 4648 with padding.
[[nodiscard]] inline std::string to_base64(bytes_view data) { return Botan::base64_encode(data); }

/// Bytes from lower-case hexadecimal. Errors: `malformed` for anything that `to_hex` would not
/// write.
[[nodiscard]] inline result<bytes> from_hex(std::string_view text) {
  bytes made;
  auto decoded = detail::guarded("hexadecimal", [&] {
    const auto data = Botan::hex_decode(text, false);
    made.assign(data.begin(), data.end());
  });
  if (!decoded || to_hex(made) != text)
    return error(errc::malformed).with(fact::reason, "not lower-case hexadecimal");
  return made;
}

/// Bytes from Base64. Errors: `malformed` for anything that `to_base64` would not write.
[[nodiscard]] inline result<bytes> from_base64(std::string_view text) {
  bytes made;
  auto decoded = detail::guarded("Base64", [&] {
    const auto data = Botan::base64_decode(text, false);
    made.assign(data.begin(), data.end());
  });
  if (!decoded || to_base64(made) != text)
    return error(errc::malformed).with(fact::reason, "not canonical Base64");
  return made;
}

/// A fixed-size value from lower-case hexadecimal. Errors: `malformed`.
template <class Strong>
[[nodiscard]] result<Strong> strong_from_hex(std::string_view text) {
  auto data = from_hex(text);
  if (!data) return data.error();
  if (data->size() != Strong::size)
    return error(errc::malformed).with(fact::limit, Strong::size).with(fact::actual, data->size());
  return Strong(std::span<const std::uint8_t, Strong::size>(data->data(), Strong::size));
}

}  // namespace keywarden
