/// @file
/// What the benchmarks share: the sizes, the buffers, and a key to measure with.
#pragma once

#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <string_view>

#include <keywarden/core/bytes.hpp>
#include <keywarden/core/clock.hpp>
#include <keywarden/key/opened_key.hpp>

namespace keywarden::bench {

struct measured {
  static constexpr std::string_view name = "benchmark";
};

/// The associated data of every message, ours and the peers'.
inline constexpr std::size_t associated_size = 24;

/// The sizes of messages, from 16 bytes to 16 MiB.
inline void message_sizes(benchmark::internal::Benchmark* each) {
  for (const std::int64_t size :
       {16, 64, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 1 << 20, 16 << 20})
    each->Arg(size);
}

/// Whether the long runs were asked for (`tools/bench --full`).
inline bool full_run() { return std::getenv("KEYWARDEN_BENCH_FULL") != nullptr; }

inline void count_bytes(benchmark::State& state, std::int64_t each) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * each);
}

/// The caller's buffer: after `before` bytes the message begins, at the start of a cache line,
/// whosever turn it is; `after` bytes follow it.
class message_buffer {
 public:
  message_buffer(std::size_t before, std::size_t size, std::size_t after)
      : skipped_((line - before % line) % line),
        before_(before),
        size_(size),
        after_(after),
        memory_(static_cast<std::uint8_t*>(
            ::operator new (skipped_ + before + size + after, std::align_val_t{line}))) {
    std::fill_n(memory_.get(), skipped_ + before + size + after, std::uint8_t{0x5a});
  }

  [[nodiscard]] mutable_bytes all() const {
    return {memory_.get() + skipped_, before_ + size_ + after_};
  }
  [[nodiscard]] mutable_bytes message() const { return all().subspan(before_, size_); }

 private:
  static constexpr std::size_t line = 64;
  struct release {
    void operator()(std::uint8_t* memory) const {
      ::operator delete (memory, std::align_val_t{line});
    }
  };
  std::size_t skipped_;
  std::size_t before_;
  std::size_t size_;
  std::size_t after_;
  std::unique_ptr<std::uint8_t, release> memory_;
};

/// Associated data that say whose a message is, as a table's rows do: other ones for each message,
/// so that nobody finds again what was done for the one before.
class row_numbers {
 public:
  explicit row_numbers(std::size_t more = 0) : data_(associated_size + more, 0x01) {}
  [[nodiscard]] bytes_view operator()() {
    ++row_;
    std::memcpy(data_.data(), &row_, sizeof(row_));
    return data_;
  }

 private:
  bytes data_;
  std::uint64_t row_ = 0;
};

/// A fresh key, opened; the budget is not what is measured.
template <class Aead>
opened_key<measured, Aead> opened() {
  const auto ring = key_ring::create(system_clock::now()).value();
  return opened_key<measured, Aead>::create(ring, std::make_unique<seal_budget>(~std::uint64_t{0}))
      .value();
}

}  // namespace keywarden::bench
