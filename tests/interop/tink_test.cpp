#include <keywarden/core/encoding.hpp>
#include <keywarden/key/opened_key.hpp>
#include <keywarden/key/stream.hpp>

#include <boost/test/unit_test.hpp>

#include "vectors.hpp"

// What another library sealed, opened here; the other direction is tink_interop.cpp.

namespace keywarden::testing {
namespace tink_test {

struct card_numbers {
  static constexpr std::string_view name = "card numbers";
};

key_ring ring_of(const vector_case& each) {
  BOOST_REQUIRE(each.text("Purpose") == card_numbers::name);
  std::vector<key_version> versions(1);
  versions[0].id = key_id(static_cast<std::uint32_t>(each.number("KeyId")));
  versions[0].state = key_state::active;
  versions[0].secret = each.key("Secret");
  return key_ring::adopt(std::move(versions)).value();
}

bytes pattern(std::size_t size) {
  bytes made(size);
  for (std::size_t i = 0; i < size; ++i) made[i] = static_cast<std::uint8_t>(i % 251);
  return made;
}

// Gives the salt and the nonce prefix of a case.
class replayed {
 public:
  explicit replayed(bytes data) : data_(std::move(data)) {}
  [[nodiscard]] result<void> fill(mutable_bytes out) {
    if (out.size() > data_.size() - used_) return errc::backend_failed;
    std::copy_n(data_.begin() + static_cast<std::ptrdiff_t>(used_), out.size(), out.begin());
    used_ += out.size();
    return done();
  }

 private:
  bytes data_;
  std::size_t used_ = 0;
};

template <class Format, class Aead>
void check_message(const vector_case& each) {
  const auto key = opened_key<card_numbers, Aead, Format>::create(ring_of(each)).value();
  auto sealed_bytes = each.data("Sealed");
  const auto opened = key.open(sealed<card_numbers>(sealed_bytes), each.data("AssociatedData"));
  BOOST_REQUIRE(opened);
  BOOST_TEST((*opened == each.data("Plaintext")));
  sealed_bytes.back() ^= 1U;
  BOOST_TEST((key.open(sealed<card_numbers>(sealed_bytes), each.data("AssociatedData")).error() ==
              errc::authentication_failed));
}

template <class Form>
void check_stream(const vector_case& each) {
  const auto key = opened_stream_key<card_numbers, Form>::create(ring_of(each)).value();
  const auto expected = pattern(each.number("PlaintextSize"));
  const auto data = each.data("AssociatedData");
  stream_options options;
  options.segment_size = static_cast<std::uint32_t>(each.number("SegmentSize"));
  auto random = each.data("Salt");
  append(random, each.data("Prefix"));

  bytes made;
  BOOST_REQUIRE(
      key.seal(memory_source(expected), bytes_sink(made), data, options, replayed(random)));
  BOOST_TEST(to_hex(crypto::sha256(made).value().view()) == each.text("SealedSha256"));
  if (each.has("Sealed")) BOOST_TEST((made == each.data("Sealed")));

  bytes opened;
  BOOST_REQUIRE(key.open(memory_source(made), bytes_sink(opened), data, options));
  BOOST_TEST((opened == expected));
}

BOOST_AUTO_TEST_SUITE(tink_suite)

BOOST_AUTO_TEST_CASE(messages_sealed_by_another_library_open) {
  std::size_t checked = 0;
  for (const auto& each : read_vectors("tink_aead.vec")) {
    if (!each.has("Secret")) continue;
    BOOST_TEST_CONTEXT(each.comment) {
      const bool tink = each.text("Form") == "tink";
      const bool gcm = each.text("Suite") == crypto::aes256_gcm::name;
      if (tink && gcm) check_message<format::tink, crypto::aes256_gcm>(each);
      if (tink && !gcm) check_message<format::tink, crypto::chacha20_poly1305>(each);
      if (!tink && gcm) check_message<format::native, crypto::aes256_gcm>(each);
      if (!tink && !gcm) check_message<format::native, crypto::chacha20_poly1305>(each);
      ++checked;
    }
  }
  BOOST_TEST(checked == 12U);
}

BOOST_AUTO_TEST_CASE(the_message_that_tink_publishes_has_the_same_layout) {
  const auto each = read_vectors("tink_aead.vec").front();
  BOOST_REQUIRE(each.text("Suite") == crypto::chacha20_poly1305::name);
  auto message = each.data("Sealed");
  message_header header;
  BOOST_REQUIRE(format::tink::read_header(message, crypto::chacha20_poly1305::id, header));
  BOOST_TEST(header.key.value() == each.number("KeyId"));

  bytes associated(format::tink::associated_overhead + each.data("AssociatedData").size());
  format::tink::associate(associated, message, each.data("AssociatedData"));
  BOOST_TEST((associated == each.data("AssociatedData")));
  auto context = crypto::chacha20_poly1305::context::create(each.key("Key")).value();
  const mutable_bytes all(message);
  const auto body = all.subspan(format::tink::header_size,
                                all.size() - format::tink::header_size - crypto::tag::size);
  const crypto::tag tag(all.last<crypto::tag::size>());
  BOOST_REQUIRE(context.open(header.once, associated, body, tag));
  BOOST_TEST(to_hex(body) == each.text("Plaintext"));
}

BOOST_AUTO_TEST_CASE(streams_are_byte_for_byte_those_of_another_library) {
  std::size_t checked = 0;
  for (const auto& each : read_vectors("tink_stream.vec")) {
    BOOST_TEST_CONTEXT(each.comment) {
      if (each.text("Form") == "tink")
        check_stream<stream::tink>(each);
      else
        check_stream<stream::native>(each);
      ++checked;
    }
  }
  BOOST_TEST(checked == 14U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tink_test

}  // namespace keywarden::testing
