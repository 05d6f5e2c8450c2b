/// @file
/// Where streams of bytes come from and go to: the concepts, and their models in memory.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <type_traits>

#include <keywarden/core/bytes.hpp>
#include <keywarden/core/result.hpp>

namespace keywarden {

/// A concept matching what bytes are read from, in order. Satisfied by `fd_source`, `file_source`,
/// `memory_source`.
///
/// `read` writes at least one byte to the front of a span that is not empty and returns how many; 0
/// means the end. It may give less than was asked for (a pipe does).
template <class T>
concept byte_source = requires(T& source, mutable_bytes out) {
  { source.read(out) } -> std::same_as<result<std::size_t>>;
};

/// A concept matching what bytes are written to, in order. Satisfied by `fd_sink`,
/// `direct_file_sink`, `bytes_sink`, `span_sink`.
///
/// `write` takes all of the bytes or fails.
template <class T>
concept byte_sink = requires(T& sink, bytes_view data) {
  { sink.write(data) } -> std::same_as<result<void>>;
};

/// A concept matching what is read at any place. Satisfied by `file_source`, `memory_source`.
///
/// `size` is how many bytes there are and does not change meanwhile; `read_at` is `byte_source`'s
/// `read` from that offset. Several threads may call both at once.
template <class T>
concept random_access_source = requires(const T& source, std::uint64_t offset, mutable_bytes out) {
  { source.size() } -> std::same_as<result<std::uint64_t>>;
  { source.read_at(offset, out) } -> std::same_as<result<std::size_t>>;
};

/// A concept matching either kind of source.
template <class T>
concept any_source = byte_source<T> || random_access_source<T>;

/// Bytes in memory that somebody else owns, to read. One thread at a time for `read`; any for the
/// rest.
class memory_source {
 public:
  explicit memory_source(bytes_view data) noexcept : data_(data) {}

  /// As `byte_source`: the next bytes; none at the end.
  [[nodiscard]] result<std::size_t> read(mutable_bytes out) noexcept {
    auto taken = read_at(next_, out);
    next_ += *taken;
    return taken;
  }
  [[nodiscard]] result<std::uint64_t> size() const noexcept { return std::uint64_t{data_.size()}; }
  /// As `random_access_source`.
  [[nodiscard]] result<std::size_t> read_at(std::uint64_t offset,
                                            mutable_bytes out) const noexcept {
    if (offset >= data_.size()) return std::size_t{0};
    const auto from = data_.subspan(static_cast<std::size_t>(offset));
    const auto count = std::min(from.size(), out.size());
    std::ranges::copy(from.first(count), out.begin());
    return count;
  }

 private:
  bytes_view data_;
  std::size_t next_ = 0;
};

/// Appends to a buffer that somebody else owns, without a limit and without wiping: for sealed
/// bytes, and for plaintext that needs no protection in memory.
class bytes_sink {
 public:
  explicit bytes_sink(bytes& out) noexcept : out_(&out) {}

  /// As `byte_sink`: appends all of it.
  [[nodiscard]] result<void> write(bytes_view data) {
    append(*out_, data);
    return done();
  }

 private:
  bytes* out_;
};

/// Fills a span that somebody else owns, such as the view of a `plaintext`.
class span_sink {
 public:
  explicit span_sink(mutable_bytes out) noexcept : out_(out) {}

  /// Errors: `buffer_too_small`; nothing of `data` is then written.
  [[nodiscard]] result<void> write(bytes_view data) {
    if (data.size() > out_.size() - written_)
      return error(errc::buffer_too_small)
          .with(fact::limit, out_.size())
          .with(fact::actual, written_ + data.size());
    std::ranges::copy(data, out_.begin() + static_cast<std::ptrdiff_t>(written_));
    written_ += data.size();
    return done();
  }

  /// How many bytes have been written.
  [[nodiscard]] std::size_t size() const noexcept { return written_; }

 private:
  mutable_bytes out_;
  std::size_t written_ = 0;
};

static_assert(byte_source<memory_source> && random_access_source<memory_source>);
static_assert(byte_sink<bytes_sink> && byte_sink<span_sink>);

namespace detail {

/// Reads until the span is full or the source ends. Errors: those of the source.
template <byte_source Source>
[[nodiscard]] result<std::size_t> read_fully(Source& source, mutable_bytes out) {
  std::size_t filled = 0;
  while (filled < out.size()) {
    auto count = source.read(out.subspan(filled));
    if (!count) return count.error();
    if (*count == 0) break;
    filled += *count;
  }
  return filled;
}

/// Fills the span from an offset. Errors: those of the source; `io_failed` when it ends before its
/// size.
template <random_access_source Source>
[[nodiscard]] result<void> read_exactly_at(const Source& source, std::uint64_t offset,
                                           mutable_bytes out) {
  while (!out.empty()) {
    auto count = source.read_at(offset, out);
    if (!count) return count.error();
    if (*count == 0)
      return error(errc::io_failed)
          .with(fact::reason, "the source became shorter while it was read");
    offset += *count;
    out = out.subspan(*count);
  }
  return done();
}

}  // namespace detail
}  // namespace keywarden
