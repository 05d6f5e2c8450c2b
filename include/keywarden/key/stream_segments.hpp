/// @file
/// The segments of a sealed stream: how they are fetched, sealed and opened, one at a time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <keywarden/core/bytes.hpp>
#include <keywarden/core/result.hpp>
#include <keywarden/core/secret.hpp>
#include <keywarden/crypto/aead.hpp>
#include <keywarden/key/byte_stream.hpp>
#include <keywarden/key/stream_format.hpp>

namespace keywarden::detail {

/// Which segment a buffer holds: `size` bytes of it, sealed or plain.
struct segment {
  std::uint64_t number;
  std::size_t size;
  bool last;
};

/// The sizes and places of segments on the plaintext's side, and on the stream's side.
struct plain_side {
  stream::layout places;
  [[nodiscard]] std::size_t size_at(std::uint64_t number) const noexcept {
    return places.plain_at(number);
  }
  [[nodiscard]] std::uint64_t offset(std::uint64_t number) const noexcept {
    return places.plain_offset(number);
  }
};
struct sealed_side {
  stream::layout places;
  [[nodiscard]] std::size_t size_at(std::uint64_t number) const noexcept {
    return places.sealed_at(number);
  }
  [[nodiscard]] std::uint64_t offset(std::uint64_t number) const noexcept {
    return places.sealed_offset(number);
  }
};

/// Segments read in order. One byte is read ahead, since only the source's end tells which segment
/// is the last.
template <byte_source Source, class Side>
class ordered_segments {
 public:
  static constexpr bool rereads = false;

  ordered_segments(Source& source, Side side) : source_(source), side_(side) {}

  /// The next segment, into a buffer one byte larger than it. One thread at a time; not after the
  /// last one.
  [[nodiscard]] result<segment> take(mutable_bytes buffer) {
    if (held_) {
      std::ranges::copy(held_bytes_.view(), buffer.begin());
      return *std::exchange(held_, std::nullopt);
    }
    const auto whole = side_.size_at(next_);
    const auto carried = carry_.size();
    std::ranges::copy(carry_.view(), buffer.begin());
    auto filled = read_fully(source_, buffer.subspan(carried, whole + 1 - carried));
    if (!filled) return filled.error();
    const auto size = carried + *filled;
    const bool last = size <= whole;
    carry_ = last ? plaintext() : plaintext::copy_of(buffer.subspan(whole, 1));
    return segment{next_++, last ? size : whole, last};
  }

  /// The first segment, which `take` will give again.
  [[nodiscard]] result<segment> peek(mutable_bytes buffer) {
    auto first = take(buffer);
    if (!first) return first;
    held_ = *first;
    held_bytes_ = plaintext::copy_of(buffer.first(first->size));
    return first;
  }

  [[nodiscard]] result<void> load(const segment& /*which*/, mutable_bytes /*buffer*/) const {
    return done();
  }

 private:
  Source& source_;
  Side side_;
  std::uint64_t next_ = 0;
  plaintext carry_;
  std::optional<segment> held_;
  plaintext held_bytes_;
};

/// Segments of a source of known size, which each thread reads for itself.
template <random_access_source Source, class Side>
class placed_segments {
 public:
  static constexpr bool rereads = true;

  placed_segments(const Source& source, Side side, std::uint64_t size, std::uint64_t count)
      : source_(source), side_(side), size_(size), count_(count) {}

  [[nodiscard]] segment at(std::uint64_t number) const noexcept {
    const bool last = number + 1 == count_;
    const auto size =
        last ? static_cast<std::size_t>(size_ - side_.offset(number)) : side_.size_at(number);
    return {number, size, last};
  }
  [[nodiscard]] result<segment> take(mutable_bytes /*buffer*/) { return at(next_++); }
  [[nodiscard]] result<segment> peek(mutable_bytes buffer) const {
    const auto first = at(0);
    if (auto loaded = load(first, buffer); !loaded) return loaded.error();
    return first;
  }
  /// Reads the segment. Any number of threads.
  [[nodiscard]] result<void> load(const segment& which, mutable_bytes buffer) const {
    return read_exactly_at(source_, side_.offset(which.number), buffer.first(which.size));
  }

 private:
  const Source& source_;
  Side side_;
  std::uint64_t size_;
  std::uint64_t count_;
  std::uint64_t next_ = 0;
};

/// A stream's key, keyed once for one thread.
template <crypto::aead Aead>
class segment_cipher {
 public:
  /// How far from its place a segment is looked for when it does not open there.
  static constexpr std::uint64_t reach = 8;

  [[nodiscard]] static result<segment_cipher> create(const secret_key& derived,
                                                     const nonce_prefix& prefix) {
    auto context = Aead::context::create(derived);
    if (!context) return context.error();
    return segment_cipher(std::move(*context), prefix);
  }

  /// Seals a segment in place; the tag goes behind it. Errors: `limit_exceeded`, `backend_failed`.
  [[nodiscard]] result<bytes_view> seal(const segment& which, mutable_bytes buffer) {
    auto once = stream::segment_nonce(prefix_, which.number, which.last);
    if (!once) return once.error();
    crypto::tag tag;
    if (auto sealed = context_.seal(*once, {}, buffer.first(which.size), tag); !sealed)
      return sealed.error();
    std::ranges::copy(tag.view(), buffer.begin() + static_cast<std::ptrdiff_t>(which.size));
    return bytes_view(buffer.first(which.size + crypto::tag::size));
  }

