/// @file
/// How sealed streams look: the native header and Tink's, the places of segments, and their nonces.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <string_view>

#include <keywarden/core/bytes.hpp>
#include <keywarden/core/result.hpp>
#include <keywarden/core/secret.hpp>
#include <keywarden/core/strong.hpp>
#include <keywarden/crypto/aead.hpp>
#include <keywarden/crypto/kdf.hpp>

namespace keywarden {

/// The salt from which a stream's own key is derived: random, new for each stream.
using stream_salt = strong_bytes<32, struct stream_salt_tag>;

/// The first seven bytes of the nonce of each of a stream's segments.
using nonce_prefix = strong_bytes<7, struct nonce_prefix_tag>;

/// What a stream's header says. `key` and `committed` stay zero in a form that does not hold them.
struct stream_header {
  /// Which version sealed it.
  key_id key;
  /// Bytes per sealed segment.
  std::uint32_t segment_size = 0;
  /// Tells the right stream key from a wrong one.
  commitment committed;
  /// Makes the stream's key its own.
  stream_salt salt;
  /// The beginning of every segment's nonce.
  nonce_prefix prefix;
};

/// A concept matching layouts of stream headers. Satisfied by `stream::native`, `stream::tink`.
///
/// `names_key`: whether the header holds the key id, the segment size and the commitment; where it
/// does not, opening tries the ring's versions on the first segment and takes the segment size from
/// the options. `read_header` is given `header_size` bytes; `input_key` makes the key that the
/// stream's key is derived from out of the purpose's subkey; `derivation_info` appends HKDF's info
/// to a buffer.
template <class T>
concept stream_form = requires(mutable_bytes out, bytes_view in, const stream_header& header,
                               crypto::suite suite, const secret_key& key, bytes& info) {
  { T::name } -> std::convertible_to<std::string_view>;
  { T::header_size } -> std::convertible_to<std::size_t>;
  { T::names_key } -> std::convertible_to<bool>;
  { T::allows(suite) } -> std::same_as<bool>;
  { T::write_header(out, header, suite) } -> std::same_as<void>;
  { T::read_header(in, suite) } -> std::same_as<result<stream_header>>;
  { T::input_key(key) } -> std::same_as<result<secret_key>>;
  { T::derivation_info(info, header, suite, in) } -> std::same_as<void>;
};

/// The layouts of sealed streams, and their limits.
namespace stream {

/// 1 MiB: what streams have unless somebody says otherwise.
inline constexpr std::uint32_t default_segment_size = std::uint32_t{1} << 20U;
/// 4 KiB: smaller ones are refused, because their tags would outweigh them.
inline constexpr std::uint32_t least_segment_size = std::uint32_t{1} << 12U;
/// 16 MiB: larger ones are refused before memory is taken.
inline constexpr std::uint32_t largest_segment_size = std::uint32_t{1} << 24U;

/// A segment's number has 32 bits.
inline constexpr std::uint64_t max_segments = std::uint64_t{1} << 32U;

/// Errors: `limit_exceeded` outside `least_segment_size` … `largest_segment_size`.
[[nodiscard]] inline result<void> check_segment_size(std::uint32_t size) {
  if (size < least_segment_size || size > largest_segment_size)
    return error(errc::limit_exceeded)
        .with(fact::reason, "segment size")
        .with(fact::limit, size < least_segment_size ? least_segment_size : largest_segment_size)
        .with(fact::actual, size);
  return done();
}

/// Tink's raw AES256-GCM-HKDF streaming form with SHA-256 and 32-byte derived keys:
/// `40 | salt 32 | nonce prefix 7`, then the segments. For programs that share streams with Tink in
/// other languages; the key exported to Tink is the purpose's subkey, and HKDF's info is the
/// associated data.
///
/// It does not name its key, its suite or its segment size (Tink's templates use 4 KiB and 1 MiB),
/// and does not commit to its key.
struct tink {
  static constexpr std::string_view name = "tink-aes256-gcm-hkdf";
  /// How long Tink's header is, in bytes; it begins with this number.
  static constexpr std::uint8_t length = 1 + stream_salt::size + nonce_prefix::size;
  static constexpr std::size_t header_size = length;
  /// The header does not say which version sealed: each is tried.
  static constexpr bool names_key = false;

  [[nodiscard]] static constexpr bool allows(crypto::suite suite) noexcept {
    return suite == crypto::suite::aes256_gcm;
  }

  /// Writes the whole header.
  static void write_header(mutable_bytes out, const stream_header& header,
                           crypto::suite /*suite*/) noexcept {
    out[0] = length;
    std::ranges::copy(header.salt.view(), out.begin() + 1);
    std::ranges::copy(header.prefix.view(), out.begin() + 1 + stream_salt::size);
  }

