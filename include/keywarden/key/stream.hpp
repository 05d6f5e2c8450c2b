/// @file
/// Sealed streams: files and pipes of any size, sealed segment by segment under a key ring.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <type_traits>
#include <utility>
#include <vector>

#include <keywarden/core/bytes.hpp>
#include <keywarden/core/random.hpp>
#include <keywarden/core/result.hpp>
#include <keywarden/core/secret.hpp>
#include <keywarden/crypto/aead.hpp>
#include <keywarden/key/byte_stream.hpp>
#include <keywarden/key/file_stream.hpp>
#include <keywarden/key/key_ring.hpp>
#include <keywarden/key/opened_key.hpp>
#include <keywarden/key/purpose.hpp>
#include <keywarden/key/stream_format.hpp>
#include <keywarden/key/stream_pipeline.hpp>
#include <keywarden/key/stream_reader.hpp>
#include <keywarden/key/stream_segments.hpp>

namespace keywarden {

/// How a stream is sealed or opened. Nothing here but the segment size changes what is written.
struct stream_options {
  /// How many threads at most.
  static constexpr unsigned max_threads = 64;

  /// Bytes per sealed segment, 4 KiB to 16 MiB. The native form stores it, so that opening ignores
  /// this one; Tink's does not, so that both sides must say the same.
  std::uint32_t segment_size = stream::default_segment_size;

  /// How many threads seal or open: 1 (the caller's own) to `max_threads`. Memory: a segment for
  /// each, or two when a source that can only be read in order is opened.
  unsigned threads = 1;

  /// Called after each segment is written with how many bytes of plaintext that makes so far; from
  /// any of the threads, one at a time, in order.
  std::function<void(std::uint64_t)> progress;
};

/// A key ring opened for streams of `Purpose`: seals under the active version, opens under
/// whichever sealed.
///
/// Segments are those of Tink's AES256-GCM-HKDF streaming form: each stream has its own key,
/// derived with HKDF-SHA-256 from a random 32-byte salt, so that streams need no count of messages;
/// each segment's nonce holds its number and whether it is the last. `Form` is `stream::native`,
/// which names and commits to its key, or `stream::tink`, for sharing with Tink.
///
/// Protects: secrecy and integrity of the content, its order and its length while it is opened
/// whole; the header and the associated data. Does not protect: the length's secrecy; against
/// replay of a whole stream. Opening writes each segment when it is authentic, so what was written
/// before a refusal is a true beginning: discard it unless a beginning is useful. Immutable and
/// movable; any number of threads may use one object. The keys are wiped with it.
template <purpose Purpose, stream_form Form = stream::native,
          crypto::aead Aead = crypto::aes256_gcm>
class opened_stream_key {
  static_assert(Aead::key_size == 32, "a stream's key has 32 bytes");
  static_assert(Form::allows(Aead::id),
                "this stream form has another AEAD: Tink's form is AES-256-GCM and nothing else");

 public:
  /// Who computes.
  using aead = Aead;
  using form = Form;

  /// Derives the purpose's stream key of every version that opens. Errors: those of the derivation.
  [[nodiscard]] static result<opened_stream_key> create(const key_ring& ring) {
    opened_stream_key made;
    for (const auto& version : ring.versions()) {
      if (!opens(version.state)) continue;
      auto purpose_key = purpose_subkey<Purpose>(version.secret);
      if (!purpose_key) return purpose_key.error();
      auto key = Form::input_key(*purpose_key);
      if (!key) return key.error();
      if (version.state == key_state::active) made.active_ = made.versions_.size();
      made.versions_.push_back({version.id, std::move(*key)});
    }
    return made;
  }

  /// The id of the version that seals.
  [[nodiscard]] key_id active() const noexcept { return versions_[active_].id; }

