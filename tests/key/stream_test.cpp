#include <keywarden/key/stream.hpp>

#include <fcntl.h>
#include <stdlib.h>

#include <array>
#include <atomic>
#include <numeric>
#include <stdexcept>
#include <thread>

#include <boost/test/unit_test.hpp>

#include "support/content.hpp"

namespace keywarden::testing {
namespace stream_test {

struct files {
  static constexpr std::string_view name = "files";
};
struct other_files {
  static constexpr std::string_view name = "other files";
};

using native_key = opened_stream_key<files>;
using tink_key = opened_stream_key<files, stream::tink>;

constexpr std::uint32_t small = stream::least_segment_size;
constexpr stream::layout native_places{small, stream::native::header_size};
constexpr stream::layout tink_places{small, stream::tink::header_size};

key_ring new_ring() { return key_ring::create(time_point{}).value(); }

stream_options small_segments(unsigned threads = 1) {
  stream_options options;
  options.segment_size = small;
  options.threads = threads;
  return options;
}

hazmat::deterministic_random repeated() { return {7, hazmat::insecure_access::i_know_what_i_do()}; }

// Memory that can only be read in order, a few bytes at a time, like a pipe.
class trickle {
 public:
  explicit trickle(bytes_view data, std::size_t piece = 777) : rest_(data), piece_(piece) {}
  [[nodiscard]] result<std::size_t> read(mutable_bytes out) {
    const auto count = std::min({out.size(), rest_.size(), piece_});
    std::ranges::copy(rest_.first(count), out.begin());
    rest_ = rest_.subspan(count);
    return count;
  }

 private:
  bytes_view rest_;
  std::size_t piece_;
};
static_assert(byte_source<trickle> && !random_access_source<trickle>);

template <class Key>
bytes sealed_by(const Key& key, bytes_view data, bytes_view associated = {}, unsigned threads = 1) {
  bytes out;
  key.seal(memory_source(data), bytes_sink(out), associated, small_segments(threads)).value();
  return out;
}

// Opens in every way and insists that all ways agree; returns how it went, and what was given out.
struct opening {
  errc refusal = errc::none;
  bytes given;
};
template <class Key>
opening open_every_way(const Key& key, bytes_view data, bytes_view associated = {}) {
  opening first;
  bool begun = false;
  const auto agree = [&](const result<std::uint64_t>& how, const bytes& given) {
    opening now{how ? errc::none : how.error().code(), given};
    if (how) BOOST_TEST(*how == given.size());
    if (!begun) first = now;
    begun = true;
    BOOST_TEST(name_of(now.refusal) == name_of(first.refusal));
    BOOST_TEST((now.given == first.given));
  };
  for (const unsigned threads : {1U, 3U}) {
    bytes in_order;
    const auto ordered =
        key.open(trickle(data), bytes_sink(in_order), associated, small_segments(threads));
    agree(ordered, in_order);
    bytes in_place;
    const auto placed =
        key.open(memory_source(data), bytes_sink(in_place), associated, small_segments(threads));
    agree(placed, in_place);
  }
  return first;
}

// Just what the refusal is; for cases where a source of known size refuses before it gives anything
// out.
template <class Key>
errc refusal_in_order(const Key& key, bytes_view data, bytes_view associated = {}) {
  bytes out;
  const auto how =
      key.open(trickle(data, data.size() + 1), bytes_sink(out), associated, small_segments());
  return how ? errc::none : how.error().code();
}
template <class Key>
errc refusal_in_place(const Key& key, bytes_view data, bytes_view associated = {}) {
  bytes out;
  const auto how = key.open(memory_source(data), bytes_sink(out), associated, small_segments());
  return how ? errc::none : how.error().code();
}

// The parts of a stream: its header, and its segments.
struct parts {
  bytes header;
  std::vector<bytes> segments;