  /// Opens a segment in place. When it does not open, the bytes that `restore` brings back are
  /// looked at again to tell why. Errors: `truncated`, `malformed`, `reordered`,
  /// `authentication_failed`, `limit_exceeded`; the buffer is then wiped.
  template <class Restore>
  [[nodiscard]] result<bytes_view> open(const segment& which, mutable_bytes buffer,
                                        const stream::layout& places, const Restore& restore) {
    if (which.size < crypto::tag::size)
      return described(errc::truncated, which, "the last segment is shorter than its tag");
    const auto sealed = buffer.first(which.size);
    auto opened = open_as(which.number, which.last, sealed);
    if (opened) return bytes_view(sealed.first(which.size - crypto::tag::size));
    if (opened.error() != errc::authentication_failed) return opened.error();
    auto why = explain(which, sealed, places, restore);
    wipe(sealed);
    return why;
  }

  /// Whether the bytes open as this segment; overwrites them.
  [[nodiscard]] result<void> open_as(std::uint64_t number, bool last, mutable_bytes sealed) {
    auto once = stream::segment_nonce(prefix_, number, last);
    if (!once) return once.error();
    const crypto::tag tag(sealed.last<crypto::tag::size>());
    return context_.open(*once, {}, sealed.first(sealed.size() - crypto::tag::size), tag);
  }

 private:
  segment_cipher(typename Aead::context context, const nonce_prefix& prefix)
      : context_(std::move(context)), prefix_(prefix) {}

  template <class Restore>
  [[nodiscard]] error explain(const segment& which, mutable_bytes sealed,
                              const stream::layout& places, const Restore& restore) {
    const bool whole = which.size == places.sealed_at(which.number);
    const auto opens_as = [&](std::uint64_t number, bool last) {
      if (!last && !whole) return false;  // only the last segment may be short
      return restore(sealed).has_value() && open_as(number, last, sealed).has_value();
    };
    if (opens_as(which.number, !which.last))
      return which.last ? described(errc::truncated, which, "segments are missing at the end")
                        : described(errc::malformed, which, "data follows the last segment");
    for (std::uint64_t distance = 1; which.number > 0 && distance <= reach; ++distance)
      for (const bool last : {false, true})
        if ((distance < which.number && opens_as(which.number - distance, last)) ||
            opens_as(which.number + distance, last))
          return described(errc::reordered, which, "another segment is in its place");
    return described(errc::authentication_failed, which,
                     "altered or cut short, or another key or context");
  }

  static error described(errc code, const segment& which, std::string_view reason) {
    return error(code)
        .with(fact::operation, "opening segment " + std::to_string(which.number))
        .with(fact::reason, reason);
  }

  typename Aead::context context_;
  nonce_prefix prefix_;
};

/// What one thread needs to seal segments.
template <crypto::aead Aead>
class seal_lane {
 public:
  seal_lane(segment_cipher<Aead> cipher, std::size_t largest)
      : cipher_(std::move(cipher)), buffer_(largest + crypto::tag::size) {}

  [[nodiscard]] mutable_bytes buffer() noexcept { return buffer_.view(); }
  template <class Segments>
  [[nodiscard]] result<bytes_view> process(const segment& which, const Segments& segments) {
    if (auto loaded = segments.load(which, buffer_.view()); !loaded) return loaded.error();
    return cipher_.seal(which, buffer_.view());
  }
  [[nodiscard]] static std::size_t plain_size(const segment& which, bytes_view /*made*/) noexcept {
    return which.size;
  }

 private:
  segment_cipher<Aead> cipher_;
  plaintext buffer_;
};

/// What one thread needs to open segments. Where the source cannot be read again, it keeps a copy
/// of the sealed segment, so that a refusal can be explained.
template <crypto::aead Aead>
class open_lane {
 public:
  open_lane(segment_cipher<Aead> cipher, std::size_t largest, const stream::layout& places)
      : cipher_(std::move(cipher)), places_(places), buffer_(largest) {}

  [[nodiscard]] mutable_bytes buffer() noexcept { return buffer_.view(); }
  template <class Segments>
  [[nodiscard]] result<bytes_view> process(const segment& which, const Segments& segments) {
    if (auto loaded = segments.load(which, buffer_.view()); !loaded) return loaded.error();
    if constexpr (!Segments::rereads) {
      copy_.resize(buffer_.size());
      if (which.size > 0) std::memcpy(copy_.data(), buffer_.view().data(), which.size);
    }
    return cipher_.open(which, buffer_.view(), places_, [&](mutable_bytes sealed) -> result<void> {
      if constexpr (Segments::rereads) return segments.load(which, sealed);
      std::ranges::copy(bytes_view(copy_).first(sealed.size()), sealed.begin());
      return done();
    });
  }
  [[nodiscard]] static std::size_t plain_size(const segment& /*which*/, bytes_view made) noexcept {
    return made.size();
  }

 private:
  segment_cipher<Aead> cipher_;
  stream::layout places_;
  plaintext buffer_;
  bytes copy_;
};

}  // namespace keywarden::detail