  /// How many bytes `seal` makes of `size` bytes. Errors: `limit_exceeded` for more than 2^32
  /// segments.
  [[nodiscard]] static result<std::uint64_t> sealed_size(
      std::uint64_t size, std::uint32_t segment_size = stream::default_segment_size) {
    if (auto checked = stream::check_segment_size(segment_size); !checked) return checked.error();
    return stream::layout{segment_size, Form::header_size}.sealed_size(size);
  }

  /// Seals a source to its end; returns how many bytes were written. A `random_access_source` is
  /// read from its first byte, by all threads at once; any other source in order. `associated_data`
  /// is authenticated, not stored. The bytes written depend on the salt, the key and the content,
  /// never on `threads`. Errors: those of the source, the sink and the randomness; `limit_exceeded`
  /// for a segment size or thread count out of bounds and for more than 2^32 segments (before
  /// anything is written where the size is known). What was written before an error is not a
  /// stream.
  template <class Source, class Sink, random_source Random = system_random>
    requires any_source<std::remove_reference_t<Source>> && byte_sink<std::remove_reference_t<Sink>>
  [[nodiscard]] result<std::uint64_t> seal(Source&& source, Sink&& sink,
                                           bytes_view associated_data = {},
                                           const stream_options& options = {},
                                           Random&& random = Random{}) const {
    if (auto checked = check(options); !checked) return checked.error();
    const stream::layout places{options.segment_size, Form::header_size};
    return with_segments(
        source, detail::plain_side{places}, 0,
        [&](std::uint64_t size) { return places.segments_for_plain(size); },
        [&](auto& segments, std::uint64_t count, std::uint64_t largest) -> result<std::uint64_t> {
          stream_header header{active(), options.segment_size, {}, {}, {}};
          if (auto drawn = random.fill(header.salt.view()); !drawn) return drawn.error();
          if (auto drawn = random.fill(header.prefix.view()); !drawn) return drawn.error();
          auto key =
              stream::derive_key<Form>(versions_[active_].input, header, Aead::id, associated_data);
          if (!key) return key.error();
          if constexpr (Form::names_key) {
            auto committed = stream::commit(*key);
            if (!committed) return committed.error();
            header.committed = *committed;
          }
          std::vector<detail::seal_lane<Aead>> lanes;
          for (std::uint64_t i = 0; i < std::min<std::uint64_t>(options.threads, count); ++i) {
            auto cipher = detail::segment_cipher<Aead>::create(*key, header.prefix);
            if (!cipher) return cipher.error();
            lanes.emplace_back(std::move(*cipher), static_cast<std::size_t>(largest));
          }
          std::uint8_t written[Form::header_size];
          Form::write_header(written, header, Aead::id);
          if (auto begun = sink.write(written); !begun) return begun.error();
          auto body = run(segments, lanes, sink, options);
          if (!body) return body;
          return *body + Form::header_size;
        });
  }