  /// Errors: `malformed` when the length byte is not 40.
  [[nodiscard]] static result<stream_header> read_header(bytes_view in, crypto::suite /*suite*/) {
    if (in[0] != length)
      return error(errc::malformed)
          .with(fact::reason, "length of the stream's header")
          .with(fact::limit, length)
          .with(fact::actual, in[0]);
    stream_header header;
    header.salt = stream_salt(in.subspan<1, stream_salt::size>());
    header.prefix = nonce_prefix(in.subspan<1 + stream_salt::size, nonce_prefix::size>());
    return header;
  }

  /// The key that the stream's is derived from: the purpose's own.
  [[nodiscard]] static result<secret_key> input_key(const secret_key& purpose) {
    return purpose.duplicate();
  }

  /// What the stream's key is bound to: the associated data as it is.
  static void derivation_info(bytes& info, const stream_header& /*header*/, crypto::suite /*suite*/,
                              bytes_view associated_data) {
    append(info, associated_data);
  }
};

/// Keywarden's own: `0x53 | suite u8 | key id u32 big-endian | segment size u32 big-endian |
/// commitment 32`, and then Tink's header and segments, the first segment shorter by both headers,
/// so that segment i begins at i times the segment size.
///
/// The stream's key is HKDF-SHA-256 of HKDF(purpose's subkey, "keywarden/1/stream") with the salt,
/// and with `length u64 | the ten bytes before the commitment | length u64 | associated data` as
/// info. The commitment is HKDF(stream's key, "keywarden/1/stream/commitment"): a stream opens
/// under one key only, and a wrong key, wrong associated data or an altered header is noticed
/// before any segment is read.
struct native {
  static constexpr std::string_view name = "keywarden/1/stream";
  static constexpr std::uint8_t version = 0x53;
  /// The first bytes of the header, which the stream's key is bound to.
  static constexpr std::size_t bound_size = 1 + 1 + 4 + 4;
  /// What stands before Tink's header, in bytes.
  static constexpr std::size_t outer_size = bound_size + commitment::size;
  static constexpr std::size_t header_size = outer_size + tink::header_size;
  /// The header says which version sealed.
  static constexpr bool names_key = true;

  [[nodiscard]] static constexpr bool allows(crypto::suite /*suite*/) noexcept { return true; }

  /// Writes the whole header.
  static void write_header(mutable_bytes out, const stream_header& header,
                           crypto::suite suite) noexcept {
    write_bound(out, header, suite);
    std::ranges::copy(header.committed.view(), out.begin() + bound_size);
    tink::write_header(out.subspan(outer_size), header, suite);
  }

  /// Errors: `unsupported_version`, `unsupported_suite`, `limit_exceeded` (segment size),
  /// `malformed`.
  [[nodiscard]] static result<stream_header> read_header(bytes_view in, crypto::suite suite) {
    if (in[0] != version)
      return error(errc::unsupported_version).with(fact::limit, version).with(fact::version, in[0]);
    if (in[1] != static_cast<std::uint8_t>(suite))
      return error(errc::unsupported_suite)
          .with(fact::limit, static_cast<unsigned>(suite))
          .with(fact::actual, in[1]);
    const auto segment_size = load_big_endian<std::uint32_t>(in.subspan(6));
    if (auto checked = check_segment_size(segment_size); !checked) return checked.error();
    auto header = tink::read_header(in.subspan(outer_size), suite);
    if (!header) return header;
    header->key = key_id(load_big_endian<std::uint32_t>(in.subspan(2)));
    header->segment_size = segment_size;
    header->committed = commitment(in.subspan<bound_size, commitment::size>());
    return header;
  }

  /// The key that the stream's is derived from: one of the purpose's, for streams only.
  [[nodiscard]] static result<secret_key> input_key(const secret_key& purpose) {
    return crypto::subkey(purpose, name);
  }

  /// What the stream's key is bound to: the first bytes of the header and the associated data, each
  /// with its length.
  static void derivation_info(bytes& info, const stream_header& header, crypto::suite suite,
                              bytes_view associated_data) {
    std::uint8_t bound[bound_size];
    write_bound(bound, header, suite);
    append_length_prefixed(info, bound);
    append_length_prefixed(info, associated_data);
  }