  parts(bytes_view data, const stream::layout& places)
      : header(to_bytes(data.first(places.header_size))) {
    data = data.subspan(places.header_size);
    while (!data.empty()) {
      const auto count = std::min(data.size(), places.sealed_at(segments.size()));
      segments.push_back(to_bytes(data.first(count)));
      data = data.subspan(count);
    }
  }
  [[nodiscard]] bytes joined() const {
    auto out = header;
    for (const auto& each : segments) append(out, each);
    return out;
  }
};

BOOST_AUTO_TEST_SUITE(stream_suite)

BOOST_AUTO_TEST_CASE(every_length_around_a_segment_boundary_survives) {
  const auto ring = new_ring();
  const auto native = native_key::create(ring).value();
  const auto tink = tink_key::create(ring).value();
  for (const auto& places : {native_places, tink_places}) {
    const auto first = places.plain_at(0);
    const auto second = first + places.plain_at(1);
    for (const auto size : {std::size_t{0}, std::size_t{1}, first - 1, first, first + 1, second - 1,
                            second, second + 1, std::size_t{50000}}) {
      BOOST_TEST_CONTEXT(size) {
        const auto data = content(size);
        const auto sealed_native = sealed_by(native, data, as_bytes("about"));
        BOOST_TEST(sealed_native.size() == native_key::sealed_size(size, small).value());
        auto opened = open_every_way(native, sealed_native, as_bytes("about"));
        BOOST_TEST((opened.refusal == errc::none && opened.given == data));
        const auto sealed_tink = sealed_by(tink, data, as_bytes("about"));
        BOOST_TEST(sealed_tink.size() == tink_key::sealed_size(size, small).value());
        opened = open_every_way(tink, sealed_tink, as_bytes("about"));
        BOOST_TEST((opened.refusal == errc::none && opened.given == data));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(what_is_written_does_not_depend_on_threads_or_on_the_kind_of_source) {
  const auto key = native_key::create(new_ring()).value();
  const auto data = content(300000);
  bytes expected;
  BOOST_REQUIRE(
      key.seal(memory_source(data), bytes_sink(expected), {}, small_segments(), repeated()));
  for (const unsigned threads : {1U, 2U, 8U}) {
    bytes placed;
    BOOST_REQUIRE(
        key.seal(memory_source(data), bytes_sink(placed), {}, small_segments(threads), repeated()));
    BOOST_TEST((placed == expected));
    bytes ordered;
    BOOST_REQUIRE(
        key.seal(trickle(data), bytes_sink(ordered), {}, small_segments(threads), repeated()));
    BOOST_TEST((ordered == expected));
    bytes opened;
    BOOST_REQUIRE(
        key.open(memory_source(expected), bytes_sink(opened), {}, small_segments(threads)));
    BOOST_TEST((opened == data));
  }
}

BOOST_AUTO_TEST_CASE(two_streams_of_the_same_content_differ) {
  const auto key = native_key::create(new_ring()).value();
  const auto data = content(100);
  const auto one = sealed_by(key, data);
  const auto two = sealed_by(key, data);
  BOOST_TEST((parts(one, native_places).header != parts(two, native_places).header));
  BOOST_TEST((parts(one, native_places).segments != parts(two, native_places).segments));
}

BOOST_AUTO_TEST_CASE(other_aeads_seal_native_streams_and_do_not_open_each_other) {
  const auto ring = new_ring();
  const auto chacha =
      opened_stream_key<files, stream::native, crypto::chacha20_poly1305>::create(ring).value();
  const auto siv =
      opened_stream_key<files, stream::native, crypto::aes256_gcm_siv>::create(ring).value();
  const auto data = content(9000);
  BOOST_TEST((open_every_way(chacha, sealed_by(chacha, data)).given == data));
  BOOST_TEST((open_every_way(siv, sealed_by(siv, data)).given == data));
  BOOST_TEST((open_every_way(siv, sealed_by(chacha, data)).refusal == errc::unsupported_suite));
}

BOOST_AUTO_TEST_CASE(each_altered_byte_of_the_native_header_is_refused_for_its_reason) {
  const auto key = native_key::create(new_ring()).value();
  const auto good = sealed_by(key, content(9000));
  for (std::size_t i = 0; i < stream::native::header_size; ++i) {
    auto bad = good;
    bad[i] ^= 0x01U;
    auto expected = errc::authentication_failed;
    if (i == 0) expected = errc::unsupported_version;
    if (i == 1) expected = errc::unsupported_suite;
    if (i >= 2 && i < 6) expected = errc::unknown_key;
    if (i == 6) expected = errc::limit_exceeded;  // 16 MiB and more
    if (i == stream::native::outer_size) expected = errc::malformed;
    BOOST_TEST_CONTEXT("byte " << i) {
      const auto opened = open_every_way(key, bad);
      BOOST_TEST(name_of(opened.refusal) == name_of(expected));
      BOOST_TEST(opened.given.empty());
      const auto reader = key.reader(memory_source(bad));
      BOOST_REQUIRE(!reader);
      BOOST_TEST(name_of(reader.error().code()) == name_of(expected));
    }
  }
}

BOOST_AUTO_TEST_CASE(each_altered_byte_of_tinks_header_is_refused_for_its_reason) {
  const auto key = tink_key::create(new_ring()).value();
  const auto good = sealed_by(key, content(9000));
  for (std::size_t i = 0; i < stream::tink::header_size; ++i) {
    auto bad = good;
    bad[i] ^= 0x80U;
    const auto opened = open_every_way(key, bad);
    BOOST_TEST(name_of(opened.refusal) ==
               name_of(i == 0 ? errc::malformed : errc::authentication_failed));
    BOOST_TEST(opened.given.empty());
  }
}

BOOST_AUTO_TEST_CASE(an_altered_byte_in_a_segment_is_refused_and_what_is_given_out_ends_before_it) {
  const auto key = native_key::create(new_ring()).value();
  const auto data = content(15000);
  const auto good = sealed_by(key, data);
  const auto segments = parts(good, native_places).segments.size();
  BOOST_REQUIRE(segments == 4U);
  for (std::uint64_t number = 0; number < segments; ++number) {
    const auto begin = native_places.sealed_offset(number);
    const auto end = std::min<std::uint64_t>(good.size(), native_places.sealed_offset(number + 1));
    for (const auto at : {begin, begin + 1, (begin + end) / 2, end - 16, end - 1}) {
      auto bad = good;
      bad[at] ^= 0x10U;
      const auto opened = open_every_way(key, bad);
      BOOST_TEST(name_of(opened.refusal) == name_of(errc::authentication_failed));
      BOOST_TEST(opened.given.size() == native_places.plain_offset(number));
      BOOST_TEST(std::ranges::equal(opened.given, bytes_view(data).first(opened.given.size())));
    }
  }
}

BOOST_AUTO_TEST_CASE(every_shorter_stream_is_refused) {
  const auto key = native_key::create(new_ring()).value();
  const auto good =
      sealed_by(key, content(native_places.plain_at(0) + native_places.plain_at(1) + 40));
  for (std::size_t size = 0; size < good.size(); ++size) {
    const bool interesting =
        size % small < 110 || size % small > small - 20 || good.size() - size < 60;
    if (!interesting) continue;
    const auto cut = bytes_view(good).first(size);
    // At a boundary, in the header and in a segment's first 16 bytes it shows as what it is.
    const auto header = stream::native::header_size;
    const auto within = size < small ? size - header : size % small;
    const bool shows = size < header || within < crypto::tag::size;
    const auto expected = shows ? errc::truncated : errc::authentication_failed;
    BOOST_TEST_CONTEXT("size " << size) {
      BOOST_TEST(name_of(refusal_in_order(key, cut)) == name_of(expected));
      BOOST_TEST(name_of(refusal_in_place(key, cut)) == name_of(expected));
      const auto reader = key.reader(memory_source(cut));
      BOOST_REQUIRE(!reader);
      BOOST_TEST(name_of(reader.error().code()) == name_of(expected));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_stream_without_its_last_segments_is_truncated) {
  const auto key = tink_key::create(new_ring()).value();
  auto cut = parts(sealed_by(key, content(50000)), tink_places);
  while (cut.segments.size() > 1) {
    cut.segments.pop_back();
    const auto opened = open_every_way(key, cut.joined());
    BOOST_TEST(name_of(opened.refusal) == name_of(errc::truncated));
    BOOST_TEST(opened.given.size() == tink_places.plain_offset(cut.segments.size() - 1));
  }
}

BOOST_AUTO_TEST_CASE(swapped_repeated_and_left_out_segments_are_reordered) {
  const auto key = native_key::create(new_ring()).value();
  const parts good(sealed_by(key, content(50000)), native_places);
  BOOST_REQUIRE(good.segments.size() == 13U);

  auto swapped = good;
  std::swap(swapped.segments[3], swapped.segments[4]);
  auto opened = open_every_way(key, swapped.joined());
  BOOST_TEST(name_of(opened.refusal) == name_of(errc::reordered));
  BOOST_TEST(opened.given.size() == native_places.plain_offset(3));

  swapped = good;
  std::swap(swapped.segments[2], swapped.segments[10]);
  BOOST_TEST((open_every_way(key, swapped.joined()).refusal == errc::reordered));
  swapped = good;
  std::swap(swapped.segments[2], swapped.segments[11]);  // nine places away: not looked for
  BOOST_TEST((open_every_way(key, swapped.joined()).refusal == errc::authentication_failed));

  auto repeated_one = good;
  repeated_one.segments.insert(repeated_one.segments.begin() + 6, good.segments[5]);
  opened = open_every_way(key, repeated_one.joined());
  BOOST_TEST(name_of(opened.refusal) == name_of(errc::reordered));
  BOOST_TEST(opened.given.size() == native_places.plain_offset(6));

  auto left_out = good;
  left_out.segments.erase(left_out.segments.begin() + 7);
  opened = open_every_way(key, left_out.joined());
  BOOST_TEST(name_of(opened.refusal) == name_of(errc::reordered));
  BOOST_TEST(opened.given.size() == native_places.plain_offset(7));

  auto without_first = good;  // nothing is where it was
  without_first.segments.erase(without_first.segments.begin());
  BOOST_TEST((open_every_way(key, without_first.joined()).refusal == errc::authentication_failed));
}

BOOST_AUTO_TEST_CASE(a_segment_of_another_stream_is_refused) {
  const auto key = native_key::create(new_ring()).value();
  parts one(sealed_by(key, content(20000)), native_places);
  const parts two(sealed_by(key, content(20000)), native_places);
  one.segments[2] = two.segments[2];
  BOOST_TEST((open_every_way(key, one.joined()).refusal == errc::authentication_failed));
}

BOOST_AUTO_TEST_CASE(data_after_the_last_segment_is_refused) {
  const auto key = native_key::create(new_ring()).value();
  const auto whole = native_places.plain_at(0) + native_places.plain_at(1);
  const parts full(sealed_by(key, content(whole)), native_places);
  BOOST_REQUIRE(full.segments.size() == 2U);
  for (const std::size_t extra : {16U, 100U, 5000U}) {
    auto longer = full.joined();
    longer.resize(longer.size() + extra);
    BOOST_TEST(name_of(open_every_way(key, longer).refusal) == name_of(errc::malformed));
  }
  auto twice = full;
  twice.segments.push_back(full.segments.back());
  BOOST_TEST((open_every_way(key, twice.joined()).refusal == errc::malformed));

  auto partial =
      sealed_by(key, content(whole - 500));  // the last segment is not whole: it only grows
  partial.resize(partial.size() + 100);
  BOOST_TEST((open_every_way(key, partial).refusal == errc::authentication_failed));
}

BOOST_AUTO_TEST_CASE(other_associated_data_purposes_and_keys_do_not_open) {
  const auto ring = new_ring();
  const auto key = native_key::create(ring).value();
  const auto good = sealed_by(key, content(9000), as_bytes("about"));
  for (const auto* other : {"", "abou", "about ", "About"})
    BOOST_TEST((open_every_way(key, good, as_bytes(other)).refusal == errc::authentication_failed));

  const auto elsewhere = opened_stream_key<other_files>::create(ring).value();
  BOOST_TEST(
      (open_every_way(elsewhere, good, as_bytes("about")).refusal == errc::authentication_failed));

  const auto stranger = native_key::create(new_ring()).value();
  BOOST_TEST((open_every_way(stranger, good, as_bytes("about")).refusal == errc::unknown_key));

  std::vector<key_version> same_id(1);  // another secret under the same id
  same_id[0].id = ring.active().id;
  same_id[0].state = key_state::active;
  same_id[0].secret = random_key().value();
  const auto impostor = native_key::create(key_ring::adopt(std::move(same_id)).value()).value();
  BOOST_TEST(
      (open_every_way(impostor, good, as_bytes("about")).refusal == errc::authentication_failed));
}

BOOST_AUTO_TEST_CASE(native_and_tink_streams_do_not_open_each_other) {
  const auto ring = new_ring();
  const auto native = native_key::create(ring).value();
  const auto tink = tink_key::create(ring).value();
  const auto data = content(9000);
  BOOST_TEST((open_every_way(native, sealed_by(tink, data)).refusal == errc::unsupported_version));
  BOOST_TEST((open_every_way(tink, sealed_by(native, data)).refusal == errc::malformed));
  // Nor does the inner part of a native stream pass for one of Tink's.
  const auto inner = sealed_by(native, data);
  BOOST_TEST((open_every_way(tink, bytes_view(inner).subspan(stream::native::outer_size)).refusal ==
              errc::authentication_failed));
}

BOOST_AUTO_TEST_CASE(older_versions_still_open_and_disabled_ones_do_not) {
  auto ring = new_ring();
  const auto data = content(5000);
  const auto old_id = ring.active().id;
  const auto old_native = sealed_by(native_key::create(ring).value(), data);
  const auto old_tink = sealed_by(tink_key::create(ring).value(), data);
  const auto old_short = sealed_by(tink_key::create(ring).value(), bytes());
  BOOST_REQUIRE(ring.promote(ring.add(time_point{}).value()));

  const auto native = native_key::create(ring).value();
  const auto tink = tink_key::create(ring).value();
  BOOST_TEST((native.active() == ring.active().id));
  BOOST_TEST((open_every_way(native, old_native).given == data));
  BOOST_TEST((open_every_way(tink, old_tink).given == data));  // found by trying
  BOOST_TEST((open_every_way(tink, old_short).refusal == errc::none));
  BOOST_TEST((open_every_way(tink, sealed_by(tink, data)).given == data));
  BOOST_TEST(
      (tink.reader(memory_source(old_tink), {}, small_segments()).value().size() == data.size()));

  BOOST_REQUIRE(ring.disable(old_id));
  const auto later = native_key::create(ring).value();
  BOOST_TEST((open_every_way(later, old_native).refusal == errc::unknown_key));
  BOOST_REQUIRE(ring.add(time_point{}));  // so that there are two to try
  const auto later_tink = tink_key::create(ring).value();
  BOOST_TEST((open_every_way(later_tink, old_tink).refusal == errc::authentication_failed));
  const auto reader = later_tink.reader(memory_source(old_tink), {}, small_segments());
  BOOST_REQUIRE(!reader);
  BOOST_TEST((reader.error() == errc::authentication_failed));
}

BOOST_AUTO_TEST_CASE(segment_sizes_out_of_bounds_are_refused_before_anything_is_read_or_written) {
  const auto key = native_key::create(new_ring()).value();
  for (const std::uint32_t size :
       {0U, 1U, small - 1, stream::largest_segment_size + 1, 0xffffffffU}) {
    auto options = small_segments();
    options.segment_size = size;
    bytes out;
    const auto made = key.seal(memory_source({}), bytes_sink(out), {}, options);
    BOOST_REQUIRE(!made);
    BOOST_TEST((made.error() == errc::limit_exceeded));
    BOOST_TEST(out.empty());

    auto hostile = sealed_by(key, content(100));
    store_big_endian(mutable_bytes(hostile).subspan(6), size);
    BOOST_TEST((open_every_way(key, hostile).refusal == errc::limit_exceeded));
  }
}

BOOST_AUTO_TEST_CASE(a_number_of_threads_out_of_bounds_is_refused) {
  const auto key = native_key::create(new_ring()).value();
  for (const unsigned threads : {0U, stream_options::max_threads + 1}) {
    bytes out;
    const auto made = key.seal(memory_source({}), bytes_sink(out), {}, small_segments(threads));
    BOOST_REQUIRE(!made);
    BOOST_TEST((made.error() == errc::limit_exceeded));
  }
}

BOOST_AUTO_TEST_CASE(more_than_2_to_the_32_segments_are_refused) {
  struct endless {
    static result<std::uint64_t> size() { return std::uint64_t{1} << 62U; }
    static result<std::size_t> read_at(std::uint64_t, mutable_bytes out) { return out.size(); }
  };
  const auto key = native_key::create(new_ring()).value();
  bytes out;
  const auto made = key.seal(endless(), bytes_sink(out), {}, small_segments());
  BOOST_REQUIRE(!made);
  BOOST_TEST((made.error() == errc::limit_exceeded));
  BOOST_TEST(out.empty());

  const auto most = native_places.plain_offset(stream::max_segments);
  BOOST_TEST((native_places.segments_for_plain(most).value() == stream::max_segments));
  BOOST_TEST((native_places.segments_for_plain(most + 1).error() == errc::limit_exceeded));
  BOOST_TEST((native_places.sealed_size(most).value() == stream::max_segments * small));
  BOOST_TEST((native_places.segments_for_sealed(stream::max_segments * small).has_value()));
  BOOST_TEST((native_places.segments_for_sealed(stream::max_segments * small + 20).error() ==
              errc::limit_exceeded));
  BOOST_TEST((stream::segment_nonce({}, stream::max_segments - 1, true).has_value()));
  BOOST_TEST(
      (stream::segment_nonce({}, stream::max_segments, true).error() == errc::limit_exceeded));
}

BOOST_AUTO_TEST_CASE(reading_anywhere_gives_what_reading_in_order_gives) {
  const auto ring = new_ring();
  const auto native = native_key::create(ring).value();
  const auto tink = tink_key::create(ring).value();
  const auto data = content(30000);
  const auto one = sealed_by(native, data, as_bytes("about"));
  const auto two = sealed_by(tink, data, as_bytes("about"));
  auto native_reader = native.reader(memory_source(one), as_bytes("about")).value();
  auto tink_reader = tink.reader(memory_source(two), as_bytes("about"), small_segments()).value();
  BOOST_TEST(native_reader.size() == data.size());
  BOOST_TEST(tink_reader.size() == data.size());
  for (std::size_t offset = 0; offset < data.size() + 300; offset += 997) {
    for (const std::size_t size : {0U, 1U, 500U, 4080U, 13000U}) {
      const auto expected = offset < data.size() ? bytes_view(data).subspan(
                                                       offset, std::min(size, data.size() - offset))
                                                 : bytes_view();
      bytes out(size);
      BOOST_TEST(native_reader.read_at(offset, out).value() == expected.size());
      BOOST_TEST(std::ranges::equal(bytes_view(out).first(expected.size()), expected));
      out.assign(size, 0);
      BOOST_TEST(tink_reader.read_at(offset, out).value() == expected.size());
      BOOST_TEST(std::ranges::equal(bytes_view(out).first(expected.size()), expected));
    }
  }
}

BOOST_AUTO_TEST_CASE(an_empty_stream_reads_as_empty) {
  const auto key = native_key::create(new_ring()).value();
  const auto good = sealed_by(key, {});
  auto reader = key.reader(memory_source(good)).value();
  bytes out(10);
  BOOST_TEST(reader.size() == 0U);
  BOOST_TEST(reader.read_at(0, out).value() == 0U);
}

BOOST_AUTO_TEST_CASE(a_reader_reads_only_what_it_touches) {
  struct counted {
    bytes_view data;
    std::size_t* read;
    [[nodiscard]] result<std::uint64_t> size() const { return std::uint64_t{data.size()}; }
    [[nodiscard]] result<std::size_t> read_at(std::uint64_t offset, mutable_bytes out) const {
      auto count = memory_source(data).read_at(offset, out);
      *read += *count;
      return count;
    }
  };
  const auto key = native_key::create(new_ring()).value();
  const auto good = sealed_by(key, content(400000));
  std::size_t read = 0;
  auto reader = key.reader(counted{good, &read}).value();
  BOOST_TEST(read <= stream::native::header_size + small);  // the header and the last segment
  read = 0;
  bytes out(10);
  BOOST_TEST(reader.read_at(100000, out).value() == 10U);
  BOOST_TEST(read == small);
  BOOST_TEST(reader.read_at(100010, out).value() == 10U);
  BOOST_TEST(read == small);  // still the same segment
}

BOOST_AUTO_TEST_CASE(a_reader_refuses_the_altered_segment_and_wipes_what_it_had_given) {
  const auto key = native_key::create(new_ring()).value();
  const auto data = content(30000);
  auto bad = sealed_by(key, data);
  bad[3 * small + 50] ^= 1U;
  auto reader = key.reader(memory_source(bad)).value();  // not touched yet
  bytes out(2 * small, 0xAA);
  const auto read = reader.read_at(native_places.plain_offset(2), out);
  BOOST_REQUIRE(!read);
  BOOST_TEST((read.error() == errc::authentication_failed));
  BOOST_TEST((out == bytes(out.size())));
  BOOST_TEST(reader.read_at(native_places.plain_offset(2), mutable_bytes(out).first(100)).value() ==
             100U);
  BOOST_TEST(std::ranges::equal(bytes_view(out).first(100),
                                bytes_view(data).subspan(native_places.plain_offset(2), 100)));

  parts swapped(sealed_by(key, data), native_places);
  std::swap(swapped.segments[1], swapped.segments[2]);
  const auto joined = swapped.joined();
  auto other = key.reader(memory_source(joined)).value();
  BOOST_TEST((other.read_at(native_places.plain_offset(2), out).error() == errc::reordered));
}

BOOST_AUTO_TEST_CASE(a_sink_that_fails_stops_every_thread_and_its_refusal_comes_back) {
  const auto key = native_key::create(new_ring()).value();
  const auto data = content(200000);
  for (const unsigned threads : {1U, 4U}) {
    bytes room(50000);
    const auto made = key.seal(memory_source(data), span_sink(room), {}, small_segments(threads));
    BOOST_REQUIRE(!made);
    BOOST_TEST((made.error() == errc::buffer_too_small));
  }
}

BOOST_AUTO_TEST_CASE(a_source_that_fails_or_shrinks_is_refused) {
  struct failing {
    std::size_t left;
    result<std::size_t> read(mutable_bytes out) {
      if (left == 0) return error(errc::io_failed);
      const auto count = std::min(left, out.size());
      left -= count;
      return count;
    }
  };
  struct shrinking {
    static result<std::uint64_t> size() { return std::uint64_t{100000}; }
    static result<std::size_t> read_at(std::uint64_t offset, mutable_bytes out) {
      return offset > 50000 ? 0 : out.size();
    }
  };
  const auto key = native_key::create(new_ring()).value();
  for (const unsigned threads : {1U, 4U}) {
    bytes out;
    BOOST_TEST((key.seal(failing{30000}, bytes_sink(out), {}, small_segments(threads)).error() ==
                errc::io_failed));
    BOOST_TEST((key.seal(shrinking(), bytes_sink(out), {}, small_segments(threads)).error() ==
                errc::io_failed));
    BOOST_TEST((key.open(failing{50}, bytes_sink(out), {}, small_segments(threads)).error() ==
                errc::io_failed));
  }
}

BOOST_AUTO_TEST_CASE(what_a_sink_throws_passes_through_after_all_threads_have_ended) {
  struct throwing {
    int left = 5;
    result<void> write(bytes_view) {
      if (--left == 0) throw std::runtime_error("full");
      return done();
    }
  };
  const auto key = native_key::create(new_ring()).value();
  const auto data = content(200000);
  for (const unsigned threads : {1U, 4U})
    BOOST_CHECK_THROW((void)key.seal(memory_source(data), throwing(), {}, small_segments(threads)),
                      std::runtime_error);
}

BOOST_AUTO_TEST_CASE(progress_is_reported_in_order_and_ends_at_the_size) {
  const auto key = native_key::create(new_ring()).value();
  const auto data = content(50000);
  for (const unsigned threads : {1U, 4U}) {
    std::vector<std::uint64_t> seen;
    auto options = small_segments(threads);
    options.progress = [&](std::uint64_t so_far) { seen.push_back(so_far); };
    bytes sealed_bytes;
    BOOST_REQUIRE(key.seal(memory_source(data), bytes_sink(sealed_bytes), {}, options));
    BOOST_TEST(std::ranges::is_sorted(seen));
    BOOST_TEST(seen.size() == 13U);
    BOOST_TEST(seen.back() == data.size());
    seen.clear();
    bytes opened;
    BOOST_REQUIRE(key.open(memory_source(sealed_bytes), bytes_sink(opened), {}, options));
    BOOST_TEST(std::ranges::is_sorted(seen));
    BOOST_TEST(seen.back() == data.size());
  }
}

BOOST_AUTO_TEST_CASE(one_key_serves_several_threads_at_once) {
  const auto key = native_key::create(new_ring()).value();
  const auto data = content(40000);
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      bytes sealed_bytes;
      bytes opened;
      if (key.seal(trickle(data), bytes_sink(sealed_bytes), {}, small_segments(2)) &&
          key.open(trickle(sealed_bytes), bytes_sink(opened), {}, small_segments(2)) &&
          opened == data)
        ++right;
    });
  for (auto& each : threads) each.join();
  BOOST_TEST(right == 4);
}

BOOST_AUTO_TEST_CASE(files_and_pipes_carry_streams) {
  const auto key = native_key::create(new_ring()).value();
  const auto data = content(100000);
  const auto temporary = [] {
    char name[] = "/tmp/keywarden-stream-XXXXXX";
    const int file = ::mkstemp(name);
    ::unlink(name);
    return file;
  };
  const int sealed_file = temporary();
  const int opened_file = temporary();
  BOOST_REQUIRE(key.seal(memory_source(data), fd_sink(sealed_file), {}, small_segments(2)));
  BOOST_REQUIRE(key.open(file_source(sealed_file), fd_sink(opened_file), {}, small_segments(2)));
  bytes again(data.size());
  BOOST_TEST(file_source(opened_file).size().value() == data.size());
  BOOST_REQUIRE(detail::read_exactly_at(file_source(opened_file), 0, again));
  BOOST_TEST((again == data));
  auto reader = key.reader(file_source(sealed_file)).value();
  BOOST_TEST(reader.read_at(77777, mutable_bytes(again).first(1000)).value() == 1000U);
  BOOST_TEST(
      std::ranges::equal(bytes_view(again).first(1000), bytes_view(data).subspan(77777, 1000)));

  std::array<int, 2> pipe_ends{};
  BOOST_REQUIRE(::pipe(pipe_ends.data()) == 0);
  bool written = false;
  std::thread writer([&] {
    written = key.seal(trickle(data), fd_sink(pipe_ends[1]), {}, small_segments()).has_value();
    ::close(pipe_ends[1]);
  });
  bytes opened;
  const auto how = key.open(fd_source(pipe_ends[0]), bytes_sink(opened), {}, small_segments());
  writer.join();
  BOOST_TEST(written);
  BOOST_TEST(how.has_value());
  BOOST_TEST((opened == data));
  BOOST_TEST((file_source(pipe_ends[0]).size().error() == errc::invalid_argument));
  ::close(pipe_ends[0]);
  ::close(sealed_file);
  ::close(opened_file);
  BOOST_TEST((fd_sink(-1).write(as_bytes("x")).error() == errc::io_failed));
  BOOST_TEST((fd_source(-1).read(opened).error() == errc::io_failed));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace stream_test

}  // namespace keywarden::testing