  /// Opens a stream to its end; returns how many bytes of plaintext were written to the sink.
  ///
  /// Errors, each whatever the number of threads and the kind of source (of two faults in one
  /// stream, a source of known size may show another one first):
  /// - `truncated`: it ends within the header, within the first 16 bytes of a segment, or at a
  /// segment's end;
  /// - `unsupported_version`, `unsupported_suite`, `malformed`, `limit_exceeded`: the header;
  /// - `unknown_key`: the ring has no version of the header's key id that opens;
  /// - `reordered`: a segment was moved, repeated or left out, as far as eight segments away;
  /// - `malformed`: data follows a whole last segment;
  /// - `authentication_failed`: everything else, so altered data, other associated data, another
  /// key,
  ///   an end within a segment, data after a last segment that was not whole, segments from farther
  ///   away;
  /// - those of the source and the sink; `limit_exceeded` for the options.
  template <class Source, class Sink>
    requires any_source<std::remove_reference_t<Source>> && byte_sink<std::remove_reference_t<Sink>>
  [[nodiscard]] result<std::uint64_t> open(Source&& source, Sink&& sink,
                                           bytes_view associated_data = {},
                                           const stream_options& options = {}) const {
    if (auto checked = check(options); !checked) return checked.error();
    auto header = read_header(source, options);
    if (!header) return header.error();
    const stream::layout places{header->segment_size, Form::header_size};
    result<secret_key> key = secret_key();
    if constexpr (Form::names_key) key = named_key(*header, associated_data);
    if (!key) return key.error();
    return with_segments(
        source, detail::sealed_side{places}, Form::header_size,
        [&](std::uint64_t size) { return places.segments_for_sealed(size); },
        [&](auto& segments, std::uint64_t count, std::uint64_t largest) -> result<std::uint64_t> {
          if constexpr (!Form::names_key)
            key = tried_key(*header, associated_data, segments, static_cast<std::size_t>(largest));
          if (!key) return key.error();
          std::vector<detail::open_lane<Aead>> lanes;
          for (std::uint64_t i = 0; i < std::min<std::uint64_t>(options.threads, count); ++i) {
            auto cipher = detail::segment_cipher<Aead>::create(*key, header->prefix);
            if (!cipher) return cipher.error();
            lanes.emplace_back(std::move(*cipher), static_cast<std::size_t>(largest), places);
          }
          return run(segments, lanes, sink, options);
        });
  }

  /// Opens a stream for reading at any place; authenticates the header and the last segment, so
  /// that its size is known for sure. Keeps `source`. Errors: as `open`, for what is touched.
  template <random_access_source Source>
  [[nodiscard]] result<stream_reader<Source, Aead>> reader(
      Source source, bytes_view associated_data = {}, const stream_options& options = {}) const {
    if (auto checked = check(options); !checked) return checked.error();
    auto header = read_header(source, options);
    if (!header) return header.error();
    const stream::layout places{header->segment_size, Form::header_size};
    result<secret_key> key = secret_key();
    if constexpr (Form::names_key) {
      key = named_key(*header, associated_data);
    } else {
      auto size = source.size();
      if (!size) return size.error();
      auto count = places.segments_for_sealed(*size);
      if (!count) return count.error();
      const detail::placed_segments segments(source, detail::sealed_side{places}, *size, *count);
      key =
          tried_key(*header, associated_data, segments,
                    static_cast<std::size_t>(std::min<std::uint64_t>(*size, places.segment_size)));
    }
    if (!key) return key.error();
    return stream_reader<Source, Aead>::create(std::move(source), *key, header->prefix, places);
  }

 private:
  struct version_key {
    key_id id;
    secret_key input;
  };

  opened_stream_key() = default;

  [[nodiscard]] static result<void> check(const stream_options& options) {
    if (options.threads == 0 || options.threads > stream_options::max_threads)
      return error(errc::limit_exceeded)
          .with(fact::reason, "threads")
          .with(fact::limit, stream_options::max_threads)
          .with(fact::actual, options.threads);
    return stream::check_segment_size(options.segment_size);
  }

  template <class Source>
  [[nodiscard]] static result<stream_header> read_header(Source& source,
                                                         const stream_options& options) {
    std::uint8_t raw[Form::header_size];
    auto filled = [&]() -> result<std::size_t> {
      if constexpr (random_access_source<Source>) {
        auto size = source.size();
        if (!size) return size.error();
        const auto there =
            static_cast<std::size_t>(std::min<std::uint64_t>(*size, Form::header_size));
        if (auto read = detail::read_exactly_at(source, 0, mutable_bytes(raw, there)); !read)
          return read.error();
        return there;
      } else {
        return detail::read_fully(source, raw);
      }
    }();
    if (!filled) return filled.error();
    if (*filled < Form::header_size)
      return error(errc::truncated)
          .with(fact::reason, "the stream's header")
          .with(fact::limit, Form::header_size)
          .with(fact::actual, *filled);
    auto header = Form::read_header(raw, Aead::id);
    if (header && !Form::names_key) header->segment_size = options.segment_size;
    return header;
  }

