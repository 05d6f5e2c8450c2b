/// @file
/// Reading a sealed stream at any place.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include <keywarden/core/bytes.hpp>
#include <keywarden/core/result.hpp>
#include <keywarden/core/secret.hpp>
#include <keywarden/crypto/aead.hpp>
#include <keywarden/key/byte_stream.hpp>
#include <keywarden/key/stream_format.hpp>
#include <keywarden/key/stream_segments.hpp>

namespace keywarden {

/// A sealed stream opened for reading at any place; made by `opened_stream_key::reader`.
///
/// Only the segments touched are read, and each is authenticated before a byte of it is given out.
/// The last segment is opened when the reader is made, so that `size` is authentic: truncation and
/// extension are noticed at once. What is not touched is not checked: an alteration elsewhere goes
/// unnoticed until somebody reads there, and only `opened_stream_key::open` checks a stream whole.
/// Holds the stream's key and one segment in the clear, wiped with it. Movable; one thread at a
/// time: make a reader for each thread, they may share a file.
template <random_access_source Source, crypto::aead Aead = crypto::aes256_gcm>
class stream_reader {
 public:
  /// From a derived key; programs call `opened_stream_key::reader`. Errors: as its.
  [[nodiscard]] static result<stream_reader> create(Source source, const secret_key& derived,
                                                    const nonce_prefix& prefix,
                                                    const stream::layout& places) {
    auto sealed = source.size();
    if (!sealed) return sealed.error();
    auto count = places.segments_for_sealed(*sealed);
    if (!count) return count.error();
    auto size = places.plain_size(*sealed);
    if (!size) return size.error();
    auto cipher = detail::segment_cipher<Aead>::create(derived, prefix);
    if (!cipher) return cipher.error();
    stream_reader made(std::move(source), std::move(*cipher), places, {*sealed, *size, *count});
    if (auto end = made.show(*count - 1); !end) return end.error();
    return made;
  }

  /// How many bytes of plaintext there are.
  [[nodiscard]] std::uint64_t size() const noexcept { return sizes_.plain; }

  /// Reads from a place in the plaintext; returns how many bytes: fewer than asked for only at the
  /// end, 0 at or after it. Errors: those of the source, `authentication_failed`, `reordered`, and
  /// `truncated` or `malformed` when the source changed meanwhile; `out` is then wiped.
  [[nodiscard]] result<std::size_t> read_at(std::uint64_t offset, mutable_bytes out) {
    if (offset >= sizes_.plain) return std::size_t{0};
    const auto wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), sizes_.plain - offset));
    for (std::size_t given = 0; given < wanted;) {
      const auto number = places_.segment_of(offset + given);
      if (auto shown = show(number); !shown) {
        detail::wipe(out);
        return shown.error();
      }
      const auto skip = static_cast<std::size_t>(offset + given - places_.plain_offset(number));
      const auto count = std::min(shown_size_ - skip, wanted - given);
      std::ranges::copy(buffer_.view().subspan(skip, count),
                        out.begin() + static_cast<std::ptrdiff_t>(given));
      given += count;
    }
    return wanted;
  }

 private:
  struct totals {
    std::uint64_t sealed;
    std::uint64_t plain;
    std::uint64_t segments;
  };

  stream_reader(Source source, detail::segment_cipher<Aead> cipher, const stream::layout& places,
                const totals& sizes)
      : source_(std::move(source)),
        cipher_(std::move(cipher)),
        places_(places),
        sizes_(sizes),
        shown_(sizes.segments),
        buffer_(
            static_cast<std::size_t>(std::min<std::uint64_t>(places.segment_size, sizes.sealed))) {}

  /// Makes the buffer hold this segment in the clear.
  [[nodiscard]] result<void> show(std::uint64_t number) {
    if (shown_ == number) return done();
    shown_ = sizes_.segments;  // none
    const detail::placed_segments segments(source_, detail::sealed_side{places_}, sizes_.sealed,
                                           sizes_.segments);
    const auto which = segments.at(number);
    if (auto loaded = segments.load(which, buffer_.view()); !loaded) return loaded;
    auto opened = cipher_.open(which, buffer_.view(), places_,
                               [&](mutable_bytes sealed) { return segments.load(which, sealed); });
    if (!opened) return opened.error();
    shown_ = number;
    shown_size_ = opened->size();
    return done();
  }

  Source source_;
  detail::segment_cipher<Aead> cipher_;
  stream::layout places_;
  totals sizes_;
  std::uint64_t shown_;
  std::size_t shown_size_ = 0;
  plaintext buffer_;
};

}  // namespace keywarden
