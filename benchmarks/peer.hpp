/// @file
/// How a peer of `seal_bench.cpp` is measured: the same sizes, buffers and associated data.
#pragma once

#include <array>
#include <cstring>

#include "support.hpp"

namespace keywarden::bench {

using nonce_bytes = std::array<std::uint8_t, 12>;
inline constexpr std::size_t tag_size = 16;

/// A nonce that is never the same twice and costs nothing.
class counter {
 public:
  bool operator()(mutable_bytes out) {
    ++count_;
    std::memcpy(out.data(), &count_, sizeof(count_));
    return true;
  }

 private:
  std::uint64_t count_ = 0;
};

/// What Keywarden's own form authenticates besides the caller's associated data.
inline constexpr std::size_t header_size = 14;

/// Seals one message over and over: `cipher.seal(nonce, associated, message in place, tag)`.
template <class Cipher, class Nonces, std::size_t More = 0>
void seal_by(benchmark::State& state) {
  Cipher cipher;
  if (!cipher.available()) return state.SkipWithError("not available on this processor");
  Nonces nonces;
  row_numbers associated(More);
  const message_buffer buffer(sizeof(nonce_bytes), static_cast<std::size_t>(state.range(0)),
                              tag_size);
  const auto all = buffer.all();
  for (auto _ : state) {
    if (!nonces(all.first(sizeof(nonce_bytes)))) return state.SkipWithError("no randomness");
    if (!cipher.seal(all.data(), associated(), buffer.message(), all.last(tag_size).data()))
      return state.SkipWithError("refused");
    benchmark::ClobberMemory();
  }
  count_bytes(state, state.range(0));
}

/// Opens two messages in turns, from where they stay.
template <class Cipher>
void open_by(benchmark::State& state) {
  Cipher cipher;
  if (!cipher.available()) return state.SkipWithError("not available on this processor");
  row_numbers rows;
  const std::array<bytes, 2> associated{to_bytes(rows()), to_bytes(rows())};
  const auto size = static_cast<std::size_t>(state.range(0));
  const std::array<message_buffer, 2> sealed{message_buffer(sizeof(nonce_bytes), size, tag_size),
                                             message_buffer(sizeof(nonce_bytes), size, tag_size)};
  const message_buffer out(0, size, 0);
  for (std::size_t i = 0; i < sealed.size(); ++i)
    if (!cipher.seal(sealed[i].all().data(), associated[i], sealed[i].message(),
                     sealed[i].all().last(tag_size).data()))
      return state.SkipWithError("refused");
  std::size_t next = 0;
  for (auto _ : state) {
    next ^= 1U;
    const auto all = sealed[next].all();
    if (!cipher.open(all.data(), associated[next], sealed[next].message(),
                     all.last(tag_size).data(), out.all()))
      return state.SkipWithError("refused");
    benchmark::ClobberMemory();
  }
  count_bytes(state, state.range(0));
}

inline void add_peer(const std::string& name, void (*run)(benchmark::State&)) {
  benchmark::RegisterBenchmark(name.c_str(), run)->Apply(message_sizes);
}

}  // namespace keywarden::bench