  // Calls `action` with the source's segments, how many there are at most, and the size of the
  // largest buffer.
  template <class Source, class Side, class Count, class Action>
  [[nodiscard]] static result<std::uint64_t> with_segments(Source& source, const Side& side,
                                                           std::uint64_t skipped,
                                                           const Count& count,
                                                           const Action& action) {
    if constexpr (random_access_source<Source>) {
      auto size = source.size();
      if (!size) return size.error();
      auto segments = count(*size);
      if (!segments) return segments.error();
      detail::placed_segments placed(source, side, *size, *segments);
      return action(placed, *segments,
                    std::min<std::uint64_t>(*size - skipped, side.places.segment_size));
    } else {
      detail::ordered_segments ordered(source, side);
      return action(ordered, std::uint64_t{stream_options::max_threads},
                    std::uint64_t{side.places.segment_size} + 1);
    }
  }

  template <class Segments, class Lane, class Sink>
  [[nodiscard]] static result<std::uint64_t> run(Segments& segments, std::vector<Lane>& lanes,
                                                 Sink& sink, const stream_options& options) {
    return detail::segment_pipeline<Segments, Lane, Sink>(segments, sink, options.progress)
        .run(lanes);
  }

  [[nodiscard]] result<secret_key> named_key(const stream_header& header,
                                             bytes_view associated_data) const {
    const auto version = std::ranges::find(versions_, header.key, &version_key::id);
    if (version == versions_.end())
      return error(errc::unknown_key)
          .with(fact::key, header.key.value())
          .with(fact::next_step,
                "reload the key ring if another process may have rotated it; enable the version if "
                "it was disabled; what a destroyed one sealed is lost");
    auto key = stream::derive_key<Form>(version->input, header, Aead::id, associated_data);
    if (!key) return key;
    auto committed = stream::commit(*key);
    if (!committed) return committed.error();
    if (!Botan::constant_time_compare(committed->view(), header.committed.view()))
      return error(errc::authentication_failed)
          .with(fact::operation, "opening the stream's header")
          .with(fact::reason, "its commitment is to another key, header or associated data");
    return key;
  }

  // A form that does not name its key leaves trying: the active version first, then the newest.
  template <class Segments>
  [[nodiscard]] result<secret_key> tried_key(const stream_header& header,
                                             bytes_view associated_data, Segments& segments,
                                             std::size_t largest) const {
    if (versions_.size() == 1)
      return stream::derive_key<Form>(versions_[0].input, header, Aead::id, associated_data);
    plaintext first(largest);
    plaintext tried(largest);
    auto which = segments.peek(first.view());
    if (!which) return which.error();
    if (which->size < crypto::tag::size)
      return error(errc::truncated)
          .with(fact::limit, crypto::tag::size)
          .with(fact::actual, which->size);
    for (std::size_t i = 0; i <= versions_.size(); ++i) {
      const auto& version = versions_[i == 0 ? active_ : versions_.size() - i];
      if (i != 0 && version.id == active()) continue;
      auto key = stream::derive_key<Form>(version.input, header, Aead::id, associated_data);
      if (!key) return key;
      auto cipher = detail::segment_cipher<Aead>::create(*key, header.prefix);
      if (!cipher) return cipher.error();
      for (const bool last : {which->last, !which->last}) {
        const auto sealed = tried.view().first(which->size);
        std::ranges::copy(first.view().first(which->size), sealed.begin());
        if (cipher->open_as(0, last, sealed)) return key;
      }
    }
    return error(errc::authentication_failed)
        .with(fact::operation, "opening segment 0")
        .with(fact::reason, "no version of the key ring opens it");
  }

  std::vector<version_key> versions_;
  std::size_t active_ = 0;
};

}  // namespace keywarden