 private:
  static void write_bound(mutable_bytes out, const stream_header& header,
                          crypto::suite suite) noexcept {
    out[0] = version;
    out[1] = static_cast<std::uint8_t>(suite);
    store_big_endian(out.subspan(2), header.key.value());
    store_big_endian(out.subspan(6), header.segment_size);
  }
};

/// The key of one stream. Errors: those of the derivation.
template <stream_form Form>
[[nodiscard]] result<secret_key> derive_key(const secret_key& input, const stream_header& header,
                                            crypto::suite suite, bytes_view associated_data) {
  bytes info;
  Form::derivation_info(info, header, suite, associated_data);
  return crypto::hkdf_sha256(input, header.salt.view(), info);
}

/// What the native header says about a stream's key without giving it away. Errors: those of the
/// derivation.
[[nodiscard]] inline result<commitment> commit(const secret_key& derived) {
  auto made = crypto::subkey(derived, "keywarden/1/stream/commitment");
  if (!made) return made.error();
  return commitment(keywarden::detail::view_of(*made).first<commitment::size>());
}

/// The nonce of a segment: `prefix 7 | number u32 big-endian | 1 for the last one, else 0`.
/// Errors: `limit_exceeded` for a number that does not fit 32 bits.
[[nodiscard]] inline result<nonce> segment_nonce(const nonce_prefix& prefix, std::uint64_t number,
                                                 bool last) {
  if (number >= max_segments)
    return error(errc::limit_exceeded)
        .with(fact::reason, "segments in a stream")
        .with(fact::limit, max_segments)
        .with(fact::next_step, "use larger segments");
  nonce made;
  std::ranges::copy(prefix.view(), made.view().begin());
  store_big_endian(made.view().subspan(nonce_prefix::size), static_cast<std::uint32_t>(number));
  made.view().back() = last ? 1 : 0;
  return made;
}

/// Where things are in a stream: arithmetic only. The first segment is shorter by the header.
struct layout {
  /// Bytes per sealed segment.
  std::uint32_t segment_size;
  std::size_t header_size;

  /// How many bytes the whole segment of this number takes, tag included.
  [[nodiscard]] constexpr std::size_t sealed_at(std::uint64_t number) const noexcept {
    return segment_size - (number == 0 ? header_size : 0);
  }
  /// How many bytes of plaintext it holds.
  [[nodiscard]] constexpr std::size_t plain_at(std::uint64_t number) const noexcept {
    return sealed_at(number) - crypto::tag::size;
  }
  /// Where in the stream it begins.
  [[nodiscard]] constexpr std::uint64_t sealed_offset(std::uint64_t number) const noexcept {
    return number == 0 ? header_size : number * segment_size;
  }
  /// Where in the plaintext it begins.
  [[nodiscard]] constexpr std::uint64_t plain_offset(std::uint64_t number) const noexcept {
    return number == 0 ? 0 : plain_at(0) + (number - 1) * plain_at(1);
  }
  /// Which segment holds a place in the plaintext.
  [[nodiscard]] constexpr std::uint64_t segment_of(std::uint64_t offset) const noexcept {
    return offset < plain_at(0) ? 0 : 1 + (offset - plain_at(0)) / plain_at(1);
  }

  /// How many segments hold `size` bytes of plaintext: at least one. Errors: `limit_exceeded`.
  [[nodiscard]] result<std::uint64_t> segments_for_plain(std::uint64_t size) const {
    return bounded(size == 0 ? 1 : segment_of(size - 1) + 1);
  }
  /// How long the stream of `size` bytes of plaintext is. Errors: `limit_exceeded`.
  [[nodiscard]] result<std::uint64_t> sealed_size(std::uint64_t size) const {
    auto count = segments_for_plain(size);
    if (!count) return count;
    return header_size + size + *count * crypto::tag::size;
  }
  /// How many segments a stream of `size` bytes has. Errors: `truncated` when the header or the
  /// last tag does not fit; `limit_exceeded`.
  [[nodiscard]] result<std::uint64_t> segments_for_sealed(std::uint64_t size) const {
    if (size < header_size + crypto::tag::size)
      return error(errc::truncated)
          .with(fact::limit, header_size + crypto::tag::size)
          .with(fact::actual, size);
    const auto count = (size - 1) / segment_size + 1;
    if (count > 1 && size - (count - 1) * segment_size < crypto::tag::size)
      return error(errc::truncated).with(fact::reason, "the last segment is shorter than its tag");
    return bounded(count);
  }
  /// How much plaintext a stream of `size` bytes claims to hold. Errors: as `segments_for_sealed`.
  [[nodiscard]] result<std::uint64_t> plain_size(std::uint64_t size) const {
    auto count = segments_for_sealed(size);
    if (!count) return count;
    return size - header_size - *count * crypto::tag::size;
  }

 private:
  static result<std::uint64_t> bounded(std::uint64_t count) {
    if (count > max_segments)
      return error(errc::limit_exceeded)
          .with(fact::reason, "segments in a stream")
          .with(fact::limit, max_segments)
          .with(fact::actual, count)
          .with(fact::next_step, "use larger segments");
    return count;
  }
};

}  // namespace stream

static_assert(stream_form<stream::native>);
static_assert(stream_form<stream::tink>);

}  // namespace keywarden
