/// @file
/// The byte vocabulary: owning buffers, views, and big-endian integers.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace keywarden {

/// An owning buffer of public bytes. Secrets live in `secret`, never here.
using bytes = std::vector<std::uint8_t>;

/// A view of bytes that somebody else owns, to read.
using bytes_view = std::span<const std::uint8_t>;

/// A view of bytes that somebody else owns, to write.
using mutable_bytes = std::span<std::uint8_t>;

/// The bytes of a text, without a terminator. The view lives as long as the text.
[[nodiscard]] inline bytes_view as_bytes(std::string_view text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// The text of bytes, as they are; no encoding is checked.
[[nodiscard]] inline std::string_view as_text(bytes_view data) noexcept {
  return {reinterpret_cast<const char*>(data.data()), data.size()};
}

/// A copy of a view as an owning buffer.
[[nodiscard]] inline bytes to_bytes(bytes_view data) { return {data.begin(), data.end()}; }

/// Copies bytes to the front of `out`, which has room for them and does not overlap them.
inline void copy_bytes(mutable_bytes out, bytes_view data) noexcept {
  if (!data.empty()) std::memcpy(out.data(), data.data(), data.size());
}

/// Writes `value` big-endian to the first `sizeof(Integer)` bytes of `out`.
template <std::unsigned_integral Integer>
constexpr void store_big_endian(mutable_bytes out, Integer value) noexcept {
  [&]<std::size_t... At>(std::index_sequence<At...>) {
    ((out[At] = static_cast<std::uint8_t>(value >> (8U * (sizeof(Integer) - 1 - At)))), ...);
  }
  (std::make_index_sequence<sizeof(Integer)>());
}

/// Reads a big-endian integer from the first `sizeof(Integer)` bytes of `in`.
template <std::unsigned_integral Integer>
[[nodiscard]] constexpr Integer load_big_endian(bytes_view in) noexcept {
  return [&]<std::size_t... At>(std::index_sequence<At...>) {
    return static_cast<Integer>(
        (... | (static_cast<std::uint64_t>(in[At]) << (8U * (sizeof(Integer) - 1 - At)))));
  }
  (std::make_index_sequence<sizeof(Integer)>());
}

/// Appends bytes to a buffer.
inline void append(bytes& out, bytes_view data) { out.insert(out.end(), data.begin(), data.end()); }

/// Appends an integer, big-endian.
template <std::unsigned_integral Integer>
void append_big_endian(bytes& out, Integer value) {
  const auto at = out.size();
  out.resize(at + sizeof(Integer));
  store_big_endian(mutable_bytes(out).subspan(at), value);
}

/// Appends a length (64 bits, big-endian) and then the bytes, so that two different sequences of
/// fields never make the same bytes.
inline void append_length_prefixed(bytes& out, bytes_view data) {
  append_big_endian(out, static_cast<std::uint64_t>(data.size()));
  append(out, data);
}

}  // namespace keywarden
